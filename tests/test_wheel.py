"""What users install is a wheel: built from what git holds, it must run without the source tree beside it."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(a) for a in argv], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment's Python with the wheel in it; the dependencies are the running environment's (no network)."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tmp = tmp_path_factory.mktemp("wheel")
    tree = tmp / "tree"
    files = run(
        "git", "ls-files", "-z", "src", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", cwd=ROOT
    ).split("\0")
    for name in filter(None, files):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "-w", tmp, tree, cwd=tmp
    )  # fmt: skip
    (wheel,) = tmp.glob("lurcher-*.whl")
    venv.create(tmp / "venv", with_pip=False)
    python = tmp / "venv" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp).strip())
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp
    )
    return python


def test_the_wheel_runs_from_its_own_files(python: Path, tmp_path: Path) -> None:
    where = run(python, "-c", "import lurcher; print(lurcher.__file__)", cwd=tmp_path)
    assert str(ROOT) not in where
    assert run(python.with_name("lurcher"), "--version", cwd=tmp_path).startswith("lurcher, version ")
    out = run(python.with_name("lurcher"), "query", "--format", "csv", "print a = 1, b = strlen('hunt')", cwd=tmp_path)
    assert out == "a,b\n1,4\n"


def test_the_wheel_knows_the_tables_and_the_tools(python: Path, tmp_path: Path) -> None:
    out = run(
        python.with_name("lurcher"), "query", "--format", "csv", "DeviceFileCertificateInfo | count", cwd=tmp_path
    )
    assert out == "Count\n0\n"
    tools = run(
        python, "-c", "from lurcher.rmm.catalogue import Catalogue; print(len(Catalogue.load().tools))", cwd=tmp_path
    )
    assert int(tools) > 280


def test_the_wheel_has_the_templates_of_reports(python: Path, tmp_path: Path) -> None:
    code = (
        "from lurcher.report.document import Document; from lurcher.report.html import page;"
        "print(page(Document(1, '', '', 'duckdb', '', '', ''))[:15])"
    )
    assert run(python, "-c", code, cwd=tmp_path) == "<!doctype html>\n"
