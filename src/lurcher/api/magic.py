"""`%%kql` in notebooks and IPython: the cell is a query.

    %load_ext lurcher
    case = lurcher.open("case")

    %%kql
    DeviceProcessEvents | summarize count() by FileName

`%%kql CASE` names the variable that holds the case where there are several; `-o NAME` keeps the result under a name;
`--as-of TIME`, `--timeout SECONDS`, `--memory-limit SIZE` are those of `lurcher query`; `--explain` shows what the query costs in
place of its rows.
"""

from __future__ import annotations

import shlex
from typing import Any

from lurcher.api.case import Case, open, query
from lurcher.api.explained import Explained
from lurcher.api.options import Options
from lurcher.api.result import Result
from lurcher.errors import LurcherError

_OPENED = "_lurcher_case"
_USE = "%%kql [CASE] [-o NAME] [--as-of TIME|latest] [--timeout SECONDS] [--memory-limit SIZE] [--explain]"


def register(shell: Any) -> None:
    """Give an IPython shell the magic."""

    def kql(line: str, cell: str | None = None) -> Any:
        if cell is None:
            # `%kql QUERY`: the line is the query.
            return _run(shell, line, "")
        return _run(shell, cell, line)

    shell.register_magic_function(kql, "line_cell", "kql")


def _run(shell: Any, text: str, line: str) -> Result | Explained | None:
    explained, line = _flag(line, "--explain")
    name, keep, options = _words(line)
    case = _case(shell.user_ns, name)
    if explained:
        if case is None:
            raise LurcherError("%%kql --explain: there is no case", "open one: case = lurcher.open('case')")
        found = case.explain(text, **options)
        if keep:
            shell.user_ns[keep] = found
        return None if keep else found
    result = case.query(text, **options) if case is not None else query(text, **options)
    if keep:
        shell.user_ns[keep] = result
    for other in result.all[:-1]:
        from IPython.display import display

        display(other)  # type: ignore[no-untyped-call,unused-ignore]
    return None if keep else result.all[-1]


def _flag(line: str, flag: str) -> tuple[bool, str]:
    """Whether a word stands in the line, and the line without it."""
    words = line.split(" ")
    return flag in words, " ".join(w for w in words if w != flag)


def _words(line: str) -> tuple[str, str, Options]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise LurcherError(f"%%kql: {error}", _USE) from None
    name = keep = ""
    options: Options = {}
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            if name:
                raise LurcherError(f"%%kql: '{word}' is one too many", _USE)
            name = word
            continue
        if not words:
            raise LurcherError(f"%%kql: {word} needs a value", _USE)
        value = words.pop(0)
        match word:
            case "-o":
                if not value.isidentifier():
                    raise LurcherError(f"%%kql: {value!r} is no name of a variable", _USE)
                keep = value
            case "--as-of":
                options["as_of"] = value
            case "--memory-limit":
                options["memory_limit"] = value
            case "--timeout":
                try:
                    options["timeout"] = float(value)
                except ValueError:
                    raise LurcherError(f"%%kql: {value!r} is no number of seconds", _USE) from None
            case _:
                raise LurcherError(f"%%kql: there is no option {word}", _USE)
    return name, keep, options


def _case(names: dict[str, Any], name: str) -> Case | None:
    """The case that is named, or the only one that there is; else that of the current folder; else None: there is no data."""
    if name:
        case = names.get(name)
        if not isinstance(case, Case):
            raise LurcherError(f"%%kql: {name} is no case", f"{name} = lurcher.open('case')")
        return case
    cases = {id(c.lake): c for key, c in names.items() if isinstance(c, Case) and not key.startswith("_")}
    if len(cases) > 1:
        held = sorted(key for key, c in names.items() if isinstance(c, Case) and not key.startswith("_"))
        raise LurcherError("%%kql: there are several cases", f"say which: %%kql {held[0]} (of {', '.join(held)})")
    if cases:
        return next(iter(cases.values()))
    try:
        found = open()
    except LurcherError:
        return None
    # The same from cell to cell, so that what it keeps in memory is kept. The name is one that is not looked at above.
    before = names.get(_OPENED)
    if isinstance(before, Case) and before.path.absolute() == found.path.absolute():
        return before
    names[_OPENED] = found
    return found
