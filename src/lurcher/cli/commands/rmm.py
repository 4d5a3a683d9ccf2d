"""lurcher rmm, and what stands below it"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lurcher.cli.options import as_of_option, lake_option, now

_catalogue = click.option(
    "--catalogue",
    "catalogue_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Another catalogue than the one that is installed (see lurcher rmm update).",
)
_format = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)


@click.group(invoke_without_command=True)
@lake_option
@as_of_option
@click.option(
    "--since",
    default="",
    metavar="SPAN|DAY",
    help="Only what was seen since then: 30d, 12h, or 2026-11-01 (default: all there is).",
)
@click.option("--policy", "policy_path", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
              help="Which tools are sanctioned; what is not is told with the reason.")  # fmt: skip
@click.option("--tool", "tool_names", multiple=True, metavar="NAME", help="Only this tool; repeat for more.")
@_catalogue
@click.option("--format", "format_", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@click.pass_context
def command(
    ctx: click.Context, lake_path: Path | None, as_of: str | None, since: str, policy_path: Path | None,
    tool_names: tuple[str, ...], catalogue_path: Path | None, format_: str,
) -> None:  # fmt: skip
    """Remote-management tools: where they are, rules that find them, which are sanctioned.

    Without a command: list the tools on the lake's devices, how each is known (signature, version information, inventory, network,
    name), since when, from which folders. What is known by a file's name alone stands apart: it is weak.
    With a policy: ends with 1 where a tool is not sanctioned.
    """
    if ctx.invoked_subcommand is not None:
        return
    from lurcher.app.lakes import need_lake
    from lurcher.app.query import open_session
    from lurcher.app.rmm import catalogue_of, tool_of
    from lurcher.app.rmm_inventory import inventory
    from lurcher.report.rmm import inventory_csv, inventory_data, print_inventory

    lake = need_lake(lake_path)
    wanted = {tool_of(catalogue_of(catalogue_path, lake.path), n).name for n in tool_names}
    session = open_session(lake, now(), as_of)
    report = inventory(session, since=since, catalogue_path=catalogue_path, policy=policy_path)
    rows = [r for r in report.found if not wanted or r.tool in wanted]
    if format_ == "json":
        click.echo(json.dumps(inventory_data(rows, report.fleet, report.missing), ensure_ascii=False, indent=1))
    elif format_ == "csv":
        click.echo(inventory_csv(rows), nl=False)
    else:
        print_inventory(rows, report.fleet, report.missing)
    ctx.exit(int(any(r.sanctioned == "no" and not r.weak for r in rows)))


@command.group("policy")
def policy() -> None:
    """Which remote-management tools are sanctioned, for whom, until when."""


@policy.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_catalogue
@_format
def policy_check(file: Path, catalogue_path: Path | None, format_: str) -> None:
    """Say what is wrong with a policy, each with its line, and what is sanctioned today.

    Ends with 0; with 1 where there are warnings or errors.
    """
    from lurcher.app.rmm import catalogue_of
    from lurcher.kql.diagnostics import Severity
    from lurcher.report.tables import print_table
    from lurcher.rmm.policy import load_policy

    today = now().date()
    found = load_policy(file, catalogue_of(catalogue_path), today)
    rows: list[dict[str, Any]] = [
        {
            "tool": r.tool.name, "in_force": r.in_force(today), "devices": list(r.devices), "signers": list(r.signers),
            "folders": list(r.folders), "domains": list(r.domains), "until": str(r.until or ""), "by": r.by, "reason": r.reason,
        }
        for r in found.rows
    ]  # fmt: skip
    if format_ == "json":
        problems = [
            {"code": p.diagnostic.code, "severity": p.diagnostic.severity.value, "message": p.diagnostic.message,
             "file": p.source.name, "line": p.position[0], "column": p.position[1]}
            for p in found.diagnostics
        ]  # fmt: skip
        click.echo(json.dumps({"sanctioned": rows, "problems": problems}, ensure_ascii=False, indent=1))
    else:
        for problem in found.diagnostics:
            click.echo(problem.render())
        print_table(
            ("tool", "in force", "devices", "signers", "folders", "domains", "until", "by"),
            [
                (str(r["tool"]), "yes" if r["in_force"] else "no",
                 *(", ".join(r[k]) for k in ("devices", "signers", "folders", "domains")),
                 str(r["until"]), str(r["by"]))
                for r in rows
            ],
        )  # fmt: skip
    worst = any(p.diagnostic.severity is not Severity.NOTE for p in found.diagnostics)
    click.get_current_context().exit(int(worst))


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
        rows = [{"file": f"{r.file}.yaml", "id": r.id, "name": r.name, "tools": r.tools} for r in done.rules]
        data = {"folder": str(folder), "rules": rows, "without": done.without}
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    click.echo(f"{folder}: {counted(len(done.rules), 'rule')}, each with its tests")
    if done.without:
        click.echo(f"no such rule can be made for {counted(len(done.without), 'tool')}: {', '.join(done.without)}")


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


@command.command("update")
@click.argument("place", metavar="FILE|FOLDER", type=click.Path(path_type=Path, exists=True))
@click.option("--write", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="PATH",
              help="Write what is new as a catalogue of yours; a lake uses its own rmm-catalogue.toml by itself.")  # fmt: skip
@_catalogue
@_format
def update(place: Path, target: Path | None, catalogue_path: Path | None, format_: str) -> None:
    """Compare a newer LOLRMM (a checkout, its JSON or CSV) with the catalogue: new tools, signers, names, hosts, and what is gone.

    Nothing is written without --write, and never to the installed package. Ends with 1 where there is something new.
    """
    from dataclasses import asdict

    from lurcher.app.rmm import catalogue_of, write_overlay
    from lurcher.app.rmm import update as compare
    from lurcher.report.rmm import print_difference

    catalogue = catalogue_of(catalogue_path)
    found = compare(place, catalogue)
    if target is not None:
        write_overlay(found, target, now().date(), place)
    if format_ == "json":
        rows = [{k: v for k, v in asdict(c).items() if k != "raw"} for c in found.changes]
        click.echo(
            json.dumps(
                {"changes": rows, "missing": found.missing, "broken": found.broken},
                ensure_ascii=False,
                indent=1,
                default=str,
            )
        )
    else:
        print_difference(found)
        if target is not None:
            click.echo(f"{target}: written; --catalogue {target} uses it")
    click.get_current_context().exit(int(bool(found.adds) and target is None))
