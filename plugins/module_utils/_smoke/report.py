# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verdict as other programs read it. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import (
    FAILED,
    INCONCLUSIVE,
    PASSED,
    SKIPPED,
    Outcome,
    Verdict,
)

# XML 1.0 cannot hold these, not even escaped.
_NOT_OF_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict, _now: datetime) -> str:
    """For CI: what only warns is no failure there, and is told beside."""
    counts = verdict.counts()
    cases = "".join(map(_case, verdict.outcomes))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuite name="smoke_check" tests="{len(verdict.outcomes)}" failures="{counts["failed"]}"'
        f' errors="{counts["errors"]}" skipped="{counts["skipped"] + counts["inconclusive"]}"'
        f' time="{verdict.seconds:.3f}">\n{cases}</testsuite>\n'
    )


def _case(one: Outcome) -> str:
    why = _xml("\n".join(one.failures))
    if one.is_against:
        word = "failure" if one.outcome == FAILED else "error"
        inner = f"<{word} message={_attribute(one.failures[0])}>{why}</{word}>"
    elif one.outcome in (SKIPPED, INCONCLUSIVE):
        inner = f"<skipped message={_attribute(' '.join(one.failures))}/>"
    else:
        inner = f"<system-out>{why}</system-out>" if why else ""
    head = f'  <testcase classname={_attribute(one.kind)} name={_attribute(one.name)} time="{one.ms / 1000:.3f}"'
    return f"{head}>{inner}</testcase>\n" if inner else f"{head}/>\n"


def _xml(text: str) -> str:
    return escape(_NOT_OF_XML.sub("�", text))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_OF_XML.sub("�", text))


def tap(verdict: Verdict, _now: datetime) -> str:
    """The Test Anything Protocol, version 13."""
    lines = ["TAP version 13", f"1..{len(verdict.outcomes)}"]
    for number, one in enumerate(verdict.outcomes, 1):
        # A number sign would begin a directive.
        name = _line(f"{one.kind}: {one.name}").replace("\\", "\\\\").replace("#", "\\#")
        word = "not ok" if one.is_against else "ok"
        directive = f" # SKIP {_line(' '.join(one.failures))}" if one.outcome in (SKIPPED, INCONCLUSIVE) else ""
        lines.append(f"{word} {number} - {name}{directive}")
        if not directive:
            lines += [f"# {line}" for failure in one.failures for line in failure.splitlines()]
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def as_json(verdict: Verdict, now: datetime) -> str:
    """All that the module returns."""
    return json.dumps({"at": now.isoformat(), **returned(verdict)}, indent=2, ensure_ascii=False) + "\n"


def textfile(verdict: Verdict, now: datetime) -> str:
    """For the textfile collector of Prometheus' node_exporter; what was skipped says nothing."""
    lines = ["# HELP smoke_check_success Whether the check passed.", "# TYPE smoke_check_success gauge"]
    for one in verdict.outcomes:
        if one.outcome != SKIPPED:
            labels = f'check="{_label(one.name)}",kind="{one.kind}",severity="{one.severity}"'
            lines.append(f"smoke_check_success{{{labels}}} {int(one.outcome == PASSED)}")
    lines += [
        "# HELP smoke_check_last_run_timestamp_seconds When the suite was last carried out.",
        "# TYPE smoke_check_last_run_timestamp_seconds gauge",
        f"smoke_check_last_run_timestamp_seconds {now.timestamp():.3f}",
        "# HELP smoke_check_duration_seconds How long the suite took.",
        "# TYPE smoke_check_duration_seconds gauge",
        f"smoke_check_duration_seconds {verdict.seconds:.3f}",
    ]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def returned(verdict: Verdict) -> dict[str, object]:
    """The result of the module."""
    return {
        # Not side by side with the rest: a result with a number as skipped is a skipped task to Ansible.
        "counts": verdict.counts(),
        "duration_ms": round(verdict.seconds * 1000),
        "failures": verdict.failures(),
        "checks": [one.as_returned() for one in verdict.outcomes],
    }


FORMATS: Mapping[str, Callable[[Verdict, datetime], str]] = {
    "junit": junit,
    "tap": tap,
    "json": as_json,
    "textfile": textfile,
}
