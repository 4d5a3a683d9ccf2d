"""One text of an event -> one value of a column; None where the text does not say it.

Each distinct text is looked at once, so these are plain functions. Sources: "Sysmon" and "Advanced security audit policy"
(Microsoft Learn), the schema reference of Microsoft Defender XDR.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from lurcher.collect import entities
from lurcher.collect.exports import times
from lurcher.collect.exports.context import ReadContext

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,19}")
_GUID = re.compile(r"\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?")
_IMAGE = re.compile(r"(.*?\.(?:exe|sys|dll|com|bat|cmd|scr|ps1))(?=\s|$)", re.IGNORECASE | re.DOTALL)

#: What a provider writes where it has no value.
UNKNOWN = frozenset({"", "-"})


def file_name(path: str) -> str | None:
    """The last part of a path of Windows, which takes slashes as well, or, where it begins with a slash, of Linux."""
    if path.startswith("/"):
        return path.rpartition("/")[2] or None
    return path[max(path.rfind("\\"), path.rfind("/")) + 1 :] or None


def integer(text: str) -> int | None:
    """An integer as 64 bits hold it: decimal, or hexadecimal with `0x`."""
    text = text.strip()
    if _HEX.fullmatch(text):
        value = int(text, 16)
    elif _DECIMAL.fullmatch(text):
        value = int(text)
    else:
        return None
    return value if -(1 << 63) <= value < 1 << 63 else None


def small_integer(text: str) -> int | None:
    """An integer as 32 bits hold it."""
    value = integer(text)
    return value if value is not None and -(1 << 31) <= value < 1 << 31 else None


def port(text: str) -> int | None:
    value = integer(text)
    return value if value is not None and 0 <= value < 1 << 16 else None


def truth(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())


def guid(text: str) -> str | None:
    """Lower case, hyphens, no braces."""
    found = _GUID.fullmatch(text.strip())
    return "-".join(found.groups()).lower() if found else None


def domain(account: str) -> str | None:
    r"""The part before the backslash of `DOMAIN\name`."""
    before, mark, _ = account.partition("\\")
    return before if mark and before not in UNKNOWN else None


def account_name(account: str) -> str | None:
    before, mark, after = account.partition("\\")
    name = after if mark else before
    return None if name in UNKNOWN else name


def time(text: str) -> int | None:
    """Microseconds since 1970 of a time in ISO form; one without a zone is UTC, as Sysmon writes it."""
    try:
        return times.parse(text, _NO_CONTEXT) if text[:4].isdigit() else None
    except (ValueError, OverflowError):
        return None


_NO_CONTEXT = ReadContext(lambda _: None, "")


# --- hashes ---

_LENGTHS = {32: "MD5", 40: "SHA1", 64: "SHA256"}
_DIGITS = frozenset("0123456789abcdefABCDEF")


@lru_cache(4096)  # three columns ask for each
def hashes(text: str) -> dict[str, str]:
    """The hashes of `SHA1=..,MD5=..,IMPHASH=..` by the algorithm's name; of Sysmon 1 to 3 there is one, without its name."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, mark, value = part.strip().rpartition("=")
        value = value.strip()
        if not value or not _DIGITS.issuperset(value):
            continue
        algorithm = name.strip().upper() if mark else _LENGTHS.get(len(value), "")
        # A hash of the wrong length is none: it was cut, or is something else.
        if _LENGTHS.get(len(value)) == algorithm or (algorithm == "IMPHASH" and len(value) == 32):
            found.setdefault(algorithm, value.lower())
    return found


def sha1(text: str) -> str | None:
    return hashes(text).get("SHA1")


def sha256(text: str) -> str | None:
    return hashes(text).get("SHA256")


def md5(text: str) -> str | None:
    return hashes(text).get("MD5")


# --- addresses ---

_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_CARRIER = ipaddress.ip_network("100.64.0.0/10")
_TEREDO = ipaddress.ip_network("2001::/32")
_BROADCAST = ipaddress.ip_address("255.255.255.255")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        # A zone (`fe80::1%4`) says which of the machine's interfaces, not which address.
        return ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None


def ip(text: str) -> str | None:
    """An address, IPv6 in its short form (Sysmon writes `0:0:0:0:0:0:0:1`)."""
    address = _address(text)
    if isinstance(address, ipaddress.IPv6Address) and (inner := address.ipv4_mapped):
        return f"::ffff:{inner}"
    return None if address is None else str(address)


def ip_type(text: str) -> str | None:
    """Defender's LocalIPType and RemoteIPType. Empty where the documented kinds do not say what it is (multicast)."""
    address = _address(text)
    if address is None or address.is_multicast:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return "FourToSixMapping"
    if address.is_loopback:
        return "Loopback"
    if address == _BROADCAST:
        return "Broadcast"
    if address in _TEREDO:
        return "Teredo"
    if any(address in network for network in _PRIVATE):
        return "Private"
    if address.is_link_local:
        return "LinkLocal"
    if address in _CARRIER:
        return "CarrierGradeNat"
    # `is_reserved` of Python holds parts of IPv6 that IANA has not given away, of which none is in use.
    return "Public" if address.is_global else "Reserved"


def protocol(text: str) -> str | None:
    """Sysmon's `tcp`, or the number that IANA gave it (5156), as Defender writes it."""
    return {"tcp": "Tcp", "udp": "Udp", "6": "Tcp", "17": "Udp", "1": "Icmp"}.get(text.strip().lower())


# --- devices ---


def device_id(computer: str) -> str | None:
    """The id that a host has in every source that has none of its own: Defender's is made by its service and in no event."""
    return entities.device_id(computer) or None


# --- the registry ---


def registry_value(path: str) -> str | None:
    """The name of a value: what follows the last backslash, slashes and all."""
    return path.rpartition("\\")[2] or None


_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
_NATIVE = re.compile(r"\\REGISTRY\\(MACHINE|USER)(?=\\|$)", re.IGNORECASE)


def registry_key(path: str) -> str | None:
    """A key with its hive's name in full, as Defender has it."""
    if native := _NATIVE.match(path):
        return ("HKEY_LOCAL_MACHINE" if native[1].upper() == "MACHINE" else "HKEY_USERS") + path[native.end() :]
    hive, mark, rest = path.partition("\\")
    return _HIVES.get(hive.upper(), hive) + mark + rest


def registry_parent(path: str) -> str | None:
    """The key that a value is in."""
    return registry_key(path.rpartition("\\")[0])


_DWORD = re.compile(r"DWORD \(0x([0-9a-fA-F]{1,8})\)")
_QWORD = re.compile(r"QWORD \(0x([0-9a-fA-F]{1,8})-0x([0-9a-fA-F]{1,8})\)")


def registry_data(details: str) -> str | None:
    """Sysmon's `Details` as Defender writes a value: numbers in decimal. Sysmon does not say what a binary value holds."""
    if number := _DWORD.fullmatch(details):
        return str(int(number[1], 16))
    if number := _QWORD.fullmatch(details):
        return str(int(number[1], 16) << 32 | int(number[2], 16))
    return None if details in ("Binary Data", "(Empty)") else details


def registry_type(details: str) -> str | None:
    """The type where `Details` tells it: text may be of three types, so there is none for it."""
    if _DWORD.fullmatch(details):
        return "Dword"
    if _QWORD.fullmatch(details):
        return "Qword"
    return "Binary" if details == "Binary Data" else None


# --- what codes mean ---

LOGON_TYPES = {
    0: "System",
    2: "Interactive",
    3: "Network",
    4: "Batch",
    5: "Service",
    7: "Unlock",
    8: "NetworkCleartext",
    9: "NewCredentials",
    10: "RemoteInteractive",
    11: "CachedInteractive",
    12: "CachedRemoteInteractive",
    13: "CachedUnlock",
}


def logon_type(text: str) -> str | None:
    number = integer(text)
    return None if number is None else LOGON_TYPES.get(number)


#: `%%` codes of FailureReason (4625): the two whose name in Defender is published, the others by the system's own text.
FAILURES = {
    "%%2304": "An Error occured during Logon.",
    "%%2305": "The specified user account has expired.",
    "%%2306": "The NetLogon component is not active.",
    "%%2307": "Account locked out.",
    "%%2308": "UnauthorizedLogonType",
    "%%2309": "The specified account's password has expired.",
    "%%2310": "Account currently disabled.",
    "%%2311": "Account logon time restriction violation.",
    "%%2312": "User not allowed to logon at this computer.",
    "%%2313": "InvalidUserNameOrPassword",
}


def failure(text: str) -> str | None:
    """A code's meaning; any other text as it is (a form may have put the words in the code's place)."""
    return FAILURES.get(text) if text.startswith("%%") else text


def elevation(text: str) -> str | None:
    """4688's TokenElevationType."""
    kinds = {"1": "Default", "2": "Full", "3": "Limited"}
    code = {"%%1936": "1", "%%1937": "2", "%%1938": "3"}.get(text, text.rpartition("(")[2].rstrip(")"))
    if code in kinds:
        return f"TokenElevationType{kinds[code]}"
    return text if text.startswith("TokenElevationType") else None


_LEVELS = {0: "Untrusted", 4096: "Low", 8192: "Medium", 8448: "MediumPlus", 12288: "High", 16384: "System"}
_LABEL = re.compile(
    r"S-1-16-(\d{1,5})|(?:Mandatory Label\\)?(Untrusted|Low|Medium|Medium Plus|High|System) Mandatory Level"
)


def integrity(text: str) -> str | None:
    """A name as it is (Sysmon 1); the name of a label's SID (4688)."""
    if label := _LABEL.fullmatch(text):
        return _LEVELS.get(int(label[1])) if label[1] else label[2].replace(" ", "")
    return None if text.startswith("S-1-") else text


def image_of(command: str) -> str | None:
    """The file of a command line as services have it: in quotes, or up to its ending."""
    command = command.strip()
    if command.startswith('"'):
        return command[1:].partition('"')[0] or None
    if found := _IMAGE.match(command):
        return found[1]
    return command if command and not re.search(r"\s", command) else None


def image_name(command: str) -> str | None:
    image = image_of(command)
    return None if image is None else file_name(image)


_PIPE = "\\Device\\NamedPipe"


def pipe(name: str) -> str | None:
    r"""Sysmon's `\name` as Defender has it."""
    return _PIPE + name if name.startswith("\\") and not name.startswith(_PIPE) else name
