"""The stream `Zone.Identifier`: where a file came from, as the program that fetched it wrote it down.

[ZoneTransfer]
ZoneId=3
ReferrerUrl=https://contoso.com/
HostUrl=https://contoso.com/a.exe
"""

from __future__ import annotations

import re

_LINE = re.compile(r"(?:^|\s)(HostUrl|ReferrerUrl)=(\S+)")


def _value(contents: str, name: str) -> str | None:
    return next((value for key, value in _LINE.findall(contents) if key == name), None)


def host_url(contents: str) -> str | None:
    return _value(contents, "HostUrl")


def referrer_url(contents: str) -> str | None:
    return _value(contents, "ReferrerUrl")
