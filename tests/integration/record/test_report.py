# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a deployment as people see it: on a desktop, on a phone, on a dark screen, and on paper."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser.chromium import WINDOWS, Browser, running_browser
from tests.integration.machine import ROOT
from tests.unit.record.sample import facts

# What a page could be made to do, and what could make it wider than any window.
HOSTILE = "<script>window.executed = 1</script><img src=/nowhere onerror='window.executed = 1'>" + "long" * 60
# These are words that the record knows, or what the directory is called.
KNOWN = ("verdict", "state", "began", "ended", "deployment", "outcome", "level")

EVIDENCE = ".failed details pre"
VERDICT = "header h1"

# The text of an element itself, against what is behind it, as WCAG has it: 4.5 is what people need who see little.
CONTRASTS = """
(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) =>
    channels(color).slice(0, 3).map((channel) => channel / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
      .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 ? behind(element.parentElement) : color;
  };
  const contrast = (element) => {
    const { color, fill } = getComputedStyle(element);
    const lights = [light(element.closest('svg') ? fill : color), light(behind(element))];
    return (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
  };
  const speaks = ({ nodeType, data }) => nodeType === Node.TEXT_NODE && data.trim();
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.checkVisibility())
    .flatMap((element) => [...element.childNodes].filter(speaks).map(({ data }) => [data.trim(), contrast(element)]));
})()
"""

# All that is drawn in a plot and means something.
MARKS = """
[...document.querySelectorAll('svg :is(polyline, rect, line.switch, text)')].map((mark) => {
  const { left, right, width, height } = mark.getBoundingClientRect();
  const { fill, stroke } = getComputedStyle(mark);
  const kind = mark.tagName;
  const color = ['line', 'polyline'].includes(kind) ? stroke : fill;
  return { kind, left, right, height, size: width + height, color, text: mark.textContent };
})
"""


def checks() -> list[dict[str, Any]]:
    """A check with the evidence that an application's answer is, and the others of the sample."""
    [suite] = facts()["suites"]
    failed = {
        "name": "the page of a bundle",
        "outcome": "failed",
        "ms": 31.4,
        "ids": ["F17"],
        "failures": ["text: expected Bundles, is missing"],
        "assertions": [{"path": "text", "is_met": False, "told": "expected Bundles, is missing"}],
        "observed": {"status": 200, "text": HOSTILE},
    }
    return [failed, *suite["checks"]]


def spiked(told: Any) -> Any:
    """The same facts, of which every word that can be any is hostile."""
    if isinstance(told, dict):
        return {name: value if name in KNOWN else spiked(value) for name, value in told.items()}
    if isinstance(told, list):
        return [spiked(value) for value in told]
    return f"{told} {HOSTILE}" if isinstance(told, str) else told


def written(told: dict[str, Any], directory: Path) -> str:
    """The address of the report that the module writes of these facts."""
    options = {"directory": str(directory), "facts": told, "_ansible_remote_tmp": str(directory)}
    ended = subprocess.run(
        [sys.executable, "-m", "ansible_collections.shipshape.webapp.plugins.modules.deployment_record"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": options}),
        env={"PYTHONPATH": str(ROOT / ".cache" / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Path(json.loads(ended.stdout)["report"]).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a deployment that was taken back."""
    suite = {"title": "Watch", "host": "app1", "checks": checks()}
    return written(facts(suites=[suite]), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same from an application, hosts and people who mean harm."""
    suite = {"title": "Watch", "host": "app1", "checks": checks()}
    told = spiked(facts(suites=[suite]))
    # As many digits as there are before a request is given up, and the last moment that there is.
    last = {**told["availability"]["series"][-1], "p95": 30000.0}
    told["availability"]["series"][-1] = last
    return written({**told, "switched": last["at"]}, tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("window", WINDOWS)
def test_it_tells_what_happened(browser: Browser, report: str, window: str) -> None:
    browser.open(report, window)
    browser.shoot(f"report-{window}")
    assert browser.value("document.title") == "faceshot: Taken back"
    assert browser.texts(VERDICT) == ["faceshot: Taken back"]
    phases = "section:nth-of-type(3) td"
    assert browser.texts("section:nth-of-type(3) h2") == ["Phases"]
    assert [text.split("\n")[0] for text in browser.texts(f"{phases}:first-child")] == ["preflight", "build", "watch"]
    assert browser.texts(f"{phases}:last-child") == ["4 s", "36 s", "1 min 25 s"]
    assert browser.texts("tr.failed td:first-child:not(.mark)") == ["watch\napp1: 1 check failed\napp2: ok"]

    # What proves it is out of the way until somebody wants to see it.
    assert not browser.sees(EVIDENCE)
    browser.click(".failed summary")
    assert browser.sees(EVIDENCE)
    [evidence] = browser.texts(EVIDENCE)
    first, observed = evidence.split("\n", 1)
    assert first == "✗ text: expected Bundles, is missing"
    assert json.loads(observed) == {"status": 200, "text": HOSTILE}
    assert browser.texts(".failed .id") == ["F17", "F17", "F18"]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_plot_can_be_seen(browser: Browser, report: str, window: str) -> None:
    browser.open(report, window)
    assert browser.sees("svg")
    plot = browser.box("svg")
    assert plot["width"] > 0.9 * min(WINDOWS[window]["width"], 960)
    assert plot["height"] > 100
    marks = browser.value(MARKS)
    # The line is broken where nothing was answered, and its scale has steps and ends.
    assert [mark["kind"] for mark in marks if mark["kind"] != "text"] == ["polyline", "polyline", "rect", "line"]
    assert [mark["text"] for mark in marks if mark["kind"] == "text"] == [
        *("0", "10", "20"),
        *("07:15:00", "07:16:59"),
        "switch",
    ]
    # On a phone as well.
    assert min(mark["height"] for mark in marks if mark["kind"] == "text") > 10
    assert [mark for mark in marks if mark["size"] < 10 or mark["color"] in ("none", "rgb(255, 255, 255)")] == []


@pytest.mark.parametrize("window", WINDOWS)
def test_it_runs_nothing_asks_for_nothing_and_is_no_wider_than_the_window(
    browser: Browser, hostile_report: str, window: str
) -> None:
    browser.open(hostile_report, window)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.shoot(f"report-hostile-{window}")
    assert browser.value("window.executed") is None
    assert browser.value("document.querySelectorAll('script, img').length") == 0
    assert browser.value("document.body.innerText").count(HOSTILE) > 50
    assert browser.requests() == [hostile_report]
    assert browser.complaints() == []
    width = WINDOWS[window]["width"]
    assert browser.width() == width
    assert [mark for mark in browser.value(MARKS) if mark["left"] < 0 or mark["right"] > width] == []


@pytest.mark.parametrize("paper", [False, True], ids=["screen", "paper"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_can_be_read_on_any_screen_and_on_paper(browser: Browser, report: str, dark: bool, paper: bool) -> None:
    browser.open(report, dark=dark, paper=paper)
    browser.shoot(f"report-{'dark' if dark else 'light'}-{'paper' if paper else 'screen'}")
    contrasts = browser.value(CONTRASTS)
    seen = {text for text, _contrast in contrasts}
    assert {"Taken back", "watch", "switch", "the page of a bundle", "Evidence"} <= seen
    assert [(text, contrast) for text, contrast in contrasts if contrast < 4.5] == []
    # Nobody can open anything on paper, and ink is for letters.
    assert browser.sees(EVIDENCE) is paper
    behind = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (behind == "rgb(255, 255, 255)") is (paper or not dark)
