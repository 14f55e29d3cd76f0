# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._record.page import page
from ansible_collections.shipshape.webapp.plugins.module_utils._record.plot import availability_plot
from ansible_collections.shipshape.webapp.plugins.module_utils._record.record import complete
from ansible_collections.shipshape.webapp.plugins.module_utils._record.summary import summary
from ansible_collections.shipshape.webapp.plugins.module_utils._record.usecase import Host, write_record
from tests.unit.record.sample import facts

LEAST = {
    "application": "faceshot",
    "deployment": "d1",
    "verdict": "unchanged",
    "began": "2026-11-22T07:15:00Z",
    "ended": "2026-11-22T07:15:03Z",
}

EMPTY = ("br", "meta", "polyline", "rect", "line")


class Reader(HTMLParser):
    """What stands on a page, in its order, and whether all that begins also ends."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "data")]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(**changes: Any) -> Reader:
    return Reader(page(complete(facts(**changes))))


def test_a_record_has_every_fact_and_what_follows_from_them() -> None:
    record = complete(LEAST)
    assert record["schema"] == 1
    assert record["seconds"] == 3
    assert record["phases"] == []
    assert record["counts"] == {"checks": 0, "passed": 0, "skipped": 0, "other": 0}
    whole = complete(facts())
    assert set(record) == set(whole)
    assert [phase["seconds"] for phase in whole["phases"]] == [4, 36, 85]
    assert whole["counts"] == {"checks": 5, "passed": 1, "skipped": 1, "other": 3}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"verdicts": 1}, "verdicts: there is no such fact. Did you mean verdict?"),
        ({"verdict": "god"}, "verdict: god is none. Did you mean good?"),
        ({"application": ""}, "application: it is not said."),
        ({"ended": None}, "ended: it is not said."),
        ({"began": "today"}, "began: write it as 2026-11-22T07:15:00Z."),
        ({"phases": [{"name": "x", "ended": "12:00"}]}, "phases[1].ended: write it as 2026-11-22T07:15:00Z."),
    ],
)
def test_facts_that_are_none_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        complete({**LEAST, **change})
    assert caught.value.details["problems"] == [problem]


def test_the_page_shows_every_fact() -> None:
    text = read().text
    for expected in (
        "faceshot: Taken back",
        "The watch failed on app1: the nine SKUs",
        "Live release 4e07408562be-2c26b46b",
        "Commit 9f86d081884c",
        "Change Sell <bundles> & more",
        "Hosts app1, app2",
        "Began 2026-11-22 07:15:00 UTC",
        "Took 2 min 5 s",
        "By ann on ops1",
        "Failed requests 3 of 1200",
        "Longest gap 0.41 s",
        "Checks 1 of 5",
        "ansible-playbook shipshape.webapp.rollback -e @faceshot.yml",
        "The firewall is not enabled on app2.",
        "build 3 steps, dependencies from the cache",
        "app1: 1 check failed app2: ok",
        "3 of 1200 requests failed ( 1197 times 200, 3 times 502)",
        "half of the answers took 3.1 ms, 95 of 100 at most 7.9 ms, the slowest 24 ms",
        "Gate on app1",
        "✓ /health F22 Evidence ✓ status: is 200",
        '"status": "ok"',
        "4.2 ms",
        "✗ the nine SKUs F17 F18 count: expected at least 9, got 8",
        "- no key in the log ?",
        "! certificate timed out after 10 s 10 s",
        "The shop looks right on a phone ann, 2026-11-22 07:20",
        "faceshot-20261122T071541Z-1a2b3c , 30.0 MB, verified by restore",
        "002_bundles.sql 0.02 s",
        "Came: BUNDLES Changed: LOG_LEVEL Went: OLD_KEY",
        "npm ci from the cache 0.80 s npm run build 31 s",
        "/srv/faceshot/logs/application.log on app1 ERROR no such SKU: <C1-15>",
    ):
        assert expected.replace(" ( ", " (") in text.replace(" ( ", " ("), expected


def test_the_page_needs_nothing_beside_it_and_runs_nothing() -> None:
    content = page(complete(facts()))
    assert Reader(content).addresses == []
    assert not re.search(r"<script|<link|<iframe|<img|@import|url\(|https?:|\son[a-z]+=", content)


@pytest.mark.parametrize("name", ["application", "sentence", "by", "before", "go_back", "deployment"])
def test_whatever_is_told_is_text(name: str) -> None:
    hostile = "<script>alert('x')</script>\"&"
    reader = read(**{name: hostile})
    assert hostile in "".join(reader.texts)


@pytest.mark.parametrize("place", ["outcome", "name", "failures", "ids", "observed", "assertions"])
def test_whatever_a_check_tells_is_text(place: str) -> None:
    hostile = '"><script>alert(1)</script>'
    value: Any = hostile if place in ("outcome", "name") else [hostile]
    value = {"body": hostile} if place == "observed" else value
    value = [{"path": hostile, "is_met": False, "told": hostile}] if place == "assertions" else value
    content = page(
        complete(facts(suites=[{"title": hostile, "host": hostile, "checks": [{"name": "x", place: value}]}]))
    )
    Reader(content)
    assert "<script" not in content


def test_what_is_not_known_is_not_on_the_page() -> None:
    text = Reader(page(complete(LEAST))).text
    assert text == ("faceshot: Nothing to do faceshot: Nothing to do Began 2026-11-22 07:15:00 UTC Took 3 s d1")


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [("good", "good"), ("unchanged", "calm"), ("rolled_back", "calm"), ("failed", "bad"), ("returned", "bad")],
)
def test_the_verdict_has_its_colour(verdict: str, tone: str) -> None:
    assert f'<header class="{tone}">' in page(complete(facts(verdict=verdict)))


def tags(content: str, tag: str) -> list[dict[str, str | None]]:
    return [attributes for name, attributes in Reader(content).tags if name == tag]


def points(plot: str) -> list[list[tuple[float, float]]]:
    lines = [(line["points"] or "").split() for line in tags(plot, "polyline")]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in line)] for line in lines]


def test_the_plot_shows_answers_failures_and_the_switch() -> None:
    record = facts()
    plot = availability_plot(record["availability"]["series"], record["switched"])
    lines = points(plot)
    # Where nothing was answered, the line is broken.
    assert [len(line) for line in lines] == [63, 56]
    xs = [x for line in lines for x, _y in line]
    assert xs == sorted(xs)
    assert (xs[0], xs[-1]) == (56, 708)
    # Slower is higher.
    slowest = min((y, x) for line in lines for x, y in line)
    [switch] = [line for line in tags(plot, "line") if line["class"] == "switch"]
    assert float(switch["x1"] or 0) == slowest[1]
    [failed] = tags(plot, "rect")
    assert float(failed["x"] or 0) > slowest[1]
    assert "3 of 10 failed" in plot


def test_a_switch_outside_of_what_was_measured_is_not_shown() -> None:
    record = facts()
    assert "switch" not in availability_plot(record["availability"]["series"], record["switched"] + 3600)
    assert availability_plot([], None) == ""


@pytest.mark.parametrize(("slowest", "labels"), [(3, 4), (24, 3), (900, 5), (61000, 4)])
def test_the_scale_has_a_few_round_numbers(slowest: float, labels: int) -> None:
    plot = availability_plot([{"at": 1.0, "requests": 1, "failed": 0, "p95": slowest}], None)
    # The last text at the end of a line is the time.
    texts = re.findall(r'text-anchor="end">([^<]+)<', plot)[:-1]
    assert len(texts) == labels


def test_the_summary_begins_with_the_verdict() -> None:
    assert summary(complete(facts())) == [
        "faceshot: Taken back. The watch failed on app1: the nine SKUs: count: expected at least 9, got 8. All hosts "
        "went back.",
        "Live release: 4e07408562be-2c26b46b (before: 4e07408562be-2c26b46b)",
        "Took: 125 s",
        "Failed requests: 3 of 1200, longest gap 0.412 s",
        "Checks: 1 of 5 passed",
        "Snapshot: faceshot-20261122T071541Z-1a2b3c",
        "To note: The firewall is not enabled on app2.",
        "To be confirmed by a person, until 2026-11-23T07:17:05Z: Review the <logs>",
        "To go back: ansible-playbook shipshape.webapp.rollback -e @faceshot.yml",
    ]
    assert summary(complete(LEAST)) == ["faceshot: Nothing to do.", "Took: 3 s"]


def write(directory: Path, *, check: bool = False, **changes: Any) -> dict[str, Any]:
    host = Host(HostFiles(), HostFolders())
    result = write_record(facts(**changes), str(directory), host, check_mode=check)
    return {"changed": result.changed, **result.data}


def test_both_files_are_private_and_written_once(tmp_path: Path) -> None:
    assert write(tmp_path, check=True)["changed"]
    assert list(tmp_path.iterdir()) == []
    written = write(tmp_path)
    assert written["changed"]
    place = tmp_path / "20261122T071500Z-4f2a"
    assert written["record"] == str(place / "record.json")
    assert json.loads((place / "record.json").read_text())["verdict"] == "returned"
    assert "Taken back" in Path(written["report"]).read_text()
    assert {path.stat().st_mode & 0o777 for path in (place, *place.iterdir())} == {0o700, 0o600}
    assert not write(tmp_path)["changed"]
    assert write(tmp_path, verdict="failed")["changed"]
    assert "Failed" in Path(written["report"]).read_text()


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden"])
def test_a_deployment_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="deployment: it cannot be the name of a directory"):
        write(tmp_path, deployment=name)


def test_what_is_missing_above_a_record_is_made(tmp_path: Path) -> None:
    assert Path(write(tmp_path / "new" / "shop")["report"]).exists()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_phase_ends_when_the_next_begins() -> None:
    phases = [
        {"name": "build", "began": "2026-11-22T07:15:00.250Z"},
        {"name": "migrate", "began": "2026-11-22T07:15:03.750Z", "ended": "2026-11-22T07:15:04Z"},
        {"name": "watch", "began": "2026-11-22T07:15:10.000Z"},
    ]
    record = complete({**facts(), "phases": phases, "ended": "2026-11-22T07:16:00.900Z"})
    assert [(phase["ended"], phase["seconds"]) for phase in record["phases"]] == [
        ("2026-11-22T07:15:03.750Z", 3.5),
        ("2026-11-22T07:15:04Z", 0.2),
        ("2026-11-22T07:16:00.900Z", 50),
    ]
