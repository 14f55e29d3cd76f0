# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    ChecksFailed,
    CommandError,
    Interrupted,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import Definition
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.usecase import supervise
from tests.unit.supervision.fake_world import DAEMON, RELEASE, FakeHost, FakeSupervisor, Running, listens, request

WEB = {"name": "web", "script": "web.js", "port": 3001, "health": "/health"}
WORKER = {"name": "worker", "script": "worker.js"}
CLUSTER = {"name": "api", "script": "api/main.js", "mode": "cluster", "instances": 2, "port": 3002}

WEB_JS, WORKER_JS = f"{RELEASE}/web.js", f"{RELEASE}/worker.js"

SECRET = "correct horse battery"


def world() -> FakeSupervisor:
    return FakeSupervisor(FakeHost())


def do(supervisor: FakeSupervisor, *processes: Mapping[str, Any], state: str = "started", **options: Any) -> Result:
    """What comes of it, which check mode has foretold without any act."""
    wanted = request(state, *processes, **options)
    acts, table = list(supervisor.acts), dict(supervisor.host.table)
    supervisor.host.held.clear()
    foretold = supervise(wanted, lambda _slot: supervisor, supervisor.host.ports(), check_mode=True)
    assert [act for act in supervisor.acts if act != "look"] == [act for act in acts if act != "look"]
    assert (supervisor.host.table, supervisor.host.held) == (table, [])
    result = supervise(wanted, lambda _slot: supervisor, supervisor.host.ports(), check_mode=False)
    assert (foretold.changed, foretold.diff) == (result.changed, result.diff)
    assert foretold.warnings == result.warnings
    words = ("state", "started", "stopped", "promoted", "reasons", "saved", "supervisor")
    assert {word: foretold.data[word] for word in words} == {word: result.data[word] for word in words}
    facts = ("name", "full_name", "status", "release", "port", "candidate", "restarts", "definition")
    assert shown(foretold, *facts) == shown(result, *facts)
    return result


def shown(result: Result, *facts: str) -> list[list[Any]]:
    return [[process[fact] for fact in facts] for process in result.data["processes"]]


def acts(supervisor: FakeSupervisor) -> list[str]:
    """What was done since the last time."""
    done = [act for act in supervisor.acts if act != "look"]
    supervisor.acts.clear()
    return done


def failure(
    supervisor: FakeSupervisor, *processes: Mapping[str, Any], kind: type[ShipshapeError] = ChecksFailed, **options: Any
) -> ShipshapeError:
    with pytest.raises(kind) as failed:
        supervise(
            request("started", *processes, **options),
            lambda _slot: supervisor,
            supervisor.host.ports(),
            check_mode=False,
        )
    return failed.value


def refusal(supervisor: FakeSupervisor, *processes: Mapping[str, Any], state: str = "started", **options: Any) -> str:
    """Why it is refused, in check mode as well, and with nothing done."""
    told = []
    for check_mode in (True, False):
        with pytest.raises(InvalidInput) as refused:
            supervise(
                request(state, *processes, **options),
                lambda _slot: supervisor,
                supervisor.host.ports(),
                check_mode=check_mode,
            )
        told.append(" ".join(refused.value.details["problems"]))
    assert acts(supervisor) == []
    assert told[0] == told[1]
    return told[0]


def living(supervisor: FakeSupervisor) -> list[str]:
    return sorted(one.name for one in supervisor.host.table.values() if one.name)


def test_what_is_declared_is_started_and_proved() -> None:
    supervisor = world()

    result = do(supervisor, WEB, CLUSTER, WORKER)

    assert acts(supervisor) == ["start web api worker", "promote web api worker"]
    assert living(supervisor) == ["api", "api", "web", "worker"]
    assert shown(result, "name", "full_name", "status", "port", "candidate", "release", "memory_mb") == [
        ["web", "web-blue", "running", 3001, False, RELEASE, 50.0],
        ["api", "api-blue", "running", 3002, False, RELEASE, 100.0],
        ["worker", "worker-blue", "running", None, False, RELEASE, 50.0],
    ]
    assert shown(result, "pids") == [[[1001]], [[1002, 1003]], [[1004]]]
    assert (result.data["started"], result.data["supervisor"]) == (["web", "api", "worker"], "fake")
    # It was looked at for as long as it was to be stable.
    assert supervisor.host.seconds == pytest.approx(5)
    assert result.warnings == ["Two versions."]


def test_second_run_changes_nothing_and_looks_once() -> None:
    supervisor = world()
    do(supervisor, WEB, CLUSTER, WORKER)
    supervisor.acts.clear()
    before = supervisor.host.seconds

    result = supervise(
        request("started", WEB, CLUSTER, WORKER), lambda _slot: supervisor, supervisor.host.ports(), check_mode=False
    )

    assert (result.changed, result.diff, supervisor.acts, supervisor.host.seconds) == (False, None, ["look"], before)


def test_only_one_run_at_a_time() -> None:
    supervisor = world()

    supervise(request("started", WEB), lambda _slot: supervisor, supervisor.host.ports(), check_mode=False)

    assert supervisor.host.held == ["/lock"]


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"environment": {"A": "1"}}, "environment"),
        ({"args": ["x"]}, "arguments"),
        ({"node_args": ["--x"]}, "node_arguments"),
        ({"cwd": "api"}, "cwd"),
        ({"script": "worker.js"}, "script"),
        ({"mode": "cluster"}, "is_cluster"),
        ({"mode": "cluster", "instances": 2}, "instances, is_cluster"),
        ({"kill_timeout": 3}, "kill_timeout"),
        ({"memory_limit": "500M"}, "memory_limit"),
        ({"port": 3005}, "port, environment"),
    ],
)
def test_any_difference_is_answered_by_a_fresh_process(change: dict[str, Any], differs: str) -> None:
    supervisor = world()
    do(supervisor, WEB, WORKER)
    acts(supervisor)

    result = do(supervisor, {**WEB, **change}, WORKER)

    assert acts(supervisor) == ["stop web", "start web", "promote web"]
    assert (result.data["stopped"], result.data["started"]) == (["web"], ["web"])
    assert result.data["reasons"] == {"web": f"is declared otherwise ({differs})"}
    assert do(supervisor, {**WEB, **change}, WORKER).changed is False


def test_environment_file_of_other_content_is_a_difference() -> None:
    supervisor = world()
    supervisor.host.content[f"{RELEASE}/.env"] = b"A=1"
    declared = {**WEB, "environment_file": ".env"}
    do(supervisor, declared)
    assert do(supervisor, declared).changed is False
    supervisor.host.content[f"{RELEASE}/.env"] = b"A=2"

    assert do(supervisor, declared).data["started"] == ["web"]


def test_what_is_declared_no_longer_is_stopped() -> None:
    supervisor = world()
    do(supervisor, WEB, WORKER)
    acts(supervisor)

    result = do(supervisor, WEB)

    assert acts(supervisor) == ["stop worker"]
    assert shown(result, "name", "status", "pids") == [["web", "running", [1001]], ["worker", "stopped", []]]
    assert living(supervisor) == ["web"]


def test_candidate_is_promoted_without_being_started_anew() -> None:
    supervisor = world()
    result = do(supervisor, WEB, WORKER, candidate=True)
    assert shown(result, "candidate") == [[True], [True]]
    assert acts(supervisor) == ["start web worker candidate"]
    assert do(supervisor, WEB, WORKER, candidate=True).changed is False

    promoted = do(supervisor, WEB, WORKER)

    assert acts(supervisor) == ["promote web worker"]
    assert (promoted.data["promoted"], shown(promoted, "candidate")) == (["web", "worker"], [[False], [False]])
    assert do(supervisor, WEB, WORKER).changed is False
    # What is an ordinary process already does not become a candidate.
    assert do(supervisor, WEB, WORKER, candidate=True).changed is False


def _dies(host: FakeHost, running: Running) -> None:
    del host.table[running.process.pid]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_dies, "ended"),
        (
            lambda _host, running: setattr(running, "directory", "/srv/other"),
            f"runs in /srv/other instead of {RELEASE}",
        ),
        (
            lambda _host, running: setattr(running, "directory", f"{RELEASE} (deleted)"),
            f"runs in {RELEASE} (deleted) instead",
        ),
        (lambda _host, running: setattr(running, "ports", ()), "does not listen on 3001"),
        (lambda _host, running: setattr(running, "ports", (3999,)), "listens on 3999 instead of 3001"),
    ],
)
def test_process_that_is_not_as_it_was_is_started_anew(damage: Any, reason: str) -> None:
    supervisor = world()
    do(supervisor, WEB)
    [running] = [one for one in supervisor.host.table.values() if one.name == "web"]
    damage(supervisor.host, running)

    result = do(supervisor, WEB)

    assert result.data["started"] == ["web"]
    assert result.data["reasons"]["web"].startswith(reason)
    assert do(supervisor, WEB).changed is False


def test_process_that_is_only_unhealthy_or_big_is_left_alone() -> None:
    supervisor = world()
    do(supervisor, {**WEB, "memory_limit": "100M"})
    supervisor.host.statuses[3001] = 503
    supervisor.host.table[1001].memory = 2**30

    assert do(supervisor, {**WEB, "memory_limit": "100M"}).changed is False


def test_ghost_is_killed_and_told() -> None:
    supervisor = world()
    do(supervisor, WEB)
    acts(supervisor)
    ghost = supervisor.host.spawn("web")
    child = supervisor.host.spawn("web", parent=1001)

    result = do(supervisor, WEB)

    assert (acts(supervisor), supervisor.host.signals) == ([], [ghost.process.pid])
    assert (result.changed, result.data["killed"]) == (True, [ghost.process.pid])
    assert child.process.pid in supervisor.host.table
    assert do(supervisor, WEB).changed is False


def test_what_does_not_end_is_killed_and_what_comes_again_too() -> None:
    supervisor = world()
    do(supervisor, WEB)
    supervisor.host.table[1001].ignores_signals = True
    supervisor.host.after(3, lambda: supervisor.host.comes("web"))

    result = supervise(request("stopped"), lambda _slot: supervisor, supervisor.host.ports(), check_mode=False)

    assert living(supervisor) == []
    assert result.data["killed"] == [1001, 1002]


def _crashes(host: FakeHost, running: Running, _definition: Definition) -> None:
    host.after(0.3, lambda: _dies(host, running))


def _crashes_late(host: FakeHost, running: Running, definition: Definition) -> None:
    listens(host, running, definition)
    host.after(4, lambda: _dies(host, running))


def _restarts(host: FakeHost, running: Running, definition: Definition) -> None:
    def again() -> None:
        _dies(host, running)
        listens(host, host.spawn(definition.name), definition)

    listens(host, running, definition)
    host.after(4, again)


def _listens_late(host: FakeHost, running: Running, definition: Definition) -> None:
    host.after(20, lambda: listens(host, running, definition))


def _never_listens(_host: FakeHost, _running: Running, _definition: Definition) -> None:
    return


def _wrong_port(_host: FakeHost, running: Running, _definition: Definition) -> None:
    running.ports = (3999,)


def _unhealthy(host: FakeHost, running: Running, definition: Definition) -> None:
    listens(host, running, definition)
    host.statuses[3001] = 503


def _unhealthy_in_the_end(host: FakeHost, running: Running, definition: Definition) -> None:
    listens(host, running, definition)
    host.after(4.9, lambda: host.statuses.update({3001: 500}))


def _leaks(host: FakeHost, running: Running, definition: Definition) -> None:
    listens(host, running, definition)
    host.after(3, lambda: setattr(running, "memory", 640 * 2**20))


def _elsewhere(host: FakeHost, running: Running, definition: Definition) -> None:
    listens(host, running, definition)
    running.directory = "/srv/old"


def _twice(host: FakeHost, running: Running, definition: Definition) -> None:
    listens(host, running, definition)
    host.spawn("web")


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (_crashes, "ended with exit code 3 after 0.4 s"),
        (_crashes_late, "ended with exit code 3 after 4.0 s"),
        (_restarts, "ended and was started again"),
        (_never_listens, "does not listen on 3001 after 30 s"),
        (_wrong_port, "listens on 3999 instead of 3001 after 30 s"),
        (_unhealthy, "answers /health with 503 after 30 s"),
        (_unhealthy_in_the_end, "answers /health with 500"),
        (_leaks, "uses 640 MB of its 500 MB"),
        (_elsewhere, f"runs in /srv/old instead of {RELEASE} after 30 s"),
        (_twice, "runs 2 times instead of 1"),
    ],
)
@pytest.mark.parametrize("has_former", [False, True])
def test_bad_process_is_taken_away_and_the_former_one_runs_again(behaviour: Any, told: str, has_former: bool) -> None:
    supervisor = world()
    if has_former:
        do(supervisor, WORKER, {**WEB, "script": "api/main.js"})
        supervisor.host.seconds = 0
    former = living(supervisor)
    acts(supervisor)
    supervisor.behaviours[WEB_JS] = behaviour

    failed = failure(supervisor, {**WEB, "memory_limit": "500M"}, WORKER)

    first, *rest = failed.message.split(". ")
    assert first == f"web-blue {told}"
    assert living(supervisor) == former
    if has_former:
        assert acts(supervisor) == ["stop web", "start web", "stop web", "start web", "promote web"]
        assert supervisor.told["web"].script == f"{RELEASE}/api/main.js"
        assert rest[-1] == "web-blue runs again as before."
        assert failed.details == {"stopped": ["web"], "killed": failed.details["killed"], "restored": ["web"]}
        supervisor.host.statuses.clear()
        assert do(supervisor, WORKER, {**WEB, "script": "api/main.js"}).changed is False
    else:
        assert rest[-1] == "What was started is stopped again."
        assert acts(supervisor)[0] == "start web worker"


def test_slow_process_is_waited_for() -> None:
    supervisor = world()
    supervisor.behaviours[WEB_JS] = _listens_late

    assert do(supervisor, WEB).changed is True
    assert supervisor.host.seconds == pytest.approx(25, abs=0.3)


def test_process_that_is_never_ready_fails() -> None:
    supervisor = world()
    supervisor.unready = ["web"]

    failed = failure(supervisor, {**WEB, "wait_ready": True, "listen_timeout": 7})

    assert failed.message.startswith("web-blue did not say that it is ready after 7 s. ")
    assert living(supervisor) == []


def test_cluster_that_listens_elsewhere_is_told_from_others_in_the_supervisor() -> None:
    supervisor = world()
    supervisor.host.table[DAEMON].ports = {4000}
    supervisor.behaviours[f"{RELEASE}/api/main.js"] = lambda host, _running, _definition: setattr(
        host.table[DAEMON], "ports", {4000, 3999}
    )

    assert "api-blue listens on 3999 instead of 3002 after 30 s." in failure(supervisor, CLUSTER).message


def test_candidate_before_is_a_candidate_again() -> None:
    supervisor = world()
    do(supervisor, WEB, candidate=True)
    acts(supervisor)
    supervisor.behaviours[WORKER_JS] = _crashes

    failure(supervisor, {**WEB, "script": "worker.js"}, candidate=True)

    assert acts(supervisor) == ["stop web", "start web candidate", "stop web", "start web candidate"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda one: one.told.clear(), "web-blue did not run as it was declared before, and is left stopped."),
        (
            lambda one: one.told.update(web=replace(one.told["web"], arguments=("x",))),
            "web-blue did not run as it was declared before, and is left stopped.",
        ),
        (lambda one: _dies(one.host, one.host.table[1001]), "web-blue did not run as it was declared before"),
        (lambda one: one.host.content.pop(WEB_JS), "web-blue is left stopped: its release is gone."),
    ],
)
def test_what_cannot_run_again_is_told(damage: Any, told: str) -> None:
    supervisor = world()
    do(supervisor, WEB)
    damage(supervisor)
    supervisor.behaviours[WORKER_JS] = _crashes

    failed = failure(supervisor, {**WEB, "script": "worker.js"})

    assert told in failed.message
    assert (living(supervisor), failed.details["restored"]) == ([], [])


def test_former_process_that_does_not_get_well_again_is_left_running_and_told() -> None:
    supervisor = world()
    do(supervisor, WEB)
    acts(supervisor)
    supervisor.behaviours.update({WORKER_JS: _crashes, WEB_JS: _never_listens})

    failed = failure(supervisor, {**WEB, "script": "worker.js"})

    assert failed.message.endswith("web-blue was started again as before, but does not listen on 3001 after 30 s.")
    assert (living(supervisor), failed.details["restored"]) == (["web"], [])
    assert acts(supervisor)[-1] == "promote web"


def test_failure_on_the_way_back_is_told_as_well() -> None:
    supervisor = world()
    do(supervisor, WEB)
    supervisor.behaviours[WORKER_JS] = _crashes

    def breaks(*_arguments: Any) -> None:
        raise CommandError("PM2 is gone.")

    supervisor.behaviours[WEB_JS] = breaks

    message = failure(supervisor, {**WEB, "script": "worker.js"}).message

    assert message.startswith("web-blue ended with exit code 3")
    assert message.endswith("The way back failed as well, look at what runs: PM2 is gone.")


@pytest.mark.parametrize("error", [Interrupted("Stopped by SIGTERM."), CommandError("pm2 start was stopped.")])
def test_interrupted_start_goes_the_same_way_back(error: ShipshapeError) -> None:
    supervisor = world()
    do(supervisor, WEB)
    supervisor.failing.append(error)

    failed = failure(supervisor, {**WEB, "script": "worker.js"}, WORKER, kind=type(error))

    assert failed is error
    assert failed.message.endswith("What was started is stopped again. web-blue runs again as before.")
    assert living(supervisor) == ["web"]


def test_interruption_before_anything_was_stopped_leaves_all_as_it_is() -> None:
    supervisor = world()
    do(supervisor, WEB, WORKER)
    before = dict(supervisor.host.table)

    def interrupted(names: Sequence[str]) -> None:
        raise Interrupted(f"Stopped by SIGINT before {names} were stopped.")

    supervisor.stop = interrupted  # type: ignore[method-assign] # the signal comes at this moment
    failed = failure(supervisor, {**WEB, "args": ["x"]}, WORKER, kind=Interrupted)

    assert supervisor.host.table == before
    assert failed.details == {"stopped": [], "killed": [], "restored": []}


def test_last_words_are_told_without_secrets_and_lists_of_functions() -> None:
    supervisor = world()
    supervisor.host.content[f"{RELEASE}/.env"] = f'NAME=x\nPASSWORD="{SECRET}"\nexport URL=mysql://u:pw=1@h\n'.encode()
    supervisor.behaviours[WEB_JS] = _crashes
    supervisor.words = ["one", f"Error: {SECRET} at mysql://u:pw=1@h", "    at f (/x.js:1:2)", *"abcde"]

    message = failure(supervisor, {**WEB, "environment_file": ".env"}).message

    assert "It wrote last: Error: ******** at ******** | a | b | c | d | e (its log: /logs/web)." in message


def test_silent_end_is_told() -> None:
    supervisor = world()
    supervisor.behaviours[WEB_JS] = _crashes

    assert "after 0.4 s. It wrote no error (its log: /logs/web)." in failure(supervisor, WEB).message


def test_end_of_one_instance_is_told() -> None:
    supervisor = world()

    def one_ends(host: FakeHost, running: Running, definition: Definition) -> None:
        listens(host, running, definition)
        if running.process.pid == 1001:
            _crashes(host, running, definition)

    supervisor.behaviours[f"{RELEASE}/api/main.js"] = one_ends

    assert "api-blue ended in 1 of its instances with exit code 3" in failure(supervisor, CLUSTER).message


def test_port_of_somebody_else_is_refused() -> None:
    supervisor = world()
    stranger = supervisor.host.spawn("", ports=(3001,))
    stranger_pid = stranger.process.pid

    told = refusal(supervisor, WEB, WORKER)

    assert told == f"web: port 3001 is taken by process {stranger_pid} (node). Stop that, or take another."


def test_owner_of_a_port_is_called_as_the_supervisor_does() -> None:
    supervisor = world()
    one = supervisor.host.spawn("", ports=(3001,))
    supervisor.host.table[7] = Running(one.process.__class__(7, "1", 1, "", ""), ports=(3001,))
    del supervisor.host.table[one.process.pid]

    assert "process 7 (a program that this user may not know, fake calls it other)" in refusal(supervisor, WEB)


def test_owner_of_a_port_that_may_not_be_known_is_its_user() -> None:
    supervisor = world()
    supervisor.host.spawn("", ports=(3001,))
    supervisor.host.all = list  # type: ignore[method-assign] # as for a user who may not see it

    assert "taken by a process of the user with the number 1000." in refusal(supervisor, WEB)


def test_port_of_what_is_replaced_is_free() -> None:
    supervisor = world()
    do(supervisor, WEB, CLUSTER)

    assert do(supervisor, {**WEB, "port": 3002}, {**CLUSTER, "port": 3001}).data["started"] == ["web", "api"]


def test_port_of_another_cluster_is_not_free() -> None:
    supervisor = world()
    supervisor.host.table[DAEMON].ports = {3001}
    do(supervisor, CLUSTER)
    acts(supervisor)

    assert f"port 3001 is taken by process {DAEMON} (node)" in refusal(supervisor, {**CLUSTER, "port": 3001})


def test_foreign_name_is_refused() -> None:
    supervisor = world()
    supervisor.others["web"] = "somebody else has it"

    assert refusal(supervisor, WEB) == "web: somebody else has it."


def test_stopped_is_all_of_the_slot_or_what_is_named() -> None:
    supervisor = world()
    do(supervisor, WEB, WORKER)
    acts(supervisor)

    assert do(supervisor, WORKER, state="stopped").data["stopped"] == ["worker"]
    assert living(supervisor) == ["web"]
    result = do(supervisor, state="stopped")

    assert (living(supervisor), acts(supervisor)) == ([], ["stop worker", "stop web"])
    assert shown(result, "name", "status", "pids") == [["web", "stopped", []]]
    assert do(supervisor, state="stopped").changed is False


def test_order_of_stopping_is_the_reverse_of_that_of_starting() -> None:
    supervisor = world()
    do(supervisor, WORKER, WEB, CLUSTER)
    do(supervisor, {**WORKER, "args": ["x"]}, {**WEB, "args": ["x"]})
    do(supervisor, {"name": "old", "script": "web.js"})
    do(supervisor, WORKER, WEB)

    do(supervisor, state="stopped")

    assert [act for act in acts(supervisor) if act.startswith("stop")] == [
        "stop api web worker",
        "stop web worker",
        "stop old",
        "stop web worker",
    ]


def test_stopped_process_of_which_something_is_kept_is_no_missing_one() -> None:
    supervisor = world()
    do(supervisor, WEB, WORKER)
    kept = dict(supervisor.told)
    do(supervisor, WORKER, state="stopped")
    supervisor.told = kept

    result = do(supervisor, {"name": "other"}, state="gathered")

    assert shown(result, "name", "status", "port") == [
        ["web", "running", 3001],
        ["worker", "stopped", None],
        ["other", "missing", None],
    ]


def test_absent_forgets_too() -> None:
    supervisor = world()
    do(supervisor, WEB)
    acts(supervisor)
    supervisor.memory = ["web", "old"]

    assert do(supervisor, state="absent").changed is True
    assert acts(supervisor) == ["stop web", "forget web old"]
    do(supervisor, {"name": "old"}, state="absent")
    assert acts(supervisor) == ["forget old"]
    supervisor.memory = []
    assert do(supervisor, state="absent").changed is False


def test_saved_is_done_once() -> None:
    supervisor = world()
    do(supervisor, WEB)
    acts(supervisor)

    result = do(supervisor, state="saved")

    assert (acts(supervisor), result.changed, result.data["saved"]) == (["save"], True, True)
    supervisor.is_saved = True
    result = do(supervisor, state="saved")
    assert (acts(supervisor), result.changed, result.data["saved"]) == ([], False, True)


def test_what_is_promoted_is_saved_in_one_go() -> None:
    supervisor = world()
    do(supervisor, WEB, candidate=True)
    acts(supervisor)

    result = do(supervisor, WEB, save=True)

    assert (acts(supervisor), result.changed, result.data["saved"]) == (["promote web", "save"], True, True)
    supervisor.is_saved = True
    assert do(supervisor, WEB, save=True).changed is False
    supervisor.is_saved = False
    assert (do(supervisor, WEB, save=True).changed, acts(supervisor)) == (True, ["save"])


def test_nothing_is_saved_that_does_not_run() -> None:
    supervisor = world()
    supervisor.behaviours[WEB_JS] = _crashes

    failure(supervisor, WEB, save=True)

    assert "save" not in acts(supervisor)


@pytest.mark.parametrize("asked", [{"candidate": True}, {"state": "stopped"}])
def test_only_what_is_started_for_good_is_saved(asked: dict[str, Any]) -> None:
    assert refusal(world(), WEB, save=True, **asked) == "save: it is for state: started, and not for a candidate."


def test_only_what_runs_and_is_no_candidate_is_saved() -> None:
    supervisor = world()

    assert refusal(supervisor, state="saved") == "there is nothing to save: none of its processes runs."
    do(supervisor, WEB, candidate=True)
    acts(supervisor)
    assert refusal(supervisor, state="saved") == "web-blue is a candidate: start it without candidate first."


def test_gathered_changes_nothing() -> None:
    supervisor = world()
    do(supervisor, WEB)
    acts(supervisor)
    ghost = supervisor.host.spawn("web")

    result = do(supervisor, state="gathered")

    assert (acts(supervisor), result.changed, supervisor.host.held) == ([], False, [])
    assert ghost.process.pid in supervisor.host.table
    assert shown(result, "name", "status", "pids", "port") == [["web", "running", [1001], 3001]]


def test_diff_shows_names_of_variables_only() -> None:
    supervisor = world()

    before = do(supervisor, {**WEB, "environment": {"GREETING": SECRET}}, WORKER).diff
    after = do(supervisor, {**WEB, "args": ["x"]}, candidate=True).diff

    assert before is not None
    assert after is not None
    assert before.before == ""
    assert json.loads(before.after)["web"]["environment"] == ["GREETING", "PORT"]
    assert SECRET not in before.after + after.before
    assert sorted(json.loads(after.before)) == ["web", "worker"]
    assert {name: one["candidate"] for name, one in json.loads(after.after).items()} == {"web": True}
    assert json.loads(after.after)["web"]["arguments"] == ["x"]
    assert before.path == "shop blue (fake)"
