"""The engines that are there: Sail where it is installed, and a Spark where LURCHER_SPARK names one (`make test-spark`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

_GIVEN = os.environ.get("LURCHER_SPARK", "")
#: Looked for and not imported: the client ends a process that it takes for its own doctests.
ENGINES = [
    *(["spark:sail"] if find_spec("pysail") is not None and find_spec("pyspark") is not None else []),
    *([_GIVEN] if _GIVEN else []),
]


@pytest.fixture(scope="session", params=ENGINES or [pytest.param("", marks=pytest.mark.skip("the extra 'spark'"))])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param
