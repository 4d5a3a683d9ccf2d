"""The floors of the house: who may import whom (ARCHITECTURE.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src" / "lurcher"

#: From the ground up. A package imports only from its own floor and those before it.
FLOORS = (
    "errors", "kql", "schema", "sql", "functions", "plan", "lake", "engines", "collect", "content", "rmm", "hunt", "report",
    "app", "api", "server", "cli",
)  # fmt: skip
#: Two ways to the same use cases, neither of which knows the other.
STRANGERS = {("server", "api")}
#: Drivers are an engine's (and the lake's and the collectors') own business: the language can do without.
HEAVY = {"duckdb", "pyarrow", "deltalake", "pandas", "polars", "cryptography", "rich"}


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def room_of(path: Path) -> str | None:
    parts = path.relative_to(SRC).parts
    if len(parts) > 1:
        return parts[0]
    return None if path.stem in ("__init__", "__main__") else path.stem


def imports(path: Path) -> list[tuple[str, int, bool]]:
    """(module, line, whether it is imported when the module is) of every import."""
    found = []

    def visit(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            inner = top and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
                inner = False
            if isinstance(child, ast.Import):
                found.extend((a.name, child.lineno, top) for a in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path}:{child.lineno}: imports are written in full"
                found.extend((f"{child.module}.{a.name}", child.lineno, top) for a in child.names)
            visit(child, inner)

    visit(ast.parse(path.read_text(encoding="utf-8")), True)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SRC)))
def test_no_import_runs_up(path: Path) -> None:
    room = room_of(path)
    if room is None:
        return
    assert room in FLOORS, f"{room} has no floor: give it one in ARCHITECTURE.md and here"
    for module, line, _ in imports(path):
        parts = module.split(".")
        if parts[0] != "lurcher" or len(parts) < 2 or parts[1] not in FLOORS:
            continue
        other = parts[1]
        assert FLOORS.index(other) <= FLOORS.index(room), f"{path}:{line}: {room} may not import {module}"
        assert (room, other) not in STRANGERS, f"{path}:{line}: {room} may not know {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(SRC)))
def test_heavy_imports_are_made_where_they_are_used(path: Path) -> None:
    for module, line, at_import in imports(path):
        assert not (at_import and module.split(".")[0] in HEAVY), (
            f"{path}:{line}: {module} is imported at the top of the file"
        )


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys; from lurcher.cli import main; main(['--help']);"
        f"heavy = {HEAVY!r} & set(sys.modules); assert not heavy, heavy"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Usage: lurcher" in run.stdout


def test_the_language_works_without_any_driver() -> None:
    code = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ImportError(name + " is absent")
sys.meta_path.insert(0, Absent())
from lurcher.plan.catalog import KnownTables
from lurcher.plan.compile import compile_text
from datetime import datetime, UTC
text = "DeviceInfo | where DeviceName has 'a' | summarize count() by OSPlatform"
compiled = compile_text(text, KnownTables(), now=datetime.now(UTC))
assert not compiled.diagnostics, compiled.diagnostics
assert [c.name for c in compiled.queries[0].columns] == ["OSPlatform", "count_"]
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_no_file_grows_out_of_its_idea() -> None:
    lengths = {str(p.relative_to(SRC)): len(p.read_text(encoding="utf-8").splitlines()) for p in modules()}
    over = {name: n for name, n in lengths.items() if n > 900}
    assert not over, f"over 900 lines: {over}"
    counts = sorted(lengths.values())
    assert counts[int(len(counts) * 0.9)] <= 600, "nine of ten files have at most 600 lines"


def test_the_product_does_not_know_the_material_it_is_measured_with() -> None:
    for path in modules():
        assert "../shared" not in path.read_text(encoding="utf-8"), path
