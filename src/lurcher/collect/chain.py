"""From a certificate to a root that is trusted, offline.

The candidates are the certificates that the file brings along and the roots. Every link is checked by its signature; what
Windows fetches or has cached besides (missing intermediates, revocation) is not there (docs/signatures.md says so).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from lurcher.collect import der
from lurcher.collect.cms import algorithm
from lurcher.collect.crypto import SIGNATURE_DIGESTS, verified
from lurcher.collect.roots import Root, Roots
from lurcher.collect.x509 import ANY_USAGE, Certificate

#: Certificates in a chain, and links tried to find one (known ones count too, so that a verdict does not depend on what was seen
#: before): a file can bring 64 certificates of one name.
MAX_LENGTH = 8
MAX_LINKS = 64

#: Windows has refused MD5 in chains since security advisory 2862973, but for code that was time-stamped before this day.
_MD5_UNTIL = datetime(2009, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chain:
    """A path from the leaf upwards, each signed by the next. `objection` says why it is not trusted; empty if it is. `root` is
    the trusted root that it ends in, if it does."""

    path: tuple[Certificate, ...]
    root: Root | None
    objection: str


class Chains:
    """Finds chains, and remembers which certificate signed which."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._links: dict[tuple[str, str], bool] = {}

    def build(self, leaf: Certificate, pool: Sequence[Certificate], usage: str, at: datetime) -> Chain:
        """The chain of `leaf` that is trusted for `usage` at the time `at`; where there is none, the one that comes closest."""
        best: Chain | None = None
        for path, root in self._paths(leaf, pool):
            objection = _objection(path, root, usage, at)
            if not objection:
                return Chain(path, root, "")
            if best is None or (root is not None and best.root is None):
                best = Chain(path, root, objection)
        return best or Chain((leaf,), None, _no_root((leaf,)))

    def _paths(
        self, leaf: Certificate, pool: Sequence[Certificate]
    ) -> Iterator[tuple[tuple[Certificate, ...], Root | None]]:
        budget = MAX_LINKS
        open_paths: list[tuple[Certificate, ...]] = [(leaf,)]
        while open_paths:
            path = open_paths.pop()
            last = path[-1]
            root = self._roots.by_sha1.get(last.sha1)
            if root is not None:
                yield path, root
                continue
            if last.self_issued or len(path) == MAX_LENGTH:
                yield path, None
                continue
            anchors = [r.certificate for r in self._roots.by_subject.get(last.issuer, ())]
            seen = {c.sha1 for c in path} | {c.sha1 for c in anchors}
            issuers = anchors + [c for c in pool if c.subject == last.issuer and c.sha1 not in seen]
            onward = []
            for issuer in issuers:
                if budget == 0:
                    break
                budget -= 1
                if self._signed_by(last, issuer):
                    onward.append((*path, issuer))
            # A stack: roots first, and the certificates in the order of the file.
            open_paths += reversed(onward)
            if not onward:
                yield path, None

    def _signed_by(self, child: Certificate, issuer: Certificate) -> bool:
        key = (child.sha1, issuer.sha1)
        known = self._links.get(key)
        if known is None:
            try:
                used = algorithm(der.read(child.algorithm))
            except der.DerError:
                return False
            known = verified(issuer.key, used, None, child.signature, child.signed)
            if len(self._links) >= 16384:
                self._links.clear()
            self._links[key] = known
        return known


def _no_root(path: tuple[Certificate, ...]) -> str:
    last = path[-1]
    if last.self_issued:
        return f"the chain ends in a root that is not trusted: {last.subject_name!r}"
    return f"the certificate of the issuer is not in the file: {last.issuer_name!r}"


def _objection(path: tuple[Certificate, ...], root: Root | None, usage: str, at: datetime) -> str:
    """Why a chain does not hold (RFC 5280, section 6, as far as Windows asks for it in signed files)."""
    if root is None:
        return _no_root(path)
    for depth, certificate in enumerate(path):
        who = certificate.subject_name
        if at < certificate.not_before:
            return f"the certificate of {who!r} was not valid yet"
        if at > certificate.not_after:
            return f"the certificate of {who!r} had expired on {certificate.not_after:%Y-%m-%d}"
        anchor = certificate.sha1 == root.certificate.sha1
        if not anchor:
            # Usages are nested: an intermediate that names usages narrows what is below it.
            if certificate.usages is not None and not certificate.usages & {usage, ANY_USAGE}:
                return f"the certificate of {who!r} is not for this usage"
            if certificate.has_name_constraints:
                return f"the certificate of {who!r} constrains names, which is not evaluated"
            if _digest_name(certificate) == "md5" and at >= _MD5_UNTIL:
                return f"the certificate of {who!r} is signed with MD5"
        if depth > 0 and not anchor:
            if not certificate.is_ca or not certificate.may_sign_certificates:
                return f"the certificate of {who!r} may not issue certificates"
            if certificate.path_length is not None and depth - 1 > certificate.path_length:
                return f"the certificate of {who!r} allows a shorter chain only"
    return root.policy.objection(usage, signed_at=at, issued_at=path[0].not_before)


def _digest_name(certificate: Certificate) -> str:
    return _digest_of(certificate.algorithm)


@lru_cache(maxsize=256)
def _digest_of(encoded: bytes) -> str:
    try:
        return SIGNATURE_DIGESTS.get(algorithm(der.read(encoded)).oid, "")
    except der.DerError:
        return ""
