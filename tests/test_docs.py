"""Documentation cannot lag: pages are what the declarations say, links lead somewhere, command lines parse."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from types import ModuleType

import click
import pytest

from lurcher.cli import cli
from lurcher.kql.diagnostics import RULES
from lurcher.report.reference.functions import entries
from lurcher.report.reference.pages import anchor

ROOT = Path(__file__).parents[1]
#: What people read: not what a case or a virtual environment holds.
PAGES = sorted(
    [*ROOT.glob("*.md"), *(p for folder in ("docs", "content", "examples") for p in (ROOT / folder).rglob("*.md"))]
)
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
DECLARED = re.compile(r"""\b(?:_rule|_repair|_error|declare|Rule|Code)\(\s*["']([A-Z]{2}\d{3})["']""")


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_make", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made(make: ModuleType) -> dict[str, str]:
    texts: dict[str, str] = make.made()
    return texts


def test_the_pages_are_current(make: ModuleType, made: dict[str, str]) -> None:
    stale = [name for name in make.stale(made) if name in made]
    kept = {name: (make.DOCS / name).read_text(encoding="utf-8").splitlines() for name in stale}
    differing = [line for name in stale for line in unified_diff(kept[name], made[name].splitlines(), n=0, lineterm="")]
    assert make.stale(made) == [], "make docs\n" + "\n".join(differing)


def test_a_page_that_differs_is_noticed(make: ModuleType, made: dict[str, str]) -> None:
    changed = {**made, "commands.md": made["commands.md"] + "x"}
    del changed["diagnostics.md"]
    assert {"commands.md", "diagnostics.md"} <= set(make.stale(changed))


def test_every_command_is_documented(made: dict[str, str]) -> None:
    for path, command in commands(cli, "lurcher"):
        if command.hidden:
            continue
        assert f"## {path}\n" in made["commands.md"]
        for param in command.params:
            for option in param.opts if isinstance(param, click.Option) and not param.hidden else ():
                assert option in made["commands.md"], f"{path} {option}"


def test_every_function_is_documented(made: dict[str, str]) -> None:
    for e in entries():
        page = made[f"functions/{e.family}.md"]
        assert (
            f"## {e.name}\n" in page or f"## `{e.name}`\n" in page or f"`{e.name}(" in page or f" {e.name} " in page
        ), e.name
        assert e.name in made["kql-support.md"]


def test_every_code_is_documented(made: dict[str, str]) -> None:
    documented = set(re.findall(r"^\| ([A-Z]{2}\d{3}) \|", made["diagnostics.md"], re.MULTILINE))
    assert set(RULES) == documented
    # Those as well that a module declares which nobody imported here.
    for path in (ROOT / "src").rglob("*.py"):
        if path.name != "registry.py":
            assert set(DECLARED.findall(path.read_text(encoding="utf-8"))) <= documented, path


# --- links ---
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        to = (page.parent / file) if file else page
        assert to.exists(), f"{page}: {target}"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", to.read_text(encoding="utf-8"), re.MULTILINE)
            assert fragment in {anchor(h) for h in headings}, f"{page}: {target}"


# --- command lines ---
def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}")


def command_lines(text: str) -> Iterator[str]:
    """Lines of code blocks and code spans that begin with `lurcher `."""
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        yield from (line.strip().removeprefix("$ ") for line in block.splitlines() if "lurcher " in line)
    for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        # `lurcher check` alone speaks of the command.
        if span.startswith("lurcher ") and len(span.split()) > 2:
            yield span


def calls(line: str) -> Iterator[list[str]]:
    """The calls of lurcher in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|<>")
    lexer.whitespace_split = True
    call: list[str] = []
    for word in [*lexer, ";"]:
        if word and set(word) <= set(";&|<>"):
            if call[:1] == ["lurcher"]:
                yield call[1:]
            call = []
        else:
            call.append(word)


def problem(args: list[str]) -> str:
    """What the command line would say of these words; nothing is run, and no file need be there."""
    command: click.Command = cli
    ctx = click.Context(cli, info_name="lurcher")
    try:
        while isinstance(command, click.Group) and args and not args[0].startswith("-"):
            _, found, args = command.resolve_command(ctx, args)
            assert found is not None
            command = found
            ctx = click.Context(command, ctx, info_name=command.name)
        values, left, _ = command.make_parser(ctx).parse_args(args=list(args))
        if left:
            return f"one too many: {left}"
        for param in command.params:
            value = values.get(param.name)
            # What is not given is None, (), or a mark of click's own.
            given = [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []
            if param.required and not given:
                return f"{param.name} is missing"
            if isinstance(param.type, click.Choice):
                for one in given:
                    param.type.convert(one, param, ctx)
    except click.UsageError as error:
        return error.format_message()
    return ""


def _lines() -> list[tuple[str, str]]:
    # The commands' own page has their help, not lines to type.
    pages = [p for p in PAGES if p.name not in ("commands.md", "CHANGELOG.md") and p.parent.name != "decisions"]
    return [
        (p.relative_to(ROOT).as_posix(), line) for p in pages for line in command_lines(p.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize(("page", "line"), _lines())
def test_a_command_line_parses(page: str, line: str) -> None:
    for args in calls(line):
        assert problem(args) == "", f"{page}: {line}"


def test_the_readme_shows_command_lines() -> None:
    assert sum(1 for page, line in _lines() if page == "README.md" for _ in calls(line)) >= 8


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("lurcher query --nosuch 'T'", "No such option"),
        ("lurcher hnut rules/", "there is no command"),
        ("lurcher hunt", "rules is missing"),
        ("lurcher query 'T' 'U'", "one too many"),
        ("lurcher findings --state old", "is not one of"),
    ],
)
def test_a_wrong_command_line_is_noticed(line: str, wrong: str) -> None:
    assert wrong in problem(next(calls(line)))
