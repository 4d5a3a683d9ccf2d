"""Which texts name an engine. Nothing is asked."""

import pytest

from lurcher.engines.spark.connect import need_address
from lurcher.errors import LurcherError


@pytest.mark.parametrize(
    "where", ["spark:sail", "spark://h", "spark://h:1", "spark://a.b-c:65535", "spark://[::1]:15002"]
)
def test_an_address_of_an_engine(where: str) -> None:
    assert need_address(where) == where


# A port above 65535 is another one to the system, counted on from 0.
@pytest.mark.parametrize(
    "where", ["spark://h:0", "spark://h:65536", "spark://h:99999", "spark://", "spark://h:1\n", "sail", ""]
)
def test_no_address_of_an_engine(where: str) -> None:
    with pytest.raises(LurcherError, match="is no engine"):
        need_address(where)
