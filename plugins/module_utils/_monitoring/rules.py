# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts as rules that Prometheus reads, and the tests of these rules for promtool.

This module is private to the collection.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.alerts import Alert
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.amounts import duration
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.conditions import END, STEP, Figures

HEADER = "# Written by shipshape.webapp.prometheus_rules, which changes it again.\n"


def group_of(name: str, alerts: Sequence[Alert]) -> str:
    """The name of the group, which differs with whatever is in it, so that it tells what Prometheus has read."""
    return f"{name} {hashlib.sha256(_rules(alerts).encode()).hexdigest()[:12]}"


def rules_text(name: str, alerts: Sequence[Alert]) -> str:
    """The file of rules."""
    group = f"groups:\n  - name: {_quoted(group_of(name, alerts))}\n    rules:"
    return f"{HEADER}{group}\n{_rules(alerts)}" if alerts else f"{HEADER}{group} []\n"


def trial_files(alerts: Sequence[Alert]) -> dict[str, str]:
    """The files of which promtool reads those that begin with `test` and finds out whether the alerts do as they say.

    Each alert has its own, as promtool works out all rules of a file for each of its tests.
    """
    files = {}
    for place, alert in enumerate(alerts):
        if alert.tests:
            files[f"rules-{place}.json"] = _bare(alert)
            files[f"test-{place}.json"] = _text(
                {
                    "rule_files": [f"rules-{place}.json"],
                    "evaluation_interval": f"{STEP}s",
                    "tests": [*_tests(alert)],
                }
            )
    return files


def _bare(alert: Alert) -> str:
    """The rule without annotations, which the tests would otherwise have to repeat, filled in."""
    rule = {"alert": alert.name, "expr": alert.expr, "for": duration(alert.seconds), "labels": dict(alert.labels)}
    return _text({"groups": [{"name": "tried", "rules": [rule]}]})


def _text(document: Mapping[str, Any]) -> str:
    # JSON is YAML, too.
    return json.dumps(document, indent=1)


def _rules(alerts: Sequence[Alert]) -> str:
    lines = []
    for one in alerts:
        lines += [f"      - alert: {one.name}", f"        expr: {_quoted(one.expr)}"]
        lines += [f"        for: {duration(one.seconds)}"]
        lines += [*_mapping("labels", one.labels), *_mapping("annotations", one.annotations)]
    return "".join(f"{line}\n" for line in lines)


def _mapping(name: str, values: Mapping[str, str]) -> Iterator[str]:
    if values:
        yield f"        {name}:"
        yield from (f"          {key}: {_quoted(value)}" for key, value in sorted(values.items()))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _tests(alert: Alert) -> Iterator[dict[str, Any]]:
    for figures in alert.firing:
        at = figures.onset + figures.settle + alert.seconds + STEP
        expected = {"exp_labels": {**figures.labels, **alert.labels}}
        checks = [{"eval_time": f"{at}s", "alertname": alert.name, "exp_alerts": [expected]}]
        # However soon the condition is true, it has to be so for that long.
        early = figures.onset + alert.seconds - STEP
        if early >= 0:
            checks.insert(0, {"eval_time": f"{early}s", "alertname": alert.name, "exp_alerts": []})
        yield {**_series(figures, at), "alert_rule_test": checks}
    for figures in alert.quiet:
        at = figures.onset + figures.settle + alert.seconds + STEP
        checks = [{"eval_time": f"{at}s", "alertname": alert.name, "exp_alerts": []}]
        yield {**_series(figures, at), "alert_rule_test": checks}
    if alert.example:
        fires = f'count(ALERTS{{alertname="{alert.name}",alertstate="firing"}}) > bool 0'
        yield {
            "interval": alert.example.interval,
            "input_series": [{"series": name, "values": values} for name, values in alert.example.series.items()],
            "promql_expr_test": [
                {"expr": fires, "eval_time": alert.example.at, "exp_samples": [{"labels": "{}", "value": 1}]}
            ],
        }


def _series(figures: Figures, at: int) -> dict[str, Any]:
    enough = str(at // STEP + 1)
    series = [
        {"series": name, "values": values.replace(END, enough)} for name, values in sorted(figures.values.items())
    ]
    return {"interval": f"{STEP}s", "input_series": series}
