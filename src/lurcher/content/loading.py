"""Files and folders -> rules. What is broken is reported with its file and line, and never ends the run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from lurcher.content import codes
from lurcher.content.exclusionfields import exclusions_of
from lurcher.content.files import TextFile, decode, edited, read
from lurcher.content.formats import format_of, suffixes
from lurcher.content.formats.sentinel import load as load_yaml
from lurcher.content.mending import rows_of
from lurcher.content.model import Exclusion, Loaded, Placed, Rule
from lurcher.content.reader import Reader
from lurcher.content.yamltree import Broken, parse
from lurcher.errors import LurcherError
from lurcher.kql.diagnostics import Diagnostic
from lurcher.kql.source import NOWHERE, Source

SIDECAR = ".exclusions.yaml"
#: Files beside a rule that are none themselves.
BESIDE = (SIDECAR, ".exclusions.yml", ".test.yaml", ".test.yml")
#: What a repository says of itself, with queries as examples.
ABOUT = frozenset({"readme.md", "changelog.md", "contributing.md", "security.md", "code_of_conduct.md", "license.md"})
#: Names that much else than rules has.
ANYTHING = (".json", ".txt", ".md")
#: How deep folders are followed: a loop of links ends here at the latest.
MAX_FOLDERS = 40


def load(path: Path) -> Loaded:
    """The rules of one file, with the exclusions that stand beside it.

    Raises `LurcherError` where there is no such file, or no format reads it: a user named this file.
    """
    if path.is_dir():
        return load_folder(path)
    if not path.exists():
        raise LurcherError("there is no such file", "check the path", str(path))
    if path.name.endswith(BESIDE):
        what = "exclusions" if ".exclusions." in path.name else "tests"
        raise LurcherError(
            f"this file holds the {what} of a rule, not a rule", "name the rule's file instead", str(path)
        )
    loaded = _load(path)
    if loaded is None:
        raise LurcherError("no format of rules has this file name", f"known are {', '.join(suffixes())}", str(path))
    return loaded


def load_text(path: str, original: bytes) -> Loaded | None:
    """The rules in a file's bytes, without what stands beside it; None where no format has such a name."""
    file = decode(path, original)
    return Loaded((), (file,)) if isinstance(file, Placed) else _load_text(file)


def _load_text(file: TextFile, *, strict: bool = False) -> Loaded | None:
    form = format_of(file.path, file.source.text, strict=strict)
    return form.load(file) if form else None


def _load(path: Path, *, strict: bool = False) -> Loaded | None:
    if not path.name.lower().endswith(suffixes()):
        return None
    file = read(path)
    if isinstance(file, Placed):
        # Data and texts of all sorts lie in folders; what is no rule by its name is not broken by its bytes.
        return None if strict and path.name.lower().endswith(ANYTHING) else Loaded((), (file,))
    loaded = _load_text(file, strict=strict)
    return _with_sidecar(loaded, path) if loaded else None


def sidecar_of(path: Path) -> Path:
    """`rmm/agent.yaml` -> `rmm/agent.exclusions.yaml`."""
    return path.with_name(path.stem + SIDECAR)


def _with_sidecar(loaded: Loaded, path: Path) -> Loaded:
    beside = sidecar_of(path)
    if not beside.is_file():
        beside = beside.with_suffix(".yml")
    if not loaded.rules or not beside.is_file():
        return loaded
    exclusions, diagnostics = load_exclusions(beside)
    if len(loaded.rules) > 1:
        why = f"{path.name} has {len(loaded.rules)} rules, so it is not known to which of them they belong"
        clash = codes.BAD_EXCLUSION.at(
            NOWHERE, id=beside.name, why=why, hint="put them under the rule's key 'exclusions'"
        )
        return replace(loaded, diagnostics=(*loaded.diagnostics, *diagnostics, Placed(clash, Source("", str(beside)))))
    rule = loaded.rules[0]
    own = {e.id for e in rule.exclusions}
    clashes = tuple(Placed(codes.EXCLUSION_TWICE.at(e.span, id=e.id), e.file) for e in exclusions if e.id in own)
    rule = replace(rule, exclusions=(*rule.exclusions, *exclusions))
    return replace(loaded, rules=(rule,), diagnostics=(*loaded.diagnostics, *diagnostics, *clashes))


def load_exclusions(path: Path) -> tuple[tuple[Exclusion, ...], tuple[Placed, ...]]:
    """A sidecar's exclusions: a mapping with the key `exclusions`, or the list itself."""
    file = read(path)
    if isinstance(file, Placed):
        return (), (file,)
    mended = rows_of(file.source.text)
    parsed = mended.freeze()

    def bad(diagnostic: Diagnostic) -> tuple[tuple[Exclusion, ...], tuple[Placed, ...]]:
        return (), (Placed(diagnostic, file.source),)

    try:
        documents = parse(parsed)
        if not documents or documents[0].is_null:
            return (), ()
        root = documents[0]
        if len(documents) > 1:
            return bad(
                codes.BAD_EXCLUSION.at(documents[1].span, id=path.name, why="the file holds several YAML documents")
            )
        reader = Reader(root, file.source, mended, parsed, file.newline)
        nodes = reader.members("exclusions")
        if root.kind == "sequence":
            reader.values["exclusions"] = root
            nodes = reader.members("exclusions")
        elif root.kind != "mapping" or "exclusions" not in reader.values:
            return bad(codes.BAD_EXCLUSION.at(root.span, id=path.name, why="there is no key 'exclusions'"))
        exclusions = exclusions_of(reader, nodes)
    except Broken as broken:
        return bad(broken.diagnostic)
    found = (*file.repairs, *reader.repairs, *reader.problems)
    return exclusions, tuple(Placed(d, file.source) for d in found)


def rule_files(folder: Path, unread: list[Placed]) -> Iterator[Path]:
    """The files below a folder that some format may read, in the order of their names. Hidden folders are left out; links to
    folders are not followed. `unread` gets a diagnostic for each folder that cannot be read, or lies too
    deep."""

    def told(where: str, why: str) -> None:
        unread.append(Placed(codes.UNREADABLE.at(NOWHERE, why=why), Source("", where)))

    def failed(error: OSError) -> None:
        told(str(error.filename), error.strerror or str(error))

    ends = suffixes()
    for where, folders, names in os.walk(folder, onerror=failed, followlinks=False):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        if folders and len(Path(where).parts) - len(folder.parts) >= MAX_FOLDERS:
            told(where, f"folders are followed {MAX_FOLDERS} deep")
            folders[:] = []
        for name in sorted(names):
            if name.lower().endswith(ends) and not name.startswith("."):
                yield Path(where, name)


def load_folder(folder: Path) -> Loaded:
    """All rules below a folder. Files without a rule's keys (`.github/workflows`, a list of settings) are skipped by name."""
    unread: list[Placed] = []
    loaded = load_files(rule_files(folder, unread))
    return replace(loaded, diagnostics=(*loaded.diagnostics, *unread))


def load_files(paths: Iterable[Path]) -> Loaded:
    """The rules of many files; a broken one is reported and the others load."""
    rules: list[Rule] = []
    diagnostics: list[Placed] = []
    skipped: list[tuple[str, str]] = []
    for path in paths:
        if path.name.endswith(BESIDE):
            diagnostics += _orphan(path)
            continue
        if path.name.lower() in ABOUT:
            skipped.append((str(path), "it is about the folder, no rule"))
            continue
        loaded = _load(path, strict=True)
        if loaded is None:
            skipped.append((str(path), "its text is that of no rule"))
            continue
        why = _no_rule(loaded)
        if why:
            skipped.append((str(path), why))
            continue
        rules += loaded.rules
        diagnostics += loaded.diagnostics
    return Loaded(tuple(rules), tuple(diagnostics), tuple(skipped))


def _orphan(path: Path) -> list[Placed]:
    if ".exclusions." not in path.name:
        return []
    stem = path.name.partition(".exclusions.")[0]
    if any(path.with_name(stem + suffix).is_file() for suffix in suffixes()):
        return []
    return [Placed(codes.ORPHAN.at(NOWHERE, expected=f"{stem}.yaml"), Source("", str(path)))]


def _no_rule(loaded: Loaded) -> str:
    """Why a file of a folder is no rule and was not meant to be one; "" where it is, or was."""
    fatal = [p.diagnostic for p in loaded.errors]
    if loaded.rules:
        strange = all(
            not (r.query or r.presences.keys() & {"query", "id", "tactics", "relevantTechniques"}) for r in loaded.rules
        )
        return fatal[0].message if strange and fatal else ""
    return fatal[0].message if fatal and all(d.code == codes.NOT_A_RULE.code for d in fatal) else ""


def write_fixed(rule: Rule) -> bytes:
    """The rule's file with its repairs written; all else as it was, to the byte (a byte order mark is left out).

    Raises `LurcherError` where the result would be no YAML: nothing is then to be written.
    """
    file = decode(rule.path, rule.original)
    if isinstance(file, Placed):
        raise LurcherError(file.diagnostic.message, path=rule.path)
    if not rule.edits and file.encoding == "utf-8" and not file.repairs:
        return rule.original
    text = edited(file.source.text, rule.edits)
    fixed = text.encode()
    if rule.format == "sentinel":
        again = load_yaml(TextFile(rule.path, fixed, Source(text, rule.path)))
        left = [
            p.diagnostic
            for p in again.diagnostics
            if p.diagnostic.code in (codes.DASH_COLUMN.code, codes.FLAT.code, codes.TABS.code)
        ]
        if left or not any(r.query == rule.query and r.id == rule.id for r in again.rules):
            raise LurcherError("the repairs do not give the same rule back; the file is left as it is", path=rule.path)
    return fixed


__all__ = [
    "load",
    "load_exclusions",
    "load_files",
    "load_folder",
    "load_text",
    "rule_files",
    "sidecar_of",
    "write_fixed",
]
