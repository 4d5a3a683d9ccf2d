"""Writes the pages that declarations make: `make docs`. Pages that are not made any more are removed.

python docs/make.py            write them
python docs/make.py --check    say which are not what they should be, and end with 1
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lurcher.cli import cli
from lurcher.collect.events.mapping.describe import page
from lurcher.report.reference.pages import WRITTEN, pages

DOCS = Path(__file__).parent
#: Commands are shown as in a terminal of this width.
WIDTH = 110


def made() -> dict[str, str]:
    """Path below docs/ -> text."""
    return pages() | {"commands.md": commands_page(), "windows-events.md": page()}


def commands(
    group: click.Group = cli, name: str = "lurcher", parent: click.Context | None = None
) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command with its context, groups before what is in them."""
    settings = group.context_settings | {"terminal_width": WIDTH, "max_content_width": WIDTH}
    ctx = click.Context(group, parent, info_name=name, **settings)
    yield group, ctx
    for word in group.list_commands(ctx):
        command = group.get_command(ctx, word)
        assert command is not None, word
        if isinstance(command, click.Group):
            yield from commands(command, word, ctx)
        elif not command.hidden:
            yield command, click.Context(command, ctx, info_name=word)


def commands_page() -> str:
    parts = ["# Commands\n", WRITTEN, "What `--help` says of each.\n"]
    for command, ctx in commands():
        parts.append(f"## {ctx.command_path}\n\n```\n{command.get_help(ctx)}\n```\n")
    return "\n".join(parts)


def stale(texts: dict[str, str]) -> list[str]:
    """The pages that are missing, differ, or are not made any more."""
    found = [
        p for p, text in texts.items() if not (DOCS / p).is_file() or (DOCS / p).read_text(encoding="utf-8") != text
    ]
    return sorted(found + left_over(texts))


def left_over(texts: dict[str, str]) -> list[str]:
    every = (path for path in DOCS.rglob("*.md") if WRITTEN in path.read_text(encoding="utf-8"))
    return [name for path in every if (name := path.relative_to(DOCS).as_posix()) not in texts]


def main() -> int:
    texts = made()
    changed = stale(texts)
    if "--check" in sys.argv[1:]:
        print("\n".join(f"docs/{p} is not current: make docs" for p in changed) or "all pages are current")
        return 1 if changed else 0
    for name in left_over(texts):
        (DOCS / name).unlink()
    for name, text in texts.items():
        (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
        (DOCS / name).write_text(text, encoding="utf-8")
    print(f"{len(texts)} pages, {len(changed)} changed" + "".join(f"\n  docs/{p}" for p in changed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
