"""The engine that is there: a Spark where LURCHER_SPARK names one (`make test-spark`), else Sail where it is installed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

_GIVEN = os.environ.get("LURCHER_SPARK", "")
#: Looked for and not imported: the client ends a process that it takes for its own doctests.
_SAIL = find_spec("pysail") is not None and find_spec("pyspark") is not None
ENGINES = [_GIVEN] if _GIVEN else ["spark:sail"] if _SAIL else []


@pytest.fixture(scope="session", params=ENGINES or [pytest.param("", marks=pytest.mark.skip("the extra 'spark'"))])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    from lurcher.engines.spark import local

    if request.param == "spark:local":
        # Kept for all tests: starting it takes seconds.
        local.lease(1 << 30)
    yield request.param
    if request.param == "spark:local":
        local.give_back()
