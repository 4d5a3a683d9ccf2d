"""Case files: readable tests as data.

A file under `tests/cases/<stage>/` holds cases, each

    # a comment, if there is one to make
    directive key=value flag
    input, any number of lines
    ----
    expected, any number of lines
    ====

with `====` after every case but the last. A test runs a stage's cases so:

    @pytest.mark.parametrize("case", load("syntax"), ids=str)
    def test_syntax(case, accept):
        case.check(run(case.input), accept)

`pytest --accept` writes what comes out into the files; reviewing the diff decides whether it is right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

CASES = Path(__file__).parent / "cases"
_INPUT_ENDS = "----"
_CASE_ENDS = "===="


@dataclass
class Case:
    """One case, with the place that it stands in. `arguments` are the directive's `key=value`; a bare word has value ""."""

    path: Path
    number: int
    directive: str
    input: str
    expected: str
    arguments: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}:{self.number}"

    def check(self, actual: str, accept: bool = False) -> None:
        """Fail where `actual` (without white space at its ends) is not what is expected; with `accept` write it down."""
        actual = actual.strip("\n")
        if accept and actual != self.expected:
            _rewrite(self.path, self.number, actual)
            return
        assert actual == self.expected, f"{self.path.name}, case {self.number}: pytest --accept writes the new result"


def load(stage: str, directive: str = "") -> list[Case]:
    """The cases of a stage (a folder under tests/cases), in the order of files and cases; of one directive only, if given."""
    files = sorted((CASES / stage).rglob("*.txt"))
    assert files, f"no case files for {stage}"
    found = [case for path in files for case in read(path)]
    return [case for case in found if not directive or case.directive == directive]


def read(path: Path) -> list[Case]:
    return [_case(path, number, block) for number, block in enumerate(_blocks(path), 1)]


def _blocks(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").split(f"\n{_CASE_ENDS}\n")


def _case(path: Path, number: int, block: str) -> Case:
    lines = block.split("\n")
    while lines and (not lines[0].strip() or lines[0].startswith("# ")):
        lines.pop(0)
    assert _INPUT_ENDS in lines, f"{path.name}, case {number}: no line {_INPUT_ENDS}"
    directive, *words = lines[0].split()
    middle = lines.index(_INPUT_ENDS)
    arguments = dict(word.partition("=")[::2] for word in words)
    return Case(path, number, directive, "\n".join(lines[1:middle]), "\n".join(lines[middle + 1 :]), arguments)


def _rewrite(path: Path, number: int, actual: str) -> None:
    blocks = _blocks(path)
    head = blocks[number - 1].partition(f"\n{_INPUT_ENDS}")[0]
    blocks[number - 1] = f"{head}\n{_INPUT_ENDS}\n{actual}".rstrip("\n")
    path.write_text(f"\n{_CASE_ENDS}\n".join(blocks) + "\n", encoding="utf-8")
