"""What came of tests as JUnit XML: a suite a rule, a case a test. Written as Jenkins, GitLab and GitHub's actions read it."""

from __future__ import annotations

import re
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from lurcher.content.testing.outcome import Outcome, Tested
from lurcher.report.testing import lines

#: What XML 1.0 cannot hold, however it is written.
_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Tested) -> str:
    """The document."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>']
    head = {
        "tests": len(report.outcomes),
        "failures": report.count("failed"),
        "errors": report.count("error"),
        "time": f"{report.seconds:.3f}",
    }
    out.append(f'<testsuites name="lurcher"{_attributes(head)}>')
    for (path, rule), group in groupby(report.outcomes, lambda o: (o.rule_path, o.rule)):
        out += _suite(path, rule, list(group))
    out += [*_broken(report), "</testsuites>", ""]
    return "\n".join(out)


def _suite(path: str, rule: str, outcomes: list[Outcome]) -> list[str]:
    head = {
        "tests": len(outcomes),
        "failures": sum(o.status == "failed" for o in outcomes),
        "errors": sum(o.status == "error" for o in outcomes),
        "time": f"{sum(o.seconds for o in outcomes):.3f}",
        "file": path,
    }
    out = [f"  <testsuite name={_quoted(rule)}{_attributes(head)}>"]
    for one in outcomes:
        case = {"classname": rule, "time": f"{one.seconds:.3f}", "file": one.path, "line": one.line}
        start = f"    <testcase name={_quoted(one.test)}{_attributes(case)}"
        if one.status == "passed":
            out.append(start + "/>")
            continue
        tag = "failure" if one.status == "failed" else "error"
        message = one.reason or "; ".join(map(str, one.differences))
        text = "\n".join(line.strip() for line in list(lines(one))[1:])
        out += [start + ">", f"      <{tag} message={_quoted(message)}>{_text(text)}</{tag}>", "    </testcase>"]
    return [*out, "  </testsuite>"]


def _broken(report: Tested) -> list[str]:
    """Files that are broken: tests that were not even read must not look as if all were well."""
    wrong = [p for p in report.wrong if p.diagnostic.is_error]
    if not wrong:
        return []
    out = [f'  <testsuite name="files"{_attributes({"tests": len(wrong), "failures": 0, "errors": len(wrong)})}>']
    for one in wrong:
        case = {"classname": "files", "file": one.source.name, "line": one.position[0]}
        out += [
            f"    <testcase name={_quoted(one.source.name)}{_attributes(case)}>",
            f"      <error message={_quoted(one.diagnostic.message)}>{_text(one.render())}</error>",
            "    </testcase>",
        ]
    return [*out, "  </testsuite>"]


def _attributes(values: dict[str, object]) -> str:
    return "".join(f" {name}={_quoted(str(value))}" for name, value in values.items())


def _quoted(text: str) -> str:
    return quoteattr(_FORBIDDEN.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))
