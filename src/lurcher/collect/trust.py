"""Does the signature hold? The verdict that WinVerifyTrust would give, as far as it can be known offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lurcher.collect.authenticode import TRUST_LIST, Signature
from lurcher.collect.chain import Chain, Chains
from lurcher.collect.countersign import Countersignature, countersignatures, signer_objection
from lurcher.collect.crypto import DIGESTS
from lurcher.collect.x509 import CODE_SIGNING, LIFETIME_SIGNING, TIME_STAMPING, Certificate


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a signature.

    `trusted` is None where the file was not hashed and nothing else speaks against it. `reason` says why it is not trusted (or not
    known to be). `countersigned_at` is the time of a countersignature that holds. `issuer` is the certificate that signed the
    signer's, None where it is nowhere to be found. `microsoft_root`: the chain ends in a product root of Microsoft's."""

    trusted: bool | None
    reason: str
    countersigned_at: datetime | None
    issuer: Certificate | None
    microsoft_root: bool


def judge(
    signature: Signature,
    digests: Mapping[str, bytes] | None,
    chains: Chains,
    now: datetime,
    unverified: str = "the file was not hashed",
) -> Verdict:
    """The verdict on one signature. `digests` are the file's Authenticode digests by hashlib's name; None: not known, and
    `unverified` says why. `now` is the time at which a signature without a time stamp is judged."""
    stamp, stamp_objection = _time_stamp(signature, chains)
    certificate = signature.certificate
    if certificate is None:
        reason = "the certificate of the signer is not in the file"
        return Verdict(False, reason, stamp.time if stamp else None, None, False)
    at = now
    if stamp is not None and not stamp_objection:
        lifetime = certificate.usages is not None and LIFETIME_SIGNING in certificate.usages
        at = now if lifetime else stamp.time
    chain = chains.build(certificate, signature.around.certificates, CODE_SIGNING, at)
    reason = (
        # Whether Windows takes such a signature is not known, so it is not called trusted.
        ("a certificate in the signature is malformed" if signature.around.unreadable else "")
        or signer_objection(signature.signer, certificate, signature.content_type, signature.content)
        or _digest_objection(signature, digests)
        or stamp_objection
        or chain.objection
    )
    trusted: bool | None = not reason
    if trusted and digests is None:
        trusted, reason = None, unverified
    root = chain.root
    return Verdict(
        trusted, reason, stamp.time if stamp else None, _issuer(chain), root is not None and root.is_microsoft
    )


def _digest_objection(signature: Signature, digests: Mapping[str, bytes] | None) -> str:
    if signature.content_type == TRUST_LIST:
        return ""  # the signer's digest is over the list itself
    if DIGESTS.get(signature.signer.digest.oid) != signature.digest_name:
        # The format's specification asks for one digest throughout.
        return "the signer's digest is another than the file's"
    if digests is None:
        return ""
    computed = digests.get(signature.digest_name)
    if computed is None:
        return f"unknown digest {signature.digest_name}"
    return "" if computed == signature.file_digest else "the file is not what was signed: its digest differs"


def _time_stamp(signature: Signature, chains: Chains) -> tuple[Countersignature | None, str]:
    """The first time stamp that holds and whose authority is trusted; else one that holds, with the objection to it. A time
    stamp that does not hold spoils the signature (TRUST_E_TIME_STAMP), it is not just left aside."""
    holding: Countersignature | None = None
    objection = ""
    for found in countersignatures(signature.signer, signature.around):
        if isinstance(found, str):
            objection = objection or found
            continue
        problem = found.objection
        if not problem and found.certificate is not None:
            chain = chains.build(found.certificate, found.pool, TIME_STAMPING, found.time)
            if not chain.objection:
                return found, ""
            holding = holding or found
            problem = chain.objection
        objection = objection or f"the time stamp is not trusted: {problem}"
    return holding, objection


def _issuer(chain: Chain) -> Certificate | None:
    if len(chain.path) > 1:
        return chain.path[1]
    leaf = chain.path[0]
    return leaf if leaf.self_issued else None
