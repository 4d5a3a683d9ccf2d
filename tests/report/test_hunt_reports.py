"""What a hunt gave, as people and programs read it. Data of an intruder's is shown, and obeyed by nothing."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lurcher.app.reports import render, write
from lurcher.errors import LurcherError
from lurcher.report.document import (
    Document,
    EvidencePart,
    ExclusionPart,
    FindingPart,
    RulePart,
    TablePart,
    in_order,
)
from lurcher.report.html import MAX_FINDINGS, MAX_IN_ALL
from lurcher.report.sentences import summary
from lurcher.report.timeline import timeline

SIGNERS = (
    "株式会社オーシャンブリッジ",
    "Servably, Inc.",
    "DWSNET OÜ",
    "ООО «Сафиб»",
    "חברה בע״מ",
    "شركة",
    "บริษัท",
    "😀 GmbH",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\u202egpj.exe",
    "a\x00b\x1b[31mc\u2028d",
    '" onmouseover="x',
    "{{ 7*7 }}{% raw %}",
    "a|b `c` [d](http://e.example) https://f.example www.g.example h@i.example ![j](k) <b>",
    "=cmd|' /C calc'!A1",
    "javascript:alert(1)",
    "]]><!--",
)


def finding(number: int, state: str = "new", **more: Any) -> FindingPart:
    known: dict[str, Any] = {
        "device": f"pc-{number}", "entity": {"DeviceName": f"pc-{number}"}, "row": {"DeviceName": f"pc-{number}", "Count": 3},
        "first_seen": "2026-11-13T10:00:00.000000Z", "last_seen": "2026-11-19T11:30:00.000000Z",
    }  # fmt: skip
    return FindingPart(number, state, **(known | more))


def document(*rules: RulePart, **more: Any) -> Document:
    known: dict[str, Any] = {
        "number": 7, "now": "2026-11-20T12:00:00.000000Z", "started": "2026-11-20T12:00:01.000000Z", "engine": "duckdb",
        "fingerprint": "f" * 64, "version": "1.0", "lake": "/cases/17",
    }  # fmt: skip
    return Document(**(known | more), rules=in_order(rules))


FULL = document(
    RulePart(
        "key-1", "A rule", "ok", path="rules/a.yaml", description="What it finds\nand why", severity="High",
        tactics=("Execution",), techniques=("T1059",), window=("2026-11-13T12:00:00.000000Z", ""), evidence=10, explained=4,
        findings=(
            finding(1, "suppressed", total=4, explained=4, by={"ours": 4}),
            finding(
                2, total=6, explained=0, reasons=("runs from C:\\Users",),
                evidence=(EvidencePart("2026-11-19T11:30:00.000000Z", "d2", "77", "ab" * 20),), evidence_kept=6,
            ),
            finding(3, "known", device="", entity={"Signer": "株式会社"}, row={"Signer": "株式会社", "Set": ["a", 1]}),
            finding(4, "gone", row={}),
        ),
        exclusions=(
            ExclusionPart("ours", True, "", "it is ours", 'process.name == "a.exe"', "us", "CHG-1", "2027-01-01", 4),
            ExclusionPart("theirs", False, "it ended on 2026-01-01"),
        ),
        notes=("rows taken in no fixed order",), misses=("'A' misses B",), tables=("T", "U"),
        query="T\n| where a == '<b>'\n", tuned="T\n| where not(x)\n", rule_hash="1" * 64, exclusion_hash="2" * 64,
    ),
    RulePart("key-2", "Broken", "refused", "line 3, column 4: no such column"),
    RulePart("key-3", "Quiet", "ok", tables=("T",)),
    tables=(TablePart("T", 120, "2026-10-22T00:00:00.000000Z", "2026-11-20T11:00:00.000000Z"), TablePart("U", None)),
    loading=("x.yaml:1:1: error: not YAML",), skipped=(("README.md", "no rule"),),
)  # fmt: skip


# --- in words ---
def test_the_summary_says_what_was_hunted_and_what_came_of_it() -> None:
    assert summary(FULL) == [
        "3 rules hunted at 2026-11-20 12:00:00 UTC: 2 ran, 1 did not.",
        "They looked at 1 table with 120 rows from 2026-10-22 to 2026-11-20.",
        "1 finding is new and waits for a look.",
        "1 finding was there before.",
        "What is shown is on 1 device.",
        "1 finding is suppressed: exclusions explain all of the evidence.",
        "1 finding is gone since an earlier hunt.",
        "6 things were not looked at, or not in full; see below.",
    ]
    assert summary(document(RulePart("k", "n", "ok")))[:2] == [
        "1 rule hunted at 2026-11-20 12:00:00 UTC: 1 ran.",
        "Nothing new was found.",
    ]


def test_what_is_new_comes_first() -> None:
    doc = document(RulePart("a", "a", "ok"), RulePart("b", "b", "ok", findings=(finding(1, "known"),)), FULL.rules[0])
    assert [r.key for r in doc.rules] == ["key-1", "b", "a"]
    assert [f.state for f in doc.rules[0].findings] == ["new", "known", "gone", "suppressed"]
    assert [(d.device, d.new, d.known, d.evidence) for d in doc.top_devices()] == [("pc-2", 1, 0, 6), ("pc-1", 0, 1, 0)]


# --- HTML ---
class Page(HTMLParser):
    """A page's elements and text. What is left open or closed twice fails."""

    VOID = frozenset({"meta", "input", "br", "line", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"{tag}: an attribute twice"
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.stack[-1] if self.stack else "", []).append(data)
        if "script" not in self.stack and "style" not in self.stack:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag]


def hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_page_is_whole_in_itself_and_its_policy_allows_nothing_else() -> None:
    page = Page(render(FULL, "html"))
    (policy,) = [a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    (style,), (script,) = page.texts["style"], page.texts["script"]
    assert policy == (
        f"default-src 'none'; style-src '{hash_of(style)}'; script-src '{hash_of(script)}'; base-uri 'none'; form-action 'none'"
    )
    assert len(page.of("style")) == len(page.of("script")) == 1
    for tag, attributes in page.elements:
        assert tag not in ("link", "img", "iframe", "object", "form", "base", "embed")
        assert not attributes.keys() & {"src", "style", "srcset", "action"}, tag
        assert not any(a.startswith("on") for a in attributes)
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_has_the_form_that_a_screen_reader_needs() -> None:
    text = render(FULL, "html")
    page = Page(text)
    assert text.startswith('<!doctype html>\n<html lang="en">')
    levels = [int(t[1]) for t, _ in page.elements if re.fullmatch(r"h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert len(page.of("table")) == len(page.of("caption")) == len(page.of("thead"))
    assert all(a.get("scope") in ("col", "row") for a in page.of("th"))
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    named = [a["aria-labelledby"] for _, a in page.elements if a.get("aria-labelledby")]
    assert set(named) <= set(ids)
    (label,) = page.of("label")
    assert label["for"] in ids


@pytest.mark.parametrize(
    "words",
    [
        "Hunt 7", "1 new", "1 finding is new and waits for a look.", "pc-2", "runs from C:\\Users", "Explained by ours (4 of 4).",
        "Broken: line 3, column 4: no such column", "theirs, of A rule: it ended on 2026-01-01", "U, read by A rule",
        "A rule: 'A' misses B", "A rule: rows taken in no fixed order", "x.yaml:1:1: error: not YAML", "T | where a == '<b>'",
        "T | where not(x)", "1" * 64, "2" * 64, "f" * 64, "Evidence: 1 of 6 rows; more with lurcher findings 2",
        'process.name == "a.exe"', "us, CHG-1, 2027-01-01", "4 of 10", '["a", 1]', "2 rules without findings",
        "10 rows, 4 explained by exclusions", "2026-11-13 12:00:00 to 2026-11-20 12:00:00", "Execution, T1059",
    ],
)  # fmt: skip
def test_the_page_says_it(words: str) -> None:
    assert words in Page(render(FULL, "html")).text


def hostile() -> Document:
    """Every text that comes from data, in turn each of the hostile ones and each signer."""
    texts = (*HOSTILE, *SIGNERS)
    rules = []
    for n, text in enumerate(texts):
        found = finding(
            n, device=text, entity={text: text}, row={text: text, "list": [text, {text: 1}]}, total=2, explained=1, by={text: 1},
            reasons=(text,), evidence=(EvidencePart(text, text, text, text, (text,)),), evidence_kept=1,
        )  # fmt: skip
        rules.append(
            RulePart(
                text, text, "ok", text, text, text, text, (text,), (text,), (text, text), 2, 1, (found,),
                (ExclusionPart(text, False, text, text, text, text, text, text, 1),), (text,), (text,), (text,), text, text, text,
            )
        )  # fmt: skip
    rules.append(RulePart("r", HOSTILE[0], "refused", HOSTILE[0]))
    tables = tuple(TablePart(t, None, t, t) for t in texts)
    return document(*rules, lake=HOSTILE[0], engine=HOSTILE[1], fingerprint=HOSTILE[2], version=HOSTILE[0], tables=tables,
                    loading=texts, skipped=((HOSTILE[0], HOSTILE[1]),))  # fmt: skip


def test_no_text_of_the_data_is_obeyed_by_a_browser() -> None:
    text = render(hostile(), "html")
    page = Page(text)
    assert len(page.of("script")) == 1
    assert not page.of("img")
    assert not page.of("b")
    assert all(not a.startswith("on") for _, attributes in page.elements for a in attributes)
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}{% raw %}" in page.text
    assert "\\u202egpj.exe" in page.text
    assert "a\\x00b\\x1b[31mc\\u2028d" in page.text
    assert all(c.isprintable() or c == "\n" for c in text)
    for signer in SIGNERS:
        assert signer in page.text


def test_a_label_of_the_timeline_stays_in_its_place_whatever_is_written_out() -> None:
    drawn = timeline(document(RulePart("k", "n", "ok", findings=(finding(1, device="\x1b" * 30),))))
    assert drawn is not None
    assert drawn.bars[0].label == "\\x1b" * 8 + "\\…"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", t.label) for t in drawn.ticks)


def test_a_large_report_shows_the_beginning_and_says_so() -> None:
    many = tuple(finding(n, row={"x": "y" * 10_000}) for n in range(MAX_FINDINGS + 40))
    text = render(document(RulePart("k", "n", "ok", findings=many)), "html")
    page = Page(text)
    assert len([a for a in page.of("details") if a.get("class") == "finding"]) == MAX_FINDINGS
    assert "40 more findings of this rule are not shown" in page.text
    assert "(6,000 characters more)" in page.text
    assert "480 more are not drawn" in page.text
    assert len(text) < 3_000_000


def test_a_report_of_many_rules_is_bounded_as_a_whole() -> None:
    rules = (
        RulePart(f"k{r}", f"n{r}", "ok", findings=tuple(finding(r * 100 + n) for n in range(100))) for r in range(25)
    )
    page = Page(render(document(*rules), "html"))
    assert len([a for a in page.of("details") if a.get("class") == "finding"]) == MAX_IN_ALL
    assert page.text.count("100 more findings of this rule are not shown") == 5


def test_a_hunt_on_a_service_says_nothing_of_the_tables_here() -> None:
    doc = document(RulePart("k", "n", "ok", tables=("T",)), engine="sentinel:<b>")
    assert doc.absent == ()
    assert "sentinel:<b> was asked." in Page(render(doc, "html")).text
    assert "sentinel:\\<b\\> was asked" in render(doc, "md")


def test_findings_without_times_and_hunts_without_rules() -> None:
    page = Page(render(document(RulePart("k", "n", "ok", findings=(finding(1, first_seen="", last_seen=""),))), "html"))
    assert not page.of("svg")
    assert "No rule was hunted." in Page(render(document(), "html")).text


def test_states_that_somebody_gave_a_finding_are_shown() -> None:
    judged = "closed as benign by <eve>, 2026-11-20: ours"
    doc = document(RulePart("k", "n", "ok", findings=(finding(1, "closed", judged=judged), finding(2))))
    assert "1 finding is closed: somebody has judged it." in summary(doc)
    assert judged in Page(render(doc, "html")).text
    assert "closed as benign by \\<eve\\>" in render(doc, "md")
    results = json.loads(render(doc, "sarif"))["runs"][0]["results"]
    assert [r.get("suppressions", [{}])[0].get("justification") for r in results] == [None, judged]
    assert doc.counts == {"new": 1, "known": 0, "suppressed": 0, "gone": 0, "closed": 1}
    assert "1 closed" in Page(render(doc, "html")).text
    assert "1 new, 1 closed" in render(doc, "md")


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no browser is here")
def test_a_browser_runs_the_pages_own_script_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    text = render(hostile(), "html")
    # A script that came in would say so in the title.
    path.write_text(text.replace("</main>", "<script>document.title = 'broken'</script></main>"), encoding="utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
            path.as_uri(),
        ],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert "<title>Hunt 7, 2026-11-20</title>" in done.stdout
    # The page's own has shown the field to filter with.
    assert '<div class="filter" id="filtering">' in done.stdout


# --- Markdown ---
def plain_lines(text: str) -> list[str]:
    """The lines outside of fences."""
    lines, fence = [], ""
    for line in text.split("\n"):
        opens = re.match(r"`{3,}", line)
        if fence:
            if line == fence:
                fence = ""
        elif opens:
            fence = opens[0]
        else:
            lines.append(line)
    assert not fence
    return lines


def test_markdown_of_hostile_data_holds_no_markup_of_its() -> None:
    text = render(hostile(), "md")
    assert all(c.isprintable() or c == "\n" for c in text)
    for line in plain_lines(text):
        rest = re.sub(r"\\.", "", line)
        if line.startswith("|"):
            cells = rest.count("|")
            assert cells in (5, 9), line
            rest = rest.replace("|", "")
        rest = re.sub(r"`[^`]*`", "", rest) if line.startswith(("- ", "1")) and "more:" not in line else rest
        assert not re.search(r"[<>\[\]`@!]|https?:|www\.", rest.removeprefix("#")), line
    for signer in SIGNERS:
        assert signer in text


def test_markdown_says_what_the_page_says() -> None:
    text = render(FULL, "md")
    for words in (
        "# Hunt 7, 2026-11-20 12:00:00 UTC", "- 1 finding is new and waits for a look.", "- not run: Broken: line 3",
        "| pc-2 | 1 | 0 | 6 |", "```kusto\nT\n| where a == '<b>'\n```", "| ours | yes | it is ours | 4 |",
        "Findings: 1 new, 1 known, 1 gone, 1 suppressed. Evidence: 10 rows, 4 explained.",
    ):  # fmt: skip
        assert words in text


def test_a_query_with_fences_stays_in_its_fence() -> None:
    doc = document(RulePart("k", "n", "ok", query="print '````'\n# no heading"))
    assert "`````kusto\nprint '````'\n# no heading\n`````" in render(doc, "md")


# --- for programs ---
def test_csv_keeps_every_value_as_it_is() -> None:
    rows = list(csv.DictReader(io.StringIO(render(hostile(), "csv"))))
    assert [r["device"] for r in rows] == [*HOSTILE, *SIGNERS]
    assert [json.loads(r["entity"]) for r in rows] == [{t: t} for t in (*HOSTILE, *SIGNERS)]
    (first,) = [r for r in csv.DictReader(io.StringIO(render(FULL, "csv"))) if r["finding"] == "1"]
    assert first == {
        "hunt": "7", "rule": "key-1", "rule_name": "A rule", "severity": "High", "finding": "1", "state": "suppressed",
        "device": "pc-1", "entity": '{"DeviceName":"pc-1"}', "first_seen": "2026-11-13T10:00:00.000000Z",
        "last_seen": "2026-11-19T11:30:00.000000Z", "evidence": "4", "explained": "4", "explained_by": '{"ours":4}',
        "reasons": "", "row": '{"DeviceName":"pc-1","Count":3}',
    }  # fmt: skip


def test_json_is_the_document() -> None:
    data = json.loads(render(FULL, "json"))
    assert data["form"] == 1
    assert data["counts"] == {"new": 1, "known": 1, "suppressed": 1, "gone": 1}
    rule = data["rules"][0]
    assert rule["findings"][0]["evidence"] == [
        {"time": "2026-11-19T11:30:00.000000Z", "device": "d2", "report": "77", "sha1": "ab" * 20, "by": []}
    ]
    assert rule["exclusions"][1]["in_force"] is False
    assert json.loads(render(hostile(), "json"))["rules"][2]["name"] == HOSTILE[2]


def test_parquet_has_a_typed_row_for_each_finding(tmp_path: Path) -> None:
    write(FULL, [tmp_path / "r.parquet"])
    table = pq.read_table(tmp_path / "r.parquet")
    assert {f.name: str(f.type) for f in table.schema if str(f.type) != "string"} == {
        "hunt": "int64", "finding": "int64", "first_seen": "timestamp[us, tz=UTC]", "last_seen": "timestamp[us, tz=UTC]",
        "evidence": "int64", "explained": "int64",
        "explained_by": "list<element: struct<exclusion: string, rows: int64>>", "reasons": "list<element: string>",
    }  # fmt: skip
    rows = {r["finding"]: r for r in table.to_pylist()}
    assert rows[1]["explained_by"] == [{"exclusion": "ours", "rows": 4}]
    assert rows[2]["first_seen"] == datetime(2026, 11, 13, 10, tzinfo=UTC)
    assert rows[3]["evidence"] is None
    write(document(), [tmp_path / "empty.parquet"])
    assert pq.read_table(tmp_path / "empty.parquet").num_rows == 0


def test_sarif_has_a_result_for_each_finding_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (run,) = json.loads(render(FULL, "sarif"))["runs"]
    assert [r["id"] for r in run["tool"]["driver"]["rules"]] == ["key-1", "key-2", "key-3"]
    assert [(r["level"], r["message"]["text"]) for r in run["results"]] == [
        ("error", "A rule: pc-2"),
        ("error", "A rule: 株式会社"),
        ("error", "A rule: pc-1"),
    ]
    assert run["results"][2]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "explained by ours"}
    ]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "rules/a.yaml"
    assert run["originalUriBaseIds"]["ROOT"]["uri"] == tmp_path.as_uri() + "/"
    assert "not run" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_a_finding_of_a_later_hunt_is_the_same_result() -> None:
    later = document(RulePart("key-1", "A rule", "ok", path="rules/a.yaml", findings=(finding(2, "known", total=99),)))
    one, two = (json.loads(render(d, "sarif"))["runs"][0]["results"] for d in (FULL, later))
    assert two[0]["partialFingerprints"] in [r["partialFingerprints"] for r in one]


# --- files ---
def test_a_name_that_says_no_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LurcherError, match="does not say what report"):
        write(FULL, [tmp_path / "r.pdf"])
    write(FULL, [tmp_path / "r.HTM", tmp_path / "r.md"])
    assert (tmp_path / "r.HTM").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_half_of_a_surrogate_does_not_keep_a_report_from_being_written(tmp_path: Path) -> None:
    doc = document(RulePart("k", "n\ud800", "ok", findings=(finding(1, device="a\udfffb"),)))
    paths = [tmp_path / f"r.{form}" for form in ("html", "md", "csv", "json", "sarif", "parquet")]
    write(doc, paths)
    assert all(p.stat().st_size for p in paths)
