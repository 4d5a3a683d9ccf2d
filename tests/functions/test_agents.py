"""User agents as the documentation of parse_user_agent() shows them."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

pytest.importorskip("ua_parser")

from lurcher.functions.udfs.agents import parse_user_agent

AIR = "Mozilla/5.0 (Windows; U; en-US) AppleWebKit/531.9 (KHTML, like Gecko) AdobeAIR/2.5.1"
NOKIA = (
    "Mozilla/5.0 (SymbianOS/9.2; U; Series60/3.1 NokiaN81-3/10.0.032 Profile/MIDP-2.0 Configuration/CLDC-1.1 )"
    " AppleWebKit/413 (KHTML, like Gecko) Safari/4"
)


def parsed(text: str, wanted: str) -> object:
    (found,) = parse_user_agent(pa.array([text]), pa.array([wanted])).to_pylist()
    return json.loads(found)


def test_a_browser_has_its_version_in_parts() -> None:
    browser = {"Family": "AdobeAIR", "MajorVersion": "2", "MinorVersion": "5", "Patch": "1"}
    assert parsed(AIR, "browser") == {"Browser": browser}


def test_browser_system_and_device_at_once() -> None:
    assert parsed(NOKIA, "browser os device") == {
        "Browser": {"Family": "Nokia OSS Browser", "MajorVersion": "3", "MinorVersion": "1", "Patch": ""},
        "OperatingSystem": {
            "Family": "Symbian OS",
            "MajorVersion": "9",
            "MinorVersion": "2",
            "Patch": "",
            "PatchMinor": "",
        },
        "Device": {"Family": "Nokia N81", "Brand": "Nokia", "Model": "N81-3"},
    }


def test_what_no_rule_knows_is_other() -> None:
    assert parsed("-", "device") == {"Device": {"Family": "Other", "Brand": "", "Model": ""}}


def test_a_long_text_is_read_in_time() -> None:
    assert parsed("Mozilla/5.0 (" + "; " * 100_000, "browser os device")
