"""The catalogue of remote-management tools at work: rules that it makes, what was left out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lurcher.errors import LurcherError
from lurcher.report.whole import whole_file
from lurcher.rmm.catalogue import Catalogue, LeftOut, Tool
from lurcher.rmm.rules import KINDS, GeneratedRule, Kind, generated, pack

if TYPE_CHECKING:
    from lurcher.app.rules import RuleText
    from lurcher.rmm.update import Difference

#: What `hunt` takes for the rules that look for all tools: `rmm`, or `rmm:` and a tool's name or a kind.
PACK = "rmm"


@dataclass(frozen=True, slots=True)
class Written:
    """Rules that were written. `without`: tools that no rule of these kinds can be made for."""

    folder: Path
    rules: tuple[GeneratedRule, ...]
    without: tuple[str, ...]


def catalogue_of(path: Path | None = None, lake: Path | None = None) -> Catalogue:
    """The catalogue that ships, or the file that is named, or the one beside the lake's tables (`rmm-catalogue.toml`)."""
    return Catalogue.load(path or own_catalogue(lake))


def own_catalogue(lake: Path | None) -> Path | None:
    """The file of a lake's own catalogue, where it has one."""
    file = lake / "rmm-catalogue.toml" if lake is not None else None
    return file if file is not None and file.is_file() else None


def tool_of(catalogue: Catalogue, name: str) -> Tool:
    """Raises `LurcherError` with the names that are near."""
    found = catalogue.tool(name)
    if found is not None:
        return found
    import difflib

    known = {n.casefold(): n for t in catalogue.tools for n in t.names}
    near = difflib.get_close_matches(name.casefold(), known, n=3)
    hint = f"did you mean {' or '.join(known[n] for n in near)}?" if near else "lurcher rmm tools lists them"
    raise LurcherError(f"the catalogue has no tool '{name[:80]}'", hint)


def write_rules(
    catalogue: Catalogue,
    folder: Path,
    tools: Sequence[str] = (),
    kinds: Sequence[Kind] = KINDS,
    *,
    per_tool: bool = True,
) -> Written:
    """Write the rules of each tool (`per_tool`) and, where no tool is named, those for all tools, with their tests.
    A file that is there already is written anew: the same catalogue gives the same bytes. Raises `LurcherError`."""
    chosen = tuple(tool_of(catalogue, n).name for n in tools)
    rules = generated(catalogue, chosen, kinds) if per_tool or chosen else ()
    if not chosen:
        rules = (*pack(catalogue, kinds), *rules)
    have = {n for r in rules for n in r.tools}
    without = tuple(t.name for t in catalogue.tools if t.name not in have and (not chosen or t.name in chosen))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for rule in rules:
            for name, text in ((f"{rule.file}.yaml", rule.text), (f"{rule.file}.test.yaml", rule.tests)):
                with whole_file(folder / name) as partial:
                    partial.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise LurcherError(f"the rules cannot be written: {error.strerror or error}", path=str(folder)) from None
    return Written(folder, rules, without)


def left_out(catalogue: Catalogue) -> tuple[LeftOut, ...]:
    """What the review took out of the sources' facts, or keeps but never hunts alone, with the reason."""
    found = list(catalogue.left_out)
    for signer in catalogue.signers:
        found += [LeftOut(tool, f"signer {signer.name}", why) for tool, why in signer.not_of.items()]
        if signer.scope == "wide":
            found += [
                LeftOut(t, f"signer {signer.name} alone", f"{signer.why}: only beside a program of the tool's")
                for t in signer.tools
            ]
    for tool in catalogue.tools:
        found += [
            LeftOut(tool.name, f"file {f.value} alone", "a name of much else: only beside the maker's")
            for f in tool.executables
            if f.generic
        ]
        found += [LeftOut(tool.name, f"host {f.value} alone", "a host of much else") for f in tool.domains if f.generic]
    return tuple(sorted(found, key=lambda row: (row.tool.casefold(), row.fact)))


def pack_rules(name: str, catalogue: Catalogue | None = None) -> tuple[tuple[str, str], ...] | None:
    """(file name, text) of the rules that a name means which is no path: `rmm`, `rmm:signature`, `rmm:NinjaOne`; None where it is
    no such name. Raises `LurcherError` for a tool that is not known."""
    head, colon, rest = name.partition(":")
    if head != PACK or (colon and not rest):
        return None
    catalogue = catalogue or Catalogue.load()
    kinds: tuple[Kind, ...] = tuple(k for k in KINDS if k == rest.lower())
    if kinds or not rest:
        rules = pack(catalogue, kinds or KINDS)
    else:
        rules = generated(catalogue, (tool_of(catalogue, rest).name,))
    return tuple((f"rmm/{r.file}.yaml", r.text) for r in rules)


def with_packs(places: Sequence[Path | RuleText], lake: Path | None) -> list[Path | RuleText]:
    """What a user names, with the rules that the catalogue, a lake's own where it has one, makes in place of their name."""
    from lurcher.app.rules import RuleText

    found: list[Path | RuleText] = []
    for place in places:
        made = None
        if isinstance(place, Path) and str(place).partition(":")[0] == PACK and not place.exists():
            made = pack_rules(str(place), catalogue_of(None, lake))
        found += [place] if made is None else [RuleText(text, name) for name, text in made]
    return found


def update(place: Path, catalogue: Catalogue) -> Difference:
    """What a newer LOLRMM has that the catalogue has not. Raises `LurcherError`."""
    from lurcher.rmm.lolrmm import read_lolrmm
    from lurcher.rmm.update import difference

    return difference(catalogue, read_lolrmm(place))


def write_overlay(found: Difference, path: Path, day: dt.date, source: Path) -> Catalogue:
    """Write what is new as a catalogue of the user's, read it back, and give what lurcher then knows. The installed one stays as it
    is. Raises `LurcherError`; a file that does not read back is not kept."""
    from importlib.util import find_spec

    from lurcher.rmm.update import overlay

    package = find_spec("lurcher")
    if package is not None and package.origin and Path(package.origin).parent.resolve() in path.resolve().parents:
        raise LurcherError("the installed catalogue is not written to", "name a file of your own", str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(overlay(found, day, source.name), encoding="utf-8", newline="\n")
            return Catalogue.load(partial)
    except OSError as error:
        raise LurcherError(f"the catalogue cannot be written: {error.strerror or error}", path=str(path)) from None
