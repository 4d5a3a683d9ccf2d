"""Coverage-guided fuzzing of the way from text to plan, for as long as it is let run.

    pip install atheris        # Linux, Python 3.11 to 3.13; no dependency of the project
    nice python bench/fuzz_kql.py TARGET FOLDER [-max_total_time=SECONDS] [libFuzzer's options] [further folders of seeds]

TARGET is one of

| target | what runs | what must hold |
|---|---|---|
| lexer | `tokenize` | it does not raise; tokens are in order and lie in the text |
| parser | `parse`, `format` | they do not raise; what is formatted is read back as an equal tree, and formats as itself |
| binder | `compile_text` over the services' tables, then the SQL | neither raises, but for `Refused` of what has no SQL |

and whatever a diagnostic points at lies in the text. FOLDER keeps the inputs that reached something new (the corpus), and in
`FOLDER-found` one input for each finding: fuzzing goes on after the first. Seeds are the tests' case files and the rules that
ship; words of the language are the dictionary. Run what was found again with

    python bench/fuzz_kql.py TARGET FOLDER-found/FILE
"""

from __future__ import annotations

import hashlib
import re
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Seconds that an input of at most `-max_len` may take.
SLOW = 3.0
_DEFAULTS = ["-rss_limit_mb=2048", "-timeout=10", "-max_len=4000", "-print_final_stats=1"]
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def seeds() -> list[str]:
    texts = []
    for file in sorted((ROOT / "tests" / "cases").rglob("*.txt")):
        for block in file.read_text("utf-8").split("\n====\n"):
            lines = [line for line in block.partition("\n----")[0].split("\n") if not line.startswith("# ")]
            texts.append("\n".join(lines[1:]))
    texts += [p.read_text("utf-8") for p in sorted((ROOT / "content").rglob("*.kql"))]
    for file in sorted((ROOT / "content").rglob("*.y*ml")):
        texts += re.findall(r"^ *query: \|\n((?: .*\n|\n)+)", file.read_text("utf-8"), re.MULTILINE)
    return [text for text in texts if text.strip()]


def dictionary() -> list[str]:
    """What a mutation may put in: words and signs of the language, functions, tables, their columns."""
    from lurcher.functions import registry
    from lurcher.kql import tokens
    from lurcher.schema import known_table, table_names

    found = {name for _, name in registry.FUNCTIONS}
    for value in vars(tokens).values():
        if isinstance(value, (tuple, list, frozenset, set, dict)):
            found |= {word for word in value if isinstance(word, str)}
    found |= set(re.findall(r"[a-z][a-z_-]{2,}", (ROOT / "src/lurcher/plan/data/language.txt").read_text("utf-8")))
    for name in ("DeviceProcessEvents", "DeviceEvents", "SigninLogs", "SecurityEvent"):
        table = known_table(name)
        found |= {name, *(c.name for c in table.columns[:40])} if table is not None else set()
    found |= set(table_names()[:20])
    found |= {
        " | ",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "..",
        "=>",
        "==",
        "!=",
        "=~",
        "!~",
        "<=",
        ">=",
        ";",
        "\n\n",
        "```",
        "//",
        "['",
        "']",
    }
    found |= {
        "dynamic([1, 'a', {\"k\": null}])",
        "datetime(2026-01-01)",
        "1d",
        "1tick",
        "h@'x'",
        "\\u0000",
        "\ud800",
        "\u200b",
        "\u202e",
    }
    return sorted(found)


def within(diagnostics: object, text: str) -> None:
    for d in diagnostics:  # type: ignore[attr-defined]
        # What is missing at the end is one character behind it.
        assert 0 <= d.span.start <= d.span.end <= len(text) + 1, f"{d.code} at {d.span} of {len(text)}"


def lexer(text: str) -> None:
    from lurcher.kql.lexer import tokenize

    tokens, last = tokenize(text), 0
    for index in range(len(tokens)):
        assert last <= tokens.starts[index] < tokens.end(index) <= len(text)
        assert text.startswith(tokens.texts[index], tokens.starts[index])
        last = tokens.end(index)
    within(tokens.diagnostics, text)


def parser(text: str) -> None:
    from lurcher.kql.formatter import format
    from lurcher.kql.parser import parse

    result = parse(text)
    within(result.diagnostics, text)
    # Warnings of what is said in a way that formatting does not keep.
    if not result.ok or any(d.code.startswith("LU") for d in result.diagnostics):
        return
    formatted = format(result.tree)
    again = parse(formatted)
    assert again.ok, f"formatted, it does not parse: {[d.message for d in again.diagnostics]}"
    assert again.tree == result.tree, "formatted, it is another tree"
    assert format(again.tree) == formatted, "formatting twice is not formatting once"


def binder(text: str) -> None:
    from lurcher.engines.duckdb import DuckDBEngine
    from lurcher.kql.diagnostics import Refused, render
    from lurcher.kql.source import Source
    from lurcher.plan.compile import compile_text

    global _tables
    if _tables is None:
        from lurcher.app.session import Tables

        _tables = Tables()
    source = Source(text)
    compiled = compile_text(source, _tables, now=_NOW)
    within(compiled.diagnostics, text)
    render(compiled.diagnostics, source)
    if not compiled.ok:
        return
    engine = DuckDBEngine(_tables)
    for query in compiled.queries:
        try:
            sql = engine.sql(query.plan)
        except Refused as refused:
            within(refused.diagnostics, text)
        else:
            assert "\0" not in sql


_tables = None
TARGETS: dict[str, Callable[[str], None]] = {"lexer": lexer, "parser": parser, "binder": binder}


class Findings:
    """One input for each place that something goes wrong at."""

    def __init__(self, folder: Path, target: Callable[[str], None]) -> None:
        self.folder, self.target = folder, target
        self.known: dict[str, int] = {}

    def one(self, data: bytes) -> None:
        text = read(data)
        began = time.perf_counter()
        try:
            self.target(text)
            taken = time.perf_counter() - began
            if taken > SLOW:
                self.keep("slow", f"took {taken:.1f} s", text)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "lurcher" in f.filename]
            place = f"{Path(frames[-1].filename).name}-{frames[-1].lineno}" if frames else "here"
            self.keep(f"{type(error).__name__}-{place}", traceback.format_exc(), text)

    def keep(self, kind: str, what: str, text: str) -> None:
        kind += "-" + re.sub(r"\W+", "-", what.strip().splitlines()[-1])[:50] if kind.startswith("Assertion") else ""
        self.known[kind] = self.known.get(kind, 0) + 1
        path = self.folder / kind
        # The shortest one says most.
        if self.known[kind] > 1 and len(path.read_text("utf-8", "surrogatepass")) <= len(text):
            return
        if self.known[kind] == 1:
            print(f"FOUND {kind}\n{what}\n{text!r}", flush=True)
        path.write_bytes(text.encode("utf-8", "surrogatepass"))


def read(data: bytes) -> str:
    """Any bytes as a text, lone surrogates among them: a text of the protocols may hold those."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def main(arguments: list[str]) -> None:
    name, place, *rest = arguments
    path = Path(place)
    sys.path.insert(0, str(ROOT / "src"))
    if path.is_file():
        TARGETS[name](read(path.read_bytes()))
        return
    import atheris

    with atheris.instrument_imports(include=["lurcher"]):
        import lurcher.app.session
        import lurcher.engines.duckdb
        import lurcher.engines.lowering
        import lurcher.kql.formatter
        import lurcher.plan.compile
        import lurcher.sql.printer  # noqa: F401
    found = path.with_name(path.name + "-found")
    for folder in (path, found):
        folder.mkdir(parents=True, exist_ok=True)
    for text in seeds():
        data = text.encode("utf-8", "surrogatepass")
        (path / hashlib.sha1(data).hexdigest()).write_bytes(data)
    words = path.with_suffix(".dict")
    escaped = ["".join(f"\\x{b:02x}" for b in word.encode("utf-8", "surrogatepass")) for word in dictionary()]
    words.write_text("".join(f'"{word}"\n' for word in escaped), "ascii")
    findings = Findings(found, TARGETS[name])
    options = {option.partition("=")[0]: option for option in [*_DEFAULTS, *(a for a in rest if a.startswith("-"))]}
    folders = [str(path), *(a for a in rest if not a.startswith("-"))]
    atheris.Setup([sys.argv[0], f"-dict={words}", *options.values(), *folders], findings.one)
    atheris.Fuzz()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in TARGETS:
        sys.exit(__doc__)
    main(sys.argv[1:])
