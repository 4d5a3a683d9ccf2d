"""Catalogues (.cat): lists of digests, signed as a whole. Most of Windows is signed by these, not by signatures in its files.

Source: "Catalog Files and Digital Signatures", "CTL_CONTEXT", CryptCATAdminCalcHashFromFileHandle2 (Microsoft). A catalogue is
a certificate trust list whose usage says so. A member is known by its digest: Authenticode's for programs, that of the whole
file for others. It stands in the member's indirect data, or, where there is none (the second version), is the member's own name.
"""

from __future__ import annotations

from lurcher.collect import cms, der
from lurcher.collect.authenticode import INDIRECT_DATA, TRUST_LIST, Signature, Signatures, read_list
from lurcher.collect.crypto import DIGESTS
from lurcher.collect.der import DerError, Element
from lurcher.collect.pe import PeError, Reader
from lurcher.collect.subjects import Subject

#: The largest catalogues of Windows have some MiB.
MAX_CATALOGUE = 64 * 1024 * 1024
MAX_MEMBERS = 250_000

_LIST = "1.3.6.1.4.1.311.12.1.1"
_BY_LENGTH = {20: "sha1", 32: "sha256"}
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")


def may_be(head: bytes) -> bool:
    """Whether it begins as a PKCS #7 SignedData does."""
    return head[:1] == b"\x30" and _SIGNED_DATA in head[:20]


def read(reader: Reader, file_name: str) -> Subject | None:
    """None for signed data of another sort."""
    if reader.size > MAX_CATALOGUE:
        return None
    content = reader.at(0, reader.size, "the catalogue")
    try:
        info = der.read(content)
        data = cms.signed_data(info)
        if data.content_type != TRUST_LIST or data.content is None or not _is_catalogue(data.content):
            return None
    except DerError as error:
        if file_name.lower().endswith(".cat"):
            raise PeError(f"the catalogue cannot be read: {error}") from None
        return None
    signatures = read_list(info)
    problems = signatures.problems
    members: tuple[tuple[str, bytes], ...] = ()
    try:
        members = tuple(dict.fromkeys(_members(data.content)))
    except DerError as error:
        problems += (f"the members of the catalogue cannot be read: {error}",)
    # What is signed is the list itself: whether it is, the signer's own signature says.
    return Subject("catalogue", Signatures(signatures.found, problems), _always, members=members)


def _always(signature: Signature) -> bool | None:
    return True


def _is_catalogue(content: Element) -> bool:
    usages = der.read(content.data, content.body, content.end)
    return usages.tag == der.SEQUENCE and any(u.tag == der.OID and der.oid(u) == _LIST for u in der.children(usages))


def _members(content: Element) -> list[tuple[str, bytes]]:
    """The digests of all members."""
    # usages, list identifier?, sequence number?, this update, next update?, algorithm, members?
    at, sequences = content.body, []
    for _ in range(8):
        if at >= content.end:
            break
        element = der.read(content.data, at, content.end)
        at = element.end
        if element.tag == der.SEQUENCE:
            sequences.append(element)
    if len(sequences) < 3:
        return []
    found: list[tuple[str, bytes]] = []
    holder = sequences[2]
    at = holder.body
    while at < holder.end:
        if len(found) >= MAX_MEMBERS:
            raise DerError(f"more than {MAX_MEMBERS} members")
        member = der.read(holder.data, at, holder.end)
        at = member.end
        found += _digests(member)
    return found


def _digests(member: Element) -> list[tuple[str, bytes]]:
    fields = der.Fields(member.expect(der.SEQUENCE, "member"), "member")
    name = fields.take(der.OCTET_STRING).content
    stated = [d for attributes in fields.rest() if attributes.tag == der.SET for d in _stated(attributes)]
    if stated:
        return stated
    return [(_BY_LENGTH[len(name)], name)] if len(name) in _BY_LENGTH else []


def _stated(attributes: Element) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for attribute in der.children(attributes):
        parts = der.Fields(attribute.expect(der.SEQUENCE, "attribute"), "attribute")
        if der.oid(parts.take()) != INDIRECT_DATA:
            continue
        for value in der.children(parts.take(der.SET)):
            indirect = der.Fields(value.expect(der.SEQUENCE, "indirect data"), "indirect data")
            indirect.take(der.SEQUENCE)
            digest = der.Fields(indirect.take(der.SEQUENCE), "digest")
            kind = DIGESTS.get(cms.algorithm(digest.take()).oid)
            content = digest.take(der.OCTET_STRING).content
            if kind is not None:
                found.append((kind, content))
    return found
