# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import matcher, outcome, suite
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.registry import KINDS
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import REQUEST_OPTIONS
from ansible_collections.shipshape.webapp.plugins.modules import smoke_check

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "checks.md").read_text()

BASE = Setting(base_url="https://shop.example.com")


def test_the_page_lists_the_kinds_with_what_they_observe() -> None:
    listed = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| .+ \|$", section("2. Every kind"), re.MULTILINE)

    assert {kind: observed.split(", ") for kind, observed in listed} == {
        name: list(kind.observes) for name, kind in KINDS.items()
    }


def test_the_page_lists_the_words_of_a_check() -> None:
    listed = re.findall(r"^\| `(\w+)` \| .+ \|$", section("1. A check"), re.MULTILINE)

    assert set(listed) == set(suite._COMMON)


def test_the_page_lists_the_matchers() -> None:
    table = "".join(line for line in section("3. Matchers").splitlines() if line.startswith("| `"))
    cells = table.replace("||", "|").split("|")[1:-1]

    assert sorted(word for cell in cells[::2] for word in re.findall(r"`(\w+)`", cell)) == sorted(matcher.WORDS)


def test_the_page_lists_the_options_of_a_request() -> None:
    cells = re.findall(r"^\| (`.+?`) \| .+ \|$", section("The kinds"), re.MULTILINE)

    assert {word for cell in cells for word in re.findall(r"`(\w+)`", cell)} == set(REQUEST_OPTIONS)


def test_the_page_lists_the_outcomes() -> None:
    listed = re.findall(r"^\| `(\w+)` \| .+ \|$", section("Outcomes"), re.MULTILINE)

    assert listed == [outcome.PASSED, outcome.FAILED, outcome.ERROR, outcome.INCONCLUSIVE, outcome.SKIPPED]


@pytest.mark.parametrize("text", re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
def test_what_the_page_shows_can_be_read(text: str) -> None:
    shown = yaml.safe_load(text)
    checks = shown["checks"] if isinstance(shown, dict) else shown

    found = suite.read_suite(checks, KINDS, BASE, {"admin": {}}, {})

    assert len(found.checks) >= len(checks)


def test_what_the_module_shows_can_be_read() -> None:
    for task in yaml.safe_load(smoke_check.EXAMPLES):
        checks = task["shipshape.webapp.smoke_check"]["checks"]
        if isinstance(checks, list):
            assert suite.read_suite(checks, KINDS, BASE, {"admin": {}}, {}).checks


def section(title: str) -> str:
    """What stands under a heading that begins so."""
    found = re.search(rf"^## {re.escape(title)}[^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]
