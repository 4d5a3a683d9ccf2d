"""lurcher hunts intruders: KQL, on whatever telemetry there is. ARCHITECTURE.md is the plan of the house.

In Python: `case = lurcher.open("case")`, then `case.add(...)`, `case.query(...)`, `case.hunt(...)` (docs/python.md).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lurcher.api import Case as Case
    from lurcher.api import Result as Result
    from lurcher.api import init as init
    from lurcher.api import open as open
    from lurcher.api import query as query
    from lurcher.errors import LurcherError as LurcherError
    from lurcher.kql.diagnostics import Refused as Refused

__version__ = "0.1.0"

#: Where the names of the package are: `import lurcher` imports none of it.
_HOMES = {
    "Case": "lurcher.api",
    "Result": "lurcher.api",
    "init": "lurcher.api",
    "open": "lurcher.api",
    "query": "lurcher.api",
    "LurcherError": "lurcher.errors",
    "Refused": "lurcher.kql.diagnostics",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'lurcher' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext lurcher`: the cell magic `%%kql`."""
    from lurcher.api.magic import register

    register(shell)
