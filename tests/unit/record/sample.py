# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of a deployment that was taken back, with every kind of fact in it."""

from __future__ import annotations

from typing import Any

_START = 1795331700.0


def facts(**changes: Any) -> dict[str, Any]:
    """All facts, with these instead of others."""
    series = [
        {
            "at": _START + second,
            "requests": 10,
            "failed": 3 if second == 62 else 0,
            "p95": None if second == 63 else 4.0 + second % 5 + (20 if second == 60 else 0),
        }
        for second in range(120)
    ]
    suite = {
        "title": "Gate",
        "host": "app1",
        "checks": [
            {
                "name": "/health",
                "outcome": "passed",
                "ms": 4.2,
                "ids": ["F22"],
                "assertions": [{"path": "status", "is_met": True, "told": "is 200"}],
                "observed": {"status": 200, "json": {"status": "ok"}},
            },
            {
                "name": "the nine SKUs",
                "outcome": "failed",
                "ms": 12.8,
                "ids": ["F17", "F18"],
                "failures": ["count: expected at least 9, got 8"],
            },
            {"name": "no key in the log", "outcome": "skipped", "ms": 0},
            {"name": "calls of A2E", "outcome": "inconclusive", "ms": 3, "failures": ["value: there were no calls"]},
            {"name": "certificate", "outcome": "error", "ms": 10000, "failures": ["timed out after 10 s"]},
        ],
    }
    told: dict[str, Any] = {
        "application": "faceshot",
        "deployment": "20261122T071500Z-4f2a",
        "verdict": "returned",
        "sentence": "The watch failed on app1: the nine SKUs: count: expected at least 9, got 8. All hosts went back.",
        "by": "ann on ops1 (process 4711)",
        "began": "2026-11-22T07:15:00Z",
        "ended": "2026-11-22T07:17:05Z",
        "hosts": ["app1", "app2"],
        "release": {
            "id": "9f86d081884c-2c26b46b",
            "live": "4e07408562be-2c26b46b",
            "origin": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
            "title": "Sell <bundles> & more",
        },
        "before": "4e07408562be-2c26b46b",
        "phases": [
            {"name": "preflight", "began": "2026-11-22T07:15:00Z", "ended": "2026-11-22T07:15:04Z", "state": "ok"},
            {
                "name": "build",
                "began": "2026-11-22T07:15:04Z",
                "ended": "2026-11-22T07:15:40Z",
                "state": "ok",
                "note": "3 steps, dependencies from the cache",
            },
            {
                "name": "watch",
                "began": "2026-11-22T07:15:40Z",
                "ended": "2026-11-22T07:17:05Z",
                "state": "failed",
                "hosts": [{"name": "app1", "line": "1 check failed"}, {"name": "app2", "state": "ok"}],
            },
        ],
        "suites": [suite],
        "steps": [{"run": "npm ci", "seconds": 0.8, "is_restored": True}, {"run": "npm run build", "seconds": 31.4}],
        "availability": {
            "requests": 1200,
            "failed": 3,
            "outcomes": {"200": 1197, "502": 3},
            "longest_gap": 0.412,
            "outage": 0.412,
            "p50": 3.1,
            "p95": 7.9,
            "slowest": 24.0,
            "series": series,
        },
        "switched": _START + 60,
        "snapshot": {
            "id": "faceshot-20261122T071541Z-1a2b3c",
            "bytes": 31457280,
            "path": "/var/backups/faceshot/faceshot-20261122T071541Z-1a2b3c.sqlite.zst",
            "verified": {"level": "restore"},
        },
        "migrations": [{"name": "002_bundles.sql", "seconds": 0.02}],
        "configuration": {"added": ["BUNDLES"], "changed": ["LOG_LEVEL"], "removed": ["OLD_KEY"]},
        "logs": [
            {"host": "app1", "path": "/srv/faceshot/logs/application.log", "lines": ["ERROR no such SKU: <C1-15>"]}
        ],
        "warnings": ["The firewall is not enabled on app2."],
        "attested": [{"name": "The shop looks right on a phone", "who": "ann", "when": "2026-11-22 07:20"}],
        "asked": [{"name": "Review the <logs>", "ids": ["L36"], "due": "2026-11-23T07:17:05Z"}],
        "known_issues": ["Bundles cannot be returned."],
        "kind": "deploy",
        "schema_version": "5f1d7a84db00",
        "expected_downtime": "5 to 10 minutes",
        "next_review": "2026-12-22",
        "go_back": "ansible-playbook shipshape.webapp.rollback -e @faceshot.yml",
    }
    return {**told, **changes}
