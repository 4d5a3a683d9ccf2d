"""Groups of columns that several events have."""

from __future__ import annotations

from lurcher.collect.events.mapping import values
from lurcher.collect.events.mapping.columns import (
    Expr,
    account,
    converted,
    domain,
    first,
    info,
    integer,
    md5,
    name,
    sha1,
    sha256,
    text,
)


def initiating(image: str, number: str, user: str | None = None) -> dict[str, Expr]:
    r"""The process that did it, by its image, number and, since Sysmon 13, its account (`DOMAIN\name`)."""
    columns = {
        "InitiatingProcessFileName": name(image),
        "InitiatingProcessFolderPath": text(image),
        "InitiatingProcessId": integer(number),
    }
    if user:
        columns["InitiatingProcessAccountDomain"] = domain(user)
        columns["InitiatingProcessAccountName"] = account(user)
    return columns


def subject() -> dict[str, Expr]:
    """Who did it, as the Security log says it of most events."""
    return {
        "InitiatingProcessAccountDomain": text("SubjectDomainName"),
        "InitiatingProcessAccountName": text("SubjectUserName"),
        "InitiatingProcessAccountSid": text("SubjectUserSid"),
    }


def subject_logon() -> dict[str, Expr]:
    return {**subject(), "InitiatingProcessLogonId": integer("SubjectLogonId")}


def file(path: str) -> dict[str, Expr]:
    """A file; Defender's FolderPath is the whole path."""
    return {"FileName": name(path), "FolderPath": text(path)}


def hashes() -> dict[str, Expr]:
    """`Hashes`; `Hash` in Sysmon 15 and in the first versions of Sysmon."""
    kinds = {"SHA1": sha1, "SHA256": sha256, "MD5": md5}
    return {kind: first(of("Hashes"), of("Hash")) for kind, of in kinds.items()}


def version_info() -> dict[str, Expr]:
    return {
        "ProcessVersionInfoCompanyName": info("Company"),
        "ProcessVersionInfoProductName": info("Product"),
        "ProcessVersionInfoOriginalFileName": info("OriginalFileName"),
        "ProcessVersionInfoFileDescription": info("Description"),
    }


def file_of_command(field: str) -> dict[str, Expr]:
    """The file that a service's command line names."""
    return {
        "FileName": converted(values.image_name, field, f"file name of the command {field}"),
        "FolderPath": converted(values.image_of, field, f"file of the command {field}"),
    }
