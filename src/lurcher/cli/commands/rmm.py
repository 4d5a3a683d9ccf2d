"""lurcher rmm, and what stands below it"""

from __future__ import annotations

import json
from pathlib import Path

import click

_catalogue = click.option(
    "--catalogue",
    "catalogue_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Another catalogue than the one that is installed (see lurcher rmm update).",
)
_format = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.group(invoke_without_command=False)
def command() -> None:
    """Remote-management tools: where they are, rules that find them, which are sanctioned."""


@command.command("rules")
@click.option(
    "--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where to write them."
)
@click.option(
    "--tool", "tools", multiple=True, metavar="NAME", help="Only for this tool; repeat for more (default: all)."
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(["signature", "process", "network"]),
              help="Only rules of this kind; repeat for more.")  # fmt: skip
@click.option(
    "--per-tool/--no-per-tool",
    default=True,
    show_default=True,
    help="Rules of each tool, or only those for all tools at once.",
)
@_catalogue
@_format
def rules(
    folder: Path,
    tools: tuple[str, ...],
    kinds: tuple[str, ...],
    per_tool: bool,
    catalogue_path: Path | None,
    format_: str,
) -> None:
    """Write hunting rules made from the catalogue, each with its tests: one per tool and kind, and some that look for all tools.

    The same catalogue gives the same files. `lurcher hunt rmm` runs the rules for all tools without writing any.
    """
    from lurcher.app.rmm import catalogue_of, write_rules
    from lurcher.report.text import counted
    from lurcher.rmm.rules import KINDS

    done = write_rules(
        catalogue_of(catalogue_path),
        folder,
        tools,
        tuple(k for k in KINDS if not kinds or k in kinds),
        per_tool=per_tool,
    )
    if format_ == "json":
        data = {"folder": str(folder), "rules": [{"file": f"{r.file}.yaml", "id": r.id, "name": r.name, "tools": r.tools} for r in done.rules],
                "without": done.without}  # fmt: skip
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    click.echo(f"{folder}: {counted(len(done.rules), 'rule')}, each with its tests")
    if done.without:
        click.echo(f"nothing to hunt is known of {counted(len(done.without), 'tool')}: {', '.join(done.without)}")


@command.command("left-out")
@_catalogue
@_format
def left_out(catalogue_path: Path | None, format_: str) -> None:
    """List the facts that the sources have and the catalogue does not hunt, or never hunts alone, with the reason."""
    from dataclasses import asdict

    from lurcher.app.rmm import catalogue_of
    from lurcher.app.rmm import left_out as rows_of
    from lurcher.report.tables import print_table

    rows = rows_of(catalogue_of(catalogue_path))
    if format_ == "json":
        click.echo(json.dumps([asdict(r) for r in rows], ensure_ascii=False, indent=1))
    else:
        print_table(("tool", "fact", "why"), [(r.tool, r.fact, r.why) for r in rows])


@command.command("tools")
@click.argument("name", required=False)
@_catalogue
@_format
def tools(name: str | None, catalogue_path: Path | None, format_: str) -> None:
    """List the tools of the catalogue, or all that is known of one."""
    from lurcher.app.rmm import catalogue_of, tool_of
    from lurcher.report.tables import print_table

    catalogue = catalogue_of(catalogue_path)
    chosen = catalogue.tools if name is None else (tool_of(catalogue, name),)
    rows = [
        {
            "tool": t.name, "vendor": t.vendor, "kind": t.kind, "former": list(t.former), "attack": list(t.attack),
            "signers": [s.name for s in catalogue.signers_of(t)],
            "executables": [f.value for f in t.executables], "domains": [f.value for f in t.domains],
        }
        for t in chosen
    ]  # fmt: skip
    if format_ == "json":
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    elif name is None:
        print_table(
            ("tool", "vendor", "kind", "signers"),
            [(str(r["tool"]), str(r["vendor"]), str(r["kind"]), ", ".join(r["signers"])) for r in rows],
        )
    else:
        print_table(("what", "known"), [(k, v if isinstance(v, str) else ", ".join(v)) for k, v in rows[0].items()])
