"""A bounded reader of DER (ITU-T X.690): just enough to walk signatures, certificates and trust lists.

The bytes come from files that an attacker may have written. A read never looks outside the bounds of its parent, never
recurses, and answers nonsense with `DerError` and nothing else. Whoever walks a tree is bounded in depth by its own shape
(`cms`, `x509`), in width by `MAX_CHILDREN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

#: More elements than this in one SEQUENCE or SET are refused: the longest honest one (the programme's trust list) has 600.
MAX_CHILDREN = 4096

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OID = 0x06
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31


class DerError(ValueError):
    """These bytes are not the DER that was expected here. The text says what was expected."""


_make = tuple.__new__


class Element(NamedTuple):
    """A tag, and where in `data` the element (`start`) and its content (`body` to `end`) are. `tag` is the whole identifier
    octet: 0x30 is SEQUENCE, 0xA0 a constructed [0]."""

    data: bytes
    tag: int
    start: int
    body: int
    end: int

    @property
    def content(self) -> bytes:
        return self.data[self.body : self.end]

    @property
    def encoded(self) -> bytes:
        return self.data[self.start : self.end]

    def expect(self, tag: int, what: str) -> Element:
        """This element, if it has that tag."""
        if self.tag != tag:
            raise DerError(f"{what}: tag {self.tag:#04x} where {tag:#04x} was expected")
        return self


def read(data: bytes, start: int = 0, end: int | None = None) -> Element:
    """The element that begins at `start` and lies wholly before `end`. What follows it is left alone: signatures are padded."""
    limit = len(data) if end is None else end
    if start + 2 > limit:
        raise DerError("an element is cut off")
    tag = data[start]
    if tag & 0x1F == 0x1F:
        raise DerError("a tag number of more than one octet")
    length = data[start + 1]
    body = start + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or body + octets > limit:
            # 0x80 (indefinite length) is BER: Authenticode asks for DER.
            raise DerError("a length that DER does not allow")
        length = int.from_bytes(data[body : body + octets], "big")
        body += octets
    if body + length > limit:
        raise DerError("an element is longer than what holds it")
    return Element(data, tag, start, body, body + length)


def children(parent: Element) -> list[Element]:
    """The elements inside a constructed element, in order."""
    if not parent.tag & 0x20:
        raise DerError(f"tag {parent.tag:#04x} holds no elements")
    found: list[Element] = []
    data, _, _, at, end = parent
    while at < end:
        if len(found) == MAX_CHILDREN:
            raise DerError(f"more than {MAX_CHILDREN} elements in one")
        # The common case of `read`, without a call: a short length, or one of two octets.
        body = at + 2
        if body <= end:
            length = data[at + 1]
            if length == 0x82 and body + 2 <= end:
                length = data[body] << 8 | data[body + 1]
                body += 2
            stop = body + length
            if (length < 0x80 or body > at + 2) and stop <= end and data[at] & 0x1F != 0x1F:
                found.append(_make(Element, (data, data[at], at, body, stop)))
                at = stop
                continue
        element = read(data, at, end)
        found.append(element)
        at = element.end
    return found


def only_child(parent: Element, what: str) -> Element:
    """The one element inside, as an explicit tag has."""
    inside = children(parent)
    if len(inside) != 1:
        raise DerError(f"{what}: {len(inside)} elements where one was expected")
    return inside[0]


class Fields:
    """The elements of a SEQUENCE taken one after the other, optional ones by their tag."""

    def __init__(self, parent: Element, what: str) -> None:
        self._elements = children(parent)
        self._at = 0
        self._what = what

    def take(self, tag: int | None = None) -> Element:
        """The next element, which must be there (with that tag)."""
        if self._at == len(self._elements):
            raise DerError(f"{self._what}: ends too early")
        element = self._elements[self._at]
        if tag is not None:
            element.expect(tag, self._what)
        self._at += 1
        return element

    def maybe(self, tag: int) -> Element | None:
        """The next element if it has that tag."""
        if self._at < len(self._elements) and self._elements[self._at].tag == tag:
            self._at += 1
            return self._elements[self._at - 1]
        return None

    def rest(self) -> Iterator[Element]:
        """All that has not been taken yet."""
        while self._at < len(self._elements):
            self._at += 1
            yield self._elements[self._at - 1]


def oid(element: Element) -> str:
    """An OBJECT IDENTIFIER in dotted form."""
    content = element.expect(OID, "object identifier").content
    known = _OIDS.get(content)
    if known is not None:
        return known
    if not content or len(content) > 64 or content[-1] & 0x80:
        raise DerError("an object identifier that is not one")
    arcs: list[int] = []
    value = 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    text = ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
    if len(_OIDS) < 1024:
        _OIDS[content] = text
    return text


#: What has been spelled out already: a signature names the same thirty identifiers again and again.
_OIDS: dict[bytes, str] = {}


def integer(element: Element) -> int:
    """An INTEGER, signed."""
    content = element.expect(INTEGER, "integer").content
    if not content:
        raise DerError("an integer without content")
    return int.from_bytes(content, "big", signed=True)


def boolean(element: Element) -> bool:
    content = element.expect(BOOLEAN, "boolean").content
    if len(content) != 1:
        raise DerError("a boolean that is not one octet")
    return content != b"\0"


def bit_string(element: Element) -> bytes:
    """A BIT STRING of whole octets (keys and signatures are)."""
    content = element.expect(BIT_STRING, "bit string").content
    if not content or content[0] > 7:
        raise DerError("a bit string without its count of unused bits")
    return content[1:]


def time(element: Element) -> datetime:
    """A UTCTime or GeneralizedTime, in UTC (RFC 5280, 4.1.2.5; two-digit years are 1950 to 2049). Fractions of a second, which
    time-stamping authorities give (RFC 3161, 2.4.2), are kept to the microsecond."""
    try:
        text = element.content.decode("ascii")
        if element.tag == UTC_TIME:
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        elif element.tag != GENERALIZED_TIME:
            raise DerError(f"tag {element.tag:#04x} where a time was expected")
        # Old certificates leave out the seconds, and some authorities write an offset instead of Z; neither is guessed at.
        whole, dot, fraction = text.removesuffix("Z").partition(".")
        if not text.endswith("Z") or not whole.isdigit() or len(whole) not in (12, 14):
            raise DerError(f"a time of unknown form: {text[:32]!r}")
        if dot and (not fraction.isdigit() or len(fraction) > 32):
            raise DerError(f"a time of unknown form: {text[:32]!r}")
        parts = (whole[0:4], whole[4:6], whole[6:8], whole[8:10], whole[10:12], whole[12:14] or "0")
        return datetime(*map(int, parts), int(fraction[:6].ljust(6, "0")) if dot else 0, tzinfo=UTC)  # type: ignore[misc,arg-type]
    except DerError:
        raise
    except ValueError as error:
        raise DerError(f"a time that is none: {error}") from None
