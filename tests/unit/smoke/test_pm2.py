# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.pm2 import Pm2
from tests.unit.smoke.fake_pm2 import SECRET, FakePm2, process
from tests.unit.smoke.on_host import SETTING, WORLD, given, observed, problems

KIND = Pm2()


@pytest.fixture
def pm2(tmp_path: Path) -> Iterator[FakePm2]:
    fake = FakePm2(tmp_path)
    with fake.running():
        yield fake


def seen(pm2: FakePm2, name: str, mark: Any = ()) -> Observed:
    return observed(KIND, {"name": name, **pm2.options}, mark=dict(mark))


def marked(pm2: FakePm2, name: str) -> Any:
    return KIND.mark(given(KIND, {"name": name, **pm2.options}), SETTING, WORLD)


def refusal(pm2: FakePm2, **options: Any) -> str:
    with pytest.raises(ShipshapeError) as caught:
        observed(KIND, {"name": "api", **pm2.options, **options}, mark={})
    assert SECRET not in f"{caught.value.message} {caught.value.details}"
    return caught.value.message


def test_application_that_runs_is_observed(pm2: FakePm2) -> None:
    now = time.time() * 1000
    pm2.has(
        [
            process("api", 0, restart_time=4, pm_uptime=now - 90_000, memory=50 * 2**20),
            process("worker", 1, status="errored", restart_time=16),
            process("api", 2, restart_time=1, pm_uptime=now - 60_000, memory=80 * 2**20),
        ]
    )

    found = seen(pm2, "api", {0: 4, 2: 1})

    assert 60 <= found.values["uptime_s"] < 65
    assert {name: value for name, value in found.values.items() if name != "uptime_s"} == {
        "instances": 2,
        "online": 2,
        "status": ["online", "online"],
        "restarts": 5,
        "new_restarts": 0,
        "memory_mb": 80.0,
    }
    assert found.told == "api is online, online; restarts since the suite began: 0"
    assert SECRET not in str(found)


def test_application_that_does_not_run_is_observed(pm2: FakePm2) -> None:
    pm2.has([process("api", 0), process("api", 1, status="errored", restart_time=16, memory=0)])

    found = seen(pm2, "api", {0: 0, 1: 0})

    assert found.values == {
        "instances": 2,
        "online": 1,
        "status": ["online", "errored"],
        "restarts": 16,
        "new_restarts": 16,
        # Nothing good may be said of it.
        "memory_mb": None,
        "uptime_s": None,
    }
    assert found.told == "api is online, errored; restarts since the suite began: 16"


@pytest.mark.parametrize(
    ("name", "told"), [("apo", "PM2 has no apo. Did you mean api?"), ("zzz", "PM2 has no zzz. Known are: api, worker.")]
)
def test_unknown_application_has_no_instances(pm2: FakePm2, name: str, told: str) -> None:
    pm2.has([process("worker", 0), process("api", 1)])

    found = seen(pm2, name)

    assert {key: value for key, value in found.values.items() if value is not None} == {
        "instances": 0,
        "online": 0,
        "status": [],
    }
    assert found.told == told


def test_pm2_without_applications_is_told(pm2: FakePm2) -> None:
    assert seen(pm2, "api").told == "PM2 has no api. It runs nothing."


def test_namespace_stands_for_all_in_it(pm2: FakePm2) -> None:
    pm2.has([process("api-blue", 0, namespace="api"), process("api-green", 1, namespace="api"), process("web", 2)])

    assert seen(pm2, "api").values["instances"] == 2
    assert seen(pm2, "api-blue").values["instances"] == 1


def test_name_comes_before_a_namespace(pm2: FakePm2) -> None:
    pm2.has([process("api", 0), process("api-green", 1, namespace="api")])

    assert seen(pm2, "api").values["instances"] == 1


def test_name_can_be_a_number(pm2: FakePm2) -> None:
    pm2.has([{**process("", 0), "name": 3000}])

    assert observed(KIND, {"name": 3000, **pm2.options}, mark={}).values["instances"] == 1


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        ({0: 3}, {0: 3}, 0),
        ({0: 3, 1: 5}, {0: 4, 1: 7}, 3),
        # One that is new has restarted since, and one that was set back too.
        ({0: 3}, {0: 3, 1: 2}, 2),
        ({0: 3}, {0: 1}, 1),
        ({0: 3, 1: 9}, {0: 3}, 0),
    ],
)
def test_restarts_since_the_beginning_are_counted(
    pm2: FakePm2, before: dict[int, int], now: dict[int, int], new: int
) -> None:
    pm2.has([process("api", number, restart_time=count) for number, count in before.items()])
    mark = marked(pm2, "api")
    assert mark == before

    pm2.has([process("api", number, restart_time=count) for number, count in now.items()])

    assert seen(pm2, "api", mark).values["new_restarts"] == new


def test_application_that_could_not_be_asked_for_at_first_is_told(pm2: FakePm2) -> None:
    pm2.has([process("api")])

    with pytest.raises(ShipshapeError) as caught:
        observed(KIND, {"name": "api", **pm2.options}, mark=None)

    assert caught.value.message == ("How often api had been restarted when the suite began is not known: run it again.")


def absent(home: Path) -> str:
    return f"No PM2 daemon runs for {home}: start the application, run as its user with become, or give home."


def test_no_daemon_is_started(tmp_path: Path) -> None:
    pm2 = FakePm2(tmp_path)
    pm2.has([process("api")])
    assert refusal(pm2) == absent(pm2.home)

    # As a daemon that was killed leaves it.
    with pm2.running():
        pass
    assert (pm2.home / "rpc.sock").exists()
    assert refusal(pm2) == absent(pm2.home)

    # Its number is now that of another process.
    with pm2.running("something else"):
        assert refusal(pm2) == absent(pm2.home)
    for content in ("", "x", "\xff"):
        (pm2.home / "pm2.pid").write_text(content)
        assert refusal(pm2) == absent(pm2.home)
    with pm2.running():
        (pm2.home / "rpc.sock").unlink()
        assert refusal(pm2) == absent(pm2.home)


@pytest.mark.parametrize(("variable", "below"), [("PM2_HOME", ".pm2"), ("HOME", "")])
def test_home_is_that_of_the_user(pm2: FakePm2, monkeypatch: pytest.MonkeyPatch, variable: str, below: str) -> None:
    pm2.has([process("api")])
    monkeypatch.delenv("PM2_HOME", raising=False)
    monkeypatch.setenv(variable, str(pm2.home.parent / below))

    found = observed(KIND, {"name": "api", "program": pm2.options["program"]}, mark={})

    assert found.values["instances"] == 1


def test_missing_program_is_told(pm2: FakePm2) -> None:
    assert refusal(pm2, program="no-such-pm2") == (
        "PM2 could not be asked. no-such-pm2, or the interpreter that its first line names, is not installed on this "
        "host. Its path can be given in program."
    )


def test_program_that_fails_is_told(pm2: FakePm2) -> None:
    pm2.says(SECRET, "env: 'node': No such file or directory\n", 127)

    assert refusal(pm2) == "PM2 could not be asked: env: 'node': No such file or directory"


@pytest.mark.parametrize("answer", ["", SECRET, '{"name": "api"}', '[{"name": "api"}]\n' + SECRET])
def test_answer_that_is_no_list_is_told(pm2: FakePm2, answer: str) -> None:
    pm2.says(answer)

    program = pm2.options["program"]
    assert refusal(pm2) == f"PM2 in {pm2.home} did not answer as it should: look what {program} jlist says."


def test_something_is_always_expected() -> None:
    assert KIND.default(given(KIND, "api")) == {"instances": {"ge": 1}, "status": {"all": "online"}, "new_restarts": 0}
    assert (KIND.only_reads({}), KIND.is_each, KIND.is_alone) == (True, False, False)


def test_home_that_is_not_absolute_is_refused() -> None:
    assert problems(KIND, {"name": "api", "home": ".pm2"}) == ["home: give an absolute path, such as /home/app/.pm2."]
