"""The policy of sanctioned remote-management tools: checked, and put on rules as exclusions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from lurcher.app.rmm import catalogue_of
from lurcher.content.model import Loaded
from lurcher.errors import LurcherError
from lurcher.rmm.catalogue import Catalogue
from lurcher.rmm.policy import Policy, load_policy, with_policy


def read_policy(path: Path, catalogue: Catalogue, today: dt.date) -> Policy:
    """Raises `LurcherError` with the first error and its line: half a policy is not applied."""
    policy = load_policy(path, catalogue, today)
    if policy.errors:
        first = policy.errors[0]
        line, _ = first.position
        more = f" (and {len(policy.errors) - 1} more)" if len(policy.errors) > 1 else ""
        raise LurcherError(
            f"{first.diagnostic.message} [{first.diagnostic.code}]{more}",
            f"lurcher rmm policy check {path} says all",
            str(path),
            line,
        )
    return policy


def under_policy(loaded: Loaded, path: Path, today: dt.date, lake: Path | None = None) -> Loaded:
    """The rules with the policy's exclusions on those that concern its tools."""
    catalogue = catalogue_of(None, lake)
    policy = read_policy(path, catalogue, today)
    return replace(loaded, rules=tuple(with_policy(rule, policy, catalogue) for rule in loaded.rules))
