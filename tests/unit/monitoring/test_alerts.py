# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.alerts import Table, alerts_of
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.amounts import duration, plain, seconds
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.conditions import END, KINDS
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.rules import (
    group_of,
    rules_text,
    trial_files,
)


def row(when: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    return {"alert": "A", "severity": "high", "for": "0s", "when": when, **options}


def problems(*rows: dict[str, Any], name: str = "shop", labels: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        alerts_of(Table(name, rows, labels or {}))
    found = caught.value.details["problems"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("when", "expr"),
    [
        ({"down": "redis"}, "redis_up == 0 or absent(redis_up)"),
        ({"down": "postgresql"}, "pg_up == 0 or absent(pg_up)"),
        ({"down": "shop"}, 'up{job="shop"} == 0 or absent(up{job="shop"})'),
        (
            {"unhealthy": "https://a/health"},
            'probe_success{instance="https://a/health",job="health"} == 0 '
            'or absent(probe_success{instance="https://a/health",job="health"})',
        ),
        ({"any": "c_total"}, "increase(c_total[5m]) > 0 or (c_total unless c_total offset 5m) > 0"),
        ({"any": "c_total", "over": "90s"}, "increase(c_total[90s]) > 0 or (c_total unless c_total offset 90s) > 0"),
        ({"per_minute": "c_total", "above": "10"}, "sum by (instance) (rate(c_total[5m])) * 60 > 10"),
        (
            {"share": 'j_total{state="failed"}', "of": "j_total", "above": "5%", "by": ["queue"]},
            'sum by (queue) (rate(j_total{state="failed"}[15m])) / sum by (queue) (rate(j_total[15m])) > 0.05',
        ),
        (
            {"slower_than": "2", "of": "http_seconds", "by": ["path"]},
            "histogram_quantile(0.95, sum by (path, le) (rate(http_seconds_bucket[5m]))) > 2",
        ),
        ({"memory_above": "80%"}, "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > 0.8"),
        (
            {"disk_free_below": "20%", "at": "/srv"},
            'node_filesystem_avail_bytes{mountpoint="/srv"} / node_filesystem_size_bytes{mountpoint="/srv"} < 0.2 '
            'unless node_filesystem_readonly{mountpoint="/srv"} == 1',
        ),
        ({"certificate_within": "14d"}, "probe_ssl_earliest_cert_expiry - time() < 1209600"),
        ({"check_fails": "*"}, 'smoke_check_success{severity!="warn"} == 0'),
        ({"check_fails": "login"}, 'smoke_check_success{severity!="warn",check="login"} == 0'),
        (
            {"job_silent": "backup", "over": "26h"},
            'time() - shipshape_job_last_success_timestamp_seconds{name="backup"} > 93600 '
            'or absent(shipshape_job_last_success_timestamp_seconds{name="backup"})',
        ),
        (
            {"connections_above": "80%", "of": "postgresql"},
            "sum by (instance) (pg_stat_activity_count) / max by (instance) (pg_settings_max_connections) > 0.8",
        ),
    ],
)
def test_condition_is_an_expression(when: dict[str, Any], expr: str) -> None:
    (alert,) = alerts_of(Table("shop", [row(when)]))

    assert alert.expr == expr
    assert alert.firing
    assert alert.quiet


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (row(), "alerts[0].when has to be there, or expr instead of it."),
        (row({"any": "a"}, expr="b"), "alerts[0].when has to be there, or expr instead of it."),
        (row({"any": "a"}, alert="two words"), "alerts[0].alert has to be one word, such as RedisDown."),
        (row({"any": "a"}, **{"for": "soon"}), "alerts[0].for, or a time of example, has to be a duration such as"),
        (row({"any": "a"}, example={"series": {}, "interval": "1m", "at": "1m"}), "alerts[0].example goes with expr"),
        (row({}), "alerts[0].when has to have exactly one of any, "),
        (row({"any": "a", "down": "b"}), "alerts[0].when has to have exactly one of any, "),
        (row({"any": "5xx"}), "alerts[0].when.any has to be a metric such as"),
        (row({"any": "a", "above": "5"}), "alerts[0].when has above, which any knows nothing of."),
        (row({"any": "a"}, **{"for": "5m"}), "alerts[0].for has to be shorter than 5m, for which one event is seen."),
        (row({"any": "a", "over": "0s"}), "alerts[0].when.over has to be longer than nothing."),
        (row({"per_minute": "a"}), "alerts[0].when.above is missing."),
        (row({"per_minute": "a", "above": "5%"}), "alerts[0].when.above has to be a number such as 10."),
        (row({"share": "a", "of": "b", "above": "5"}), "alerts[0].when.above has to be a share such as 5%"),
        (row({"share": "a", "of": "a", "above": "5%"}), "alerts[0].when.of has to take in more than a"),
        (row({"memory_above": "100%"}), "alerts[0].when.memory_above has to be a share such as 5%"),
        (row({"slower_than": "2", "of": "a", "quantile": "1"}), "alerts[0].when.quantile has to be above 0"),
        (row({"connections_above": "5%", "of": "redis"}), "alerts[0].when.of has to be one of mysql, postgresql."),
        (row({"down": " "}), "alerts[0].when.down is empty."),
        (row({"any": "a", "over": "6h"}, **{"for": "20h"}), "alerts[0].for has to be shorter than 6h"),
        (row({"down": "redis"}, **{"for": "2d"}), "alerts[0].for and when.over are too long to be tried: 1d at most."),
    ],
)
def test_row_that_would_be_misread_is_refused(given: dict[str, Any], told: str) -> None:
    (problem,) = problems(given)
    assert problem.startswith(told)


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        row(),
        row({"any": "a"}),
        row({"any": "a"}),
        name="a b",
        labels={"severity": "x", "ok": "{{ $value }}", "b": "c"},
    )

    assert found == [
        "name has to consist of letters, digits, - and _.",
        "labels.severity has to be a label that Prometheus knows, with a text, and none of alertname, application, "
        "severity.",
        "labels.ok has to be a label that Prometheus knows, with a text, and none of alertname, application, severity.",
        "alerts has two of the name A.",
        "alerts[0].when has to be there, or expr instead of it.",
    ]


def test_rules_are_what_prometheus_reads() -> None:
    rows = [
        row({"any": "c_total"}, runbook="https://wiki/refund"),
        row(None, expr='sum(a{b="c"}) > 1', alert="Own", summary="a: b", **{"for": "5m"}),
    ]
    alerts = alerts_of(Table("shop", rows, {"team": "backend"}))

    labels = {"application": "shop", "severity": "high", "team": "backend"}
    assert yaml.safe_load(rules_text("shop", alerts)) == {
        "groups": [
            {
                "name": group_of("shop", alerts),
                "rules": [
                    {
                        "alert": "A",
                        "expr": "increase(c_total[5m]) > 0 or (c_total unless c_total offset 5m) > 0",
                        "for": "0s",
                        "labels": labels,
                        "annotations": {
                            "summary": "c_total has counted something within 5m",
                            "runbook_url": "https://wiki/refund",
                        },
                    },
                    {
                        "alert": "Own",
                        "expr": 'sum(a{b="c"}) > 1',
                        "for": "5m",
                        "labels": labels,
                        "annotations": {"summary": "a: b"},
                    },
                ],
            }
        ]
    }


def test_group_without_alerts_is_empty() -> None:
    assert yaml.safe_load(rules_text("shop", []))["groups"][0]["rules"] == []


def test_group_is_called_otherwise_once_anything_differs() -> None:
    one, other = ([row({"any": "c_total"}, summary=text)] for text in ("a", "b"))

    assert group_of("shop", alerts_of(Table("shop", one))) != group_of("shop", alerts_of(Table("shop", other)))


def test_first_event_of_a_counter_is_tried() -> None:
    files = trial_files(alerts_of(Table("shop", [row({"any": "c_total"})])))

    tests = json.loads(files["test-0.json"])["tests"]
    assert tests[0] == {
        "interval": "15s",
        "input_series": [{"series": 'c_total{instance="here"}', "values": "_x40 1x42"}],
        "alert_rule_test": [
            {"eval_time": "585s", "alertname": "A", "exp_alerts": []},
            {
                "eval_time": "615s",
                "alertname": "A",
                "exp_alerts": [{"exp_labels": {"instance": "here", "application": "shop", "severity": "high"}}],
            },
        ],
    }
    assert tests[-1]["input_series"][0]["values"] == "3x42"
    assert tests[-1]["alert_rule_test"][0]["exp_alerts"] == []


def test_patience_is_tried_from_both_sides() -> None:
    files = trial_files(alerts_of(Table("shop", [row({"down": "redis"}, **{"for": "5m"})])))

    checks = json.loads(files["test-0.json"])["tests"][0]["alert_rule_test"]
    assert [(one["eval_time"], len(one["exp_alerts"])) for one in checks] == [("285s", 0), ("315s", 1)]


def test_example_has_to_fire() -> None:
    example = {"series": {"a": "1 2 3"}, "interval": "30s", "at": "2m"}
    (alert,) = alerts_of(Table("shop", [row(expr="a > 2", example=example)]))

    assert alert.tests == 1
    (test,) = json.loads(trial_files([alert])["test-0.json"])["tests"]
    assert test["input_series"] == [{"series": "a", "values": "1 2 3"}]
    assert test["promql_expr_test"][0]["eval_time"] == "2m"


def test_alert_without_a_test_has_no_file() -> None:
    assert trial_files(alerts_of(Table("shop", [row(expr="a > 2")]))) == {}


def test_no_placeholder_is_left_in_tests() -> None:
    rows = [row({"down": "x"}), row({"any": "x"}, alert="B"), row({"memory_above": "80%"}, alert="C")]

    assert all(END not in text for text in trial_files(alerts_of(Table("shop", rows))).values())


def test_every_kind_is_an_option_of_the_module() -> None:
    from ansible_collections.shipshape.webapp.plugins.modules.prometheus_rules import prometheus_rules_argument_spec

    options = prometheus_rules_argument_spec().options["alerts"]["options"]["when"]["options"]
    assert set(KINDS) <= set(options)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("0s", 0), ("90s", 90), ("5m", 300), ("26h", 93600)])
def test_durations(text: str, number: int) -> None:
    assert seconds(text) == number
    assert seconds(duration(number)) == number


def test_numbers_are_written_without_exponents() -> None:
    assert [plain(number) for number in (0.00001, 10.0, 2.5, 1e9, 0.0)] == ["0.00001", "10", "2.5", "1000000000", "0"]
