# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import from_json
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition, Slot
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.systemd_unit import (
    promoted,
    read_record,
    unit_name,
    unit_problems,
    write_unit,
)

API = Definition(
    "shop-api",
    "/srv/r1/app.js",
    "/srv/r1",
    arguments=("one",),
    node_arguments=("--no-deprecation",),
    port=3001,
    environment={"PORT": "3001", "GREETING": "moin"},
)


def written(definition: Definition = API, *, slot: str | None = "blue", is_candidate: bool = False) -> str:
    return write_unit(
        definition, Slot("shop", slot), release="/srv/r1", digest="d1", user="app", is_candidate=is_candidate
    )


def settings(text: str, name: str) -> list[str]:
    """What stands behind this name."""
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]


@pytest.mark.parametrize(
    ("application", "slot", "name", "expected"),
    [
        ("shop", "blue", "api", "shop-api@blue.service"),
        ("shop", None, "api", "shop-api.service"),
        ("shop", "blue", "shop-api", "shop-api@blue.service"),
        ("shop", "blue", "shop", "shop@blue.service"),
        ("shop", None, "shopping", "shop-shopping.service"),
    ],
)
def test_unit_is_named_after_application_process_and_slot(
    application: str, slot: str | None, name: str, expected: str
) -> None:
    assert unit_name(application, slot, name) == expected


def test_unit_says_what_runs() -> None:
    text = written()

    assert settings(text, "Description") == ["shop-api of shop (blue)"]
    assert settings(text, "ExecStart") == ['"node" "--no-deprecation" "/srv/r1/app.js" "one"']
    assert settings(text, "WorkingDirectory") == ["/srv/r1"]
    assert settings(text, "User") == ["app"]
    assert settings(text, "KillSignal") == ["SIGINT"]
    assert settings(text, "TimeoutStopSec") == ["10"]
    assert settings(text, "UMask") == ["0077"]
    assert settings(text, "MemoryMax") == []
    assert settings(text, "WantedBy") == ["multi-user.target"]
    assert settings(text, "Environment") == [
        '"GREETING=moin"',
        '"PORT=3001"',
        '"SHIPSHAPE_DEFINITION=d1"',
        '"SHIPSHAPE_PROCESS=shop/blue/shop-api"',
        '"SHIPSHAPE_RELEASE=/srv/r1"',
    ]
    assert '"SHIPSHAPE_PROCESS=shop//shop-api"' in settings(written(slot=None), "Environment")
    assert settings(written(slot=None), "Description") == ["shop-api of shop"]


def test_limits_are_said() -> None:
    text = written(replace(API, memory_limit=500, kill_timeout=2.5))

    assert settings(text, "MemoryMax") == ["500"]
    assert settings(text, "TimeoutStopSec") == ["2.5"]


@pytest.mark.parametrize(
    ("text", "argument", "value"),
    [
        ("two words", '"two words"', '"GREETING=two words"'),
        ("", '""', '"GREETING="'),
        ("$HOME ${HOME}", '"$$HOME $${HOME}"', '"GREETING=$HOME ${HOME}"'),
        ("%i", '"%%i"', '"GREETING=%%i"'),
        ('"', '"\\""', '"GREETING=\\""'),
        ("\\", '"\\\\"', '"GREETING=\\\\"'),
        ("a\nb\t\x7f\x01", '"a\\x0ab\\x09\x7f\\x01"', '"GREETING=a\\x0ab\\x09\x7f\\x01"'),
        (";", '";"', '"GREETING=;"'),
        ("ü'", '"ü\'"', '"GREETING=ü\'"'),
    ],
)
def test_no_text_means_anything_else_to_systemd(text: str, argument: str, value: str) -> None:
    unit = written(replace(API, arguments=(text,), node_arguments=(), environment={"GREETING": text}))

    assert settings(unit, "ExecStart") == [f'"node" "/srv/r1/app.js" {argument}']
    assert settings(unit, "Environment")[0] == value
    assert settings(written(replace(API, cwd="/srv/50%")), "WorkingDirectory") == ["/srv/50%%"]


def test_process_reads_its_environment_file_itself() -> None:
    text = written(replace(API, environment_file="/srv/.env"))

    assert '"SHIPSHAPE_ENVIRONMENT_FILE=/srv/.env"' in settings(text, "Environment")
    [command] = settings(text, "ExecStart")
    assert command.startswith('"node" "--require" "/usr/local/lib/shipshape/load-environment.cjs" "--no-deprecation"')
    assert settings(text, "EnvironmentFile") == []


@pytest.mark.parametrize(
    ("out", "error", "expected"),
    [
        ("/l/a b", None, "1>>'/l/a b'"),
        (None, "/l/e", "2>>/l/e"),
        ("/l/o", "/l/o", "1>>/l/o 2>>/l/o"),
    ],
)
def test_logs_are_opened_as_the_user(out: str | None, error: str | None, expected: str) -> None:
    [command] = settings(written(replace(API, out_log=out, error_log=error, node="/opt/node")), "ExecStart")

    assert command.startswith(f'"/bin/sh" "-c" "exec \\"$$@\\" {expected}" "node" "/opt/node" ')


def test_candidate_differs_in_its_restarts_alone() -> None:
    candidate, ordinary = written(is_candidate=True), written()

    assert settings(candidate, "Restart") == ["no"]
    assert settings(candidate, "RemainAfterExit") == ["yes"]
    assert settings(ordinary, "Restart") == ["always"]
    assert settings(ordinary, "RemainAfterExit") == []
    assert settings(ordinary, "StartLimitIntervalSec") == ["0"]
    assert promoted(candidate) == promoted(ordinary) == ordinary


def test_unit_tells_what_it_was_made_of() -> None:
    definition = replace(API, environment={"GREETING": "ü\n# shipshape {}"}, error_log="/l", environment_file="/e")
    record = read_record(written(definition))

    assert record is not None
    assert (record.application, record.slot, record.name) == ("shop", "blue", "shop-api")
    assert (record.release, record.digest) == ("/srv/r1", "d1")
    assert from_json(record.definition) == definition


@pytest.mark.parametrize(
    "text", ["", "[Service]\n", "# shipshape \n", "# shipshape {\n", '# shipshape {"a": 1}\n', "x"]
)
def test_unit_of_somebody_else_tells_nothing(text: str) -> None:
    assert read_record(text) is None


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (API, []),
        (replace(API, is_cluster=True), ["one process of each"]),
        (replace(API, instances=2), ["one process of each"]),
        (replace(API, waits_for_ready=True), ["wait_ready"]),
        (replace(API, cwd="/srv/a\nb"), ["no cwd"]),
        (replace(API, cwd="/srv/a\\"), ["no cwd"]),
        (replace(API, is_cluster=True, instances=2, waits_for_ready=True), ["one process of each", "wait_ready"]),
    ],
)
def test_what_systemd_does_not_do_is_told(definition: Definition, told: list[str]) -> None:
    problems = list(unit_problems(definition))

    assert len(problems) == len(told)
    assert all(problem.startswith("shop-api: ") and word in problem for problem, word in zip(problems, told))
