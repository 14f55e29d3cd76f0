# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import pm2_files
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import LOADER
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.pm2 import Pm2
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Instance,
    Slot,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Completed,
    FileFacts,
    FileState,
    Process,
)
from tests.unit.supervision.fake_world import DAEMON, FakeHost

HOME = "/home/app/.pm2"
FILE = f"{HOME}/shipshape/shop.blue.json"
DUMP = f"{HOME}/dump.pm2"
TITLE = f"PM2 v7.0.4: God Daemon ({HOME})"
CLEAN = (
    *("env", "-i", "HOME=/home/app", f"PM2_HOME={HOME}"),
    *("PATH=/opt/pm2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"),
)

WEB = Definition("web", "/r/web.js", "/r", port=3001, environment={"PORT": "3001"})
API = Definition("api", "/r/api.js", "/r", is_cluster=True, instances=2, environment_file="/r/.env")

_NOW = 1_800_000_000


@dataclass
class Pm2Host(FakeHost):
    """A host on which PM2's daemon does what it is told."""

    records: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    version: str = "7.0.4"
    owner: str = "app"
    mode: int = 0o700
    dump_mode: int = 0o600
    # Processes with these numbers are started once more after they were deleted, this often.
    comes_again: dict[int, int] = field(default_factory=dict)
    # Whether those end before anybody can look at them.
    ends_at_once: bool = False
    # How long it takes to carry out several commands, and how long after that those come.
    takes: float = 0.0
    comes_after: float = 0.4
    slow: Sequence[str] = ()
    failing: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.content["/opt/pm2/package.json"] = json.dumps({"name": "pm2", "version": self.version}).encode()
        self.folders.add(HOME)
        self.rename(TITLE)

    def rename(self, title: str) -> None:
        self.table[DAEMON].process = replace(self.table[DAEMON].process, title=title)

    def read(self, path: str) -> FileState | None:
        found = super().read(path)
        return replace(found, access=Access("app", "app", self.dump_mode)) if found and path == DUMP else found

    def facts(self, path: str) -> FileFacts | None:
        found = super().facts(path)
        return replace(found, owner=self.owner, mode=self.mode) if found else None

    def run(self, argv: Sequence[str], *, timeout: float | None = None, **_how: Any) -> Completed:
        if argv[0] == "chmod":
            self.calls.append(" ".join(argv))
            return Completed(tuple(argv), 0, "", "")
        if "getent" in argv[2]:
            return Completed(tuple(argv), 0, "app:x:1000:1000::/home/app:/bin/sh\n/opt/pm2/bin/pm2\n", "")
        assert argv[:3] == ("sh", "-c", 'umask 077; exec "$0" "$@"') or list(argv[:2]) == ["sh", "-c"]
        assert tuple(argv[3 : 3 + len(CLEAN)]) == CLEAN
        program, *words = argv[3 + len(CLEAN) :]
        if program == "node":
            assert words[:3] == ["-e", pm2_files.COMMANDS, "/opt/pm2"]
            pairs = list(zip(words[3::2], words[4::2]))
            self.calls.append("node " + " ".join(words[3:]))
            for verb, target in pairs:
                self.act(verb, [target])
            self.seconds += self.takes
            return Completed(tuple(argv), 0, "", "")
        assert (program, words[-1]) == ("/opt/pm2/bin/pm2", "--silent")
        self.calls.append(" ".join(words[:-1]))
        if words[0] in self.slow:
            assert timeout is not None
            self.seconds += timeout
            raise CommandError("pm2 was not done and was stopped.")
        if words[0] in self.failing:
            return Completed(tuple(argv), 1, "", "[PM2][ERROR] Something broke")
        said = json.dumps(self.records) if words[0] == "jlist" else ""
        self.act(words[0], words[1:-1])
        return Completed(tuple(argv), 0, f"banner\n{said}", "")

    def act(self, verb: str, words: Sequence[str]) -> None:
        if verb == "start":
            only = words[2].split(",")
            for app in json.loads(self.content[words[0]])["apps"]:
                if app["name"] in only:
                    for _number in range(app["instances"]):
                        self.records.append(self.record(app))
        elif verb == "delete":
            for record in [one for one in self.records if str(one["pm_id"]) in words]:
                self.table.pop(record["pid"], None)
                self.records.remove(record)
                if self.comes_again.get(record["pm_id"], 0):
                    self.comes_again[record["pm_id"]] -= 1
                    self.after(self.takes + self.comes_after, lambda again=record: self.again(again))  # type: ignore[misc] # bound at once
        elif verb == "reset":
            for record in [one for one in self.records if one["name"] in words]:
                record["pm2_env"].update(created_at=_NOW * 1000, unstable_restarts=0, restart_time=0)
        elif verb == "save":
            self.content[DUMP] = json.dumps([one["pm2_env"] for one in self.records]).encode()

    def again(self, record: dict[str, Any]) -> None:
        running = self.spawn("shop/blue/web")
        self.records.append({**record, "pid": running.process.pid})
        if self.ends_at_once:
            del self.table[running.process.pid]

    def record(self, app: dict[str, Any]) -> dict[str, Any]:
        number = len(self.records)
        running = self.spawn(app["env"]["SHIPSHAPE_PROCESS"])
        settings = {**app, **app["env"], "status": "online", "restart_time": 0, "unstable_restarts": 0}
        return {"name": app["name"], "pid": running.process.pid, "pm_id": number, "pm2_env": settings}


def pm2(host: Pm2Host, slot: str | None = "blue", home: str | None = None) -> Pm2:
    return Pm2(Slot("shop", slot), home=home, program="pm2", host=host.ports())


def start(host: Pm2Host, *definitions: Definition, is_candidate: bool = False, slot: str = "blue") -> Pm2:
    one = pm2(host, slot)
    digests = {definition.name: f"digest of {definition.name}" for definition in definitions}
    assert one.start(definitions, release="/r", digests=digests, is_candidate=is_candidate, stable=5) == []
    host.calls.clear()
    return one


def test_daemon_that_does_not_run_is_never_asked() -> None:
    host = Pm2Host()
    host.rename("PM2 v7.0.4: God Daemon (/home/other/.pm2)")
    one = pm2(host)

    standing = one.look()

    assert (standing.instances, host.calls, one.parent()) == ([], [], 0)


def test_unit_that_does_not_run_is_to_be_started_instead_of_a_daemon() -> None:
    host = Pm2Host(content={"/etc/systemd/system/pm2-app.service": b""})
    assert list(pm2(host).problems([WEB])) == []
    host.rename("node")

    assert list(pm2(host).problems([])) == []
    assert list(pm2(host).problems([WEB])) == [
        "PM2 does not run, and a daemon started from here would not be the one of its unit: systemctl start pm2-app."
    ]


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (replace(WEB, environment={"name": "x", "HOME": "y"}), "web: environment: PM2 would take name for a setting"),
        (replace(API, node="/opt/node"), "api: in mode: cluster the Node of PM2's daemon runs, so leave out node."),
        (replace(WEB, name="17"), "17: PM2 would take this name for something else."),
        (replace(WEB, name="all"), "all: PM2 would take this name for something else."),
    ],
)
def test_what_pm2_would_misunderstand_is_a_problem(definition: Definition, told: str) -> None:
    [problem] = pm2(Pm2Host(), slot=None).problems([definition])

    assert problem.startswith(told)


def test_file_tells_pm2_everything() -> None:
    host = Pm2Host()
    full = Definition(
        *("web", "/r/web.js", "/r"),
        arguments=("a b",),
        node="/opt/node/bin/node",
        node_arguments=("--x",),
        port=3001,
        environment={"PORT": "3001"},
        environment_file="/r/.env",
        memory_limit=2**20,
        kill_timeout=3,
        listen_timeout=20,
        waits_for_ready=True,
        out_log="/l/out",
        error_log="/l/err",
    )

    start(host, full)

    told = json.loads(host.content[FILE])
    [app] = told["apps"]
    environment = app.pop("env")
    assert app == {
        "name": "web-blue",
        "namespace": "web",
        "script": "/r/web.js",
        "cwd": "/r",
        "args": ["a b"],
        "node_args": ["--require", f"{HOME}/shipshape/load-environment.cjs", "--x"],
        "exec_mode": "fork",
        "interpreter": "/opt/node/bin/node",
        "instances": 1,
        "out_file": "/l/out",
        "error_file": "/l/err",
        "merge_logs": True,
        "vizion": False,
        "wait_ready": True,
        # Longer than the module itself waits.
        "listen_timeout": 35000,
        "kill_timeout": 3000,
        "max_memory_restart": 2**20,
        "exp_backoff_restart_delay": 100,
        "min_uptime": 100_000_000_000,
        "max_restarts": 1e-12,
    }
    assert environment == {
        "PORT": "3001",
        "SHIPSHAPE_ENVIRONMENT_FILE": "/r/.env",
        "SHIPSHAPE_PROCESS": "shop/blue/web",
        "SHIPSHAPE_RELEASE": "/r",
        "SHIPSHAPE_DEFINITION": "digest of web",
        # Until the proof is over.
        "created_at": str((_NOW + 25 + 20 + 5) * 1000),
        "unstable_restarts": "-1000000",
    }
    assert pm2(host).kept() == {"web": full}
    assert host.content[f"{HOME}/shipshape/load-environment.cjs"].decode() == LOADER


def test_cluster_is_given_arguments_of_node_in_any_case() -> None:
    host = Pm2Host()
    start(host, replace(API, environment_file=None), replace(WEB, node_arguments=()))

    api, web = json.loads(host.content[FILE])["apps"]

    assert (api["exec_mode"], api["instances"]) == ("cluster", 2)
    assert api["node_args"] == ["--require", f"{HOME}/shipshape/last-words.cjs"]
    assert (web["node_args"], web["listen_timeout"]) == ([], 30000)


def test_start_starts_only_what_is_asked_for_and_keeps_the_others() -> None:
    host = Pm2Host()
    one = start(host, WEB, API)
    other = replace(WEB, arguments=("x",))

    one.start([other], release="/r", digests={"web": "new"}, is_candidate=False, stable=5)

    assert host.calls == [f"start {FILE} --only web-blue"]
    assert pm2(host).kept() == {"api": API, "web": other}
    assert sorted(app["name"] for app in json.loads(host.content[FILE])["apps"]) == ["api-blue", "web-blue"]


def test_home_that_others_may_look_into_is_made_private() -> None:
    host = Pm2Host(mode=0o755)

    pm2(host).start([WEB], release="/r", digests={"web": "d"}, is_candidate=False, stable=5)

    assert host.calls[0] == f"chmod 0700 {HOME}"


def test_home_of_another_user_is_refused() -> None:
    with pytest.raises(FileError, match="belongs to root: run as that user"):
        pm2(Pm2Host(owner="root")).look()


def test_look_tells_the_instances_of_the_slot_alone() -> None:
    host = Pm2Host()
    start(host, WEB, slot="green")
    one = start(host, API, is_candidate=True)
    host.records.append({"name": "x", "pid": 5, "pm_id": 9, "pm2_env": {"status": "online"}})
    host.records[2]["pm2_env"].update(status="waiting restart", exit_code=3, restart_time=4)

    standing = one.look()

    first = host.records[1]["pid"]
    assert host.calls == ["jlist"]
    assert standing.instances == [
        Instance("api", first, "digest of api", "/r", True),
        Instance("api", 0, "digest of api", "/r", True, 4, 3),
    ]
    assert (standing.remembered, standing.is_saved, standing.warnings) == (["api"], False, [])
    assert one.called(5) == "x"
    assert one.parent() == DAEMON
    assert one.called(DAEMON) == "God Daemon, for a process in mode: cluster"


def test_other_version_of_the_daemon_is_told() -> None:
    [warning] = pm2(Pm2Host(version="7.1.0")).look().warnings

    assert warning.startswith("PM2 7.1.0 is installed, but its daemon is 7.0.4: ")


def test_name_of_somebody_else_is_told() -> None:
    host = Pm2Host()
    one = start(host, WEB)
    one.look()
    assert one.foreign("web") is None
    host.records[0]["pm2_env"]["SHIPSHAPE_PROCESS"] = "other/blue/web"
    one.look()

    assert one.foreign("web") == "PM2 has another process with the name web-blue, stop it first (pm2 delete web-blue)"


def test_promotion_is_one_run_and_outlives_a_reboot() -> None:
    host = Pm2Host()
    one = start(host, WEB, API, is_candidate=True)
    assert all(instance.is_candidate for instance in one.look().instances)
    host.calls.clear()

    one.promote(["web", "api"])

    assert host.calls == ["node reset web-blue reset api-blue"]
    assert not any(instance.is_candidate for instance in one.look().instances)
    moments = {app["env"]["created_at"] for app in json.loads(host.content[FILE])["apps"]}
    assert moments == {str(_NOW * 1000)}


def test_promoted_process_that_was_restarted_is_no_candidate() -> None:
    host = Pm2Host()
    one = start(host, WEB, is_candidate=True)
    host.records[0]["pm2_env"]["unstable_restarts"] = "-10000001"

    assert not one.look().instances[0].is_candidate


def test_program_that_only_calls_pm2_takes_one_name_at_a_time() -> None:
    host = Pm2Host()
    one = start(host, WEB, API)
    del host.content["/opt/pm2/package.json"]

    one.promote(["web", "api"])

    assert host.calls == ["reset web-blue", "reset api-blue"]


def test_stop_deletes_by_number_and_drops_the_declaration() -> None:
    host = Pm2Host()
    one = start(host, WEB, API)
    one.look()
    host.calls.clear()

    one.stop(["api"])

    assert host.calls == ["delete 1 2"]
    assert (list(pm2(host).kept()), host.seconds) == (["web"], 0)
    one.look()
    one.stop(["web"])
    assert FILE not in host.content


@pytest.mark.parametrize(
    ("settings", "is_trap"),
    [
        ({"status": "online"}, False),
        ({"status": "online", "wait_ready": True}, False),
        ({"status": "online", "wait_ready": True, "restart_time": 1, "pm_uptime": (_NOW - 5) * 1000}, True),
        ({"status": "online", "wait_ready": True, "restart_time": 0, "pm_uptime": (_NOW - 5) * 1000}, False),
        ({"status": "online", "wait_ready": True, "restart_time": 1, "pm_uptime": (_NOW - 300) * 1000}, False),
        ({"status": "online", "restart_time": 1, "pm_uptime": (_NOW - 5) * 1000}, False),
        ({"status": "waiting restart"}, False),
        ({"status": "launching"}, True),
        ({"status": "waiting restart", "wait_ready": True}, True),
    ],
)
def test_process_that_is_waited_for_is_stopped_before_it_is_deleted(settings: dict[str, Any], is_trap: bool) -> None:
    host = Pm2Host()
    one = start(host, WEB)
    host.records[0]["pm2_env"].update(settings)
    one.look()
    host.calls.clear()

    one.stop(["web"])

    assert host.calls == (["node stop 0 delete 0", "jlist"] if is_trap else ["delete 0"])
    assert (host.seconds > 1) is is_trap


def test_process_that_comes_again_is_stopped_again() -> None:
    host = Pm2Host(comes_again={0: 2})
    one = start(host, WEB)
    host.records[0]["pm2_env"].update(status="launching")
    one.look()
    host.calls.clear()

    one.stop(["web"])

    assert host.calls == ["node stop 0 delete 0", "jlist"] * 3
    assert one.members() == {}


def test_process_that_comes_again_and_ends_between_two_looks_is_deleted_again() -> None:
    host = Pm2Host(comes_again={0: 2}, ends_at_once=True)
    one = start(host, WEB)
    host.records[0]["pm2_env"].update(status="launching")
    one.look()

    one.stop(["web"])

    assert host.records == []


def test_process_that_comes_late_because_pm2_is_slow_is_stopped_again() -> None:
    host = Pm2Host(comes_again={0: 1}, takes=4, comes_after=11)
    one = start(host, WEB)
    host.records[0]["pm2_env"].update(status="launching")
    one.look()

    one.stop(["web"])

    host.pause(20)
    assert host.records == []
    assert one.members() == {}


def test_process_that_comes_again_late_is_waited_for() -> None:
    host = Pm2Host()
    one = start(host, WEB)
    host.records[0]["pm2_env"].update(status="launching", prev_restart_delay=2000)
    one.look()

    one.stop(["web"])

    assert host.seconds == pytest.approx(2 * 1.5**4 + 1, abs=0.2)


def test_process_that_comes_again_for_ever_is_told() -> None:
    host = Pm2Host(comes_again={0: 99})
    one = start(host, WEB)
    host.records[0]["pm2_env"].update(status="launching")
    one.look()

    with pytest.raises(CommandError, match="PM2 starts web-blue again and again"):
        one.stop(["web"])


def test_process_that_is_not_ready_in_time_is_named() -> None:
    host = Pm2Host(slow=["start"])
    one = pm2(host)
    host.records = [host.record(_app("web")), host.record(_app("api"))]
    host.records[0]["pm2_env"]["status"] = "launching"
    waits = [replace(WEB, waits_for_ready=True, listen_timeout=7), replace(API, waits_for_ready=True, instances=1)]

    unready = one.start(waits, release="/r", digests={"web": "d", "api": "d"}, is_candidate=False, stable=5)

    assert (unready, host.seconds) == (["web"], 5 + 7 + 30)


def test_start_that_hangs_without_a_reason_is_told() -> None:
    with pytest.raises(CommandError, match="was not done"):
        pm2(Pm2Host(slow=["start"])).start([WEB], release="/r", digests={"web": "d"}, is_candidate=False, stable=5)


def test_what_pm2_says_of_its_failure_is_told() -> None:
    host = Pm2Host(failing=["jlist"])

    with pytest.raises(CommandError, match=r"pm2 jlist ended with exit code 1: \[PM2\]\[ERROR\] Something broke"):
        pm2(host).look()


def _app(name: str, process: str | None = None, **told: str) -> dict[str, Any]:
    environment = {"SHIPSHAPE_PROCESS": process or f"shop/blue/{name}", "SHIPSHAPE_DEFINITION": "d", **told}
    return {"name": f"{name}-blue", "env": environment}


def test_saved_is_what_runs_of_the_slot_and_of_others() -> None:
    host = Pm2Host(content={f"{DUMP}.bak": b"[1]"})
    start(host, WEB, slot="green")
    one = start(host, WEB, API)
    host.records += [
        host.record(_app("x", "other/blue/x")),
        host.record(_app("y", "other/green/y", created_at="4102444800000")),
        {"name": "byhand", "pid": 0, "pm_id": 77, "pm2_env": {"name": "byhand", "created_at": 5, "status": "stopped"}},
    ]
    assert not one.look().is_saved
    host.calls.clear()

    one.save()

    dump = json.loads(host.content[DUMP])
    assert host.calls == ["save", "jlist"]
    assert [record["name"] for record in dump] == ["web-blue", "api-blue", "api-blue", "x-blue", "byhand"]
    # Otherwise what ends soon after a reboot would stay so.
    assert not any("created_at" in {**record["env"], **record} for record in dump[:3])
    assert not any("unstable_restarts" in {**record["env"], **record} for record in dump[:3])
    assert dump[-1]["created_at"] == 5
    assert one.look().is_saved
    assert host.content[f"{DUMP}.bak"] == b"[1]"


def test_what_was_started_since_it_was_looked_at_is_saved_too() -> None:
    host = Pm2Host()
    one = start(host, WEB)
    one.look()
    start(host, WEB, API)

    one.save()

    assert one.look().is_saved


@pytest.mark.parametrize(
    "damage",
    [
        lambda host: host.records.pop(),
        lambda host: host.records[0]["pm2_env"].update(SHIPSHAPE_DEFINITION="other"),
        lambda host: host.records.append(host.record(_app("web"))),
        lambda host: host.content.pop(DUMP),
        lambda host: setattr(host, "dump_mode", 0o644),
        lambda host: host.content.update({DUMP: b"{"}),
        lambda host: host.content.update({DUMP: b"{}"}),
    ],
)
def test_what_differs_from_the_dump_is_not_saved(damage: Any) -> None:
    host = Pm2Host()
    one = start(host, WEB, API)
    one.look()
    one.save()
    assert one.look().is_saved
    damage(host)

    assert not one.look().is_saved


def test_save_that_saves_something_else_is_told() -> None:
    host = Pm2Host()
    one = start(host, WEB)
    one.look()
    host.act = lambda verb, words: host.content.update({DUMP: b"[]"})  # type: ignore[method-assign] # as PM2 may

    with pytest.raises(CommandError, match="is not what runs"):
        one.save()


def test_forgotten_is_taken_out_of_what_starts_with_the_host() -> None:
    host = Pm2Host()
    one = start(host, WEB, API)
    one.look()
    one.save()
    host.content[f"{DUMP}.bak"] = host.content[DUMP]

    assert one.look().remembered == ["api", "web"]
    one.forget(["api"])

    for path in (DUMP, f"{DUMP}.bak"):
        assert [record["name"] for record in json.loads(host.content[path])] == ["web-blue"]


def test_members_are_told_by_the_operating_system() -> None:
    host = Pm2Host()
    one = start(host, WEB)
    ghost = host.spawn("shop/blue/web")
    host.spawn("shop/green/web")
    host.spawn("shopping/blue/web")

    assert [process.pid for process in one.members()["web"]] == [1001, ghost.process.pid]
    assert list(one.members()) == ["web"]


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("A=1\0SHIPSHAPE_PROCESS=shop/blue/web\0B=2\0", "web"),
        ('A=1\0pm2_env={"x":1,"SHIPSHAPE_PROCESS":"shop/blue/web","y":2}\0', "web"),
        ("SHIPSHAPE_PROCESS=shop/green/web\0", None),
        ("SHIPSHAPE_PROCESS=shop/bluer/web\0", None),
        ("", None),
    ],
)
def test_mark_is_found_in_both_modes(environment: str, name: str | None) -> None:
    assert pm2_files.mark_of("shop", "blue", environment) == name


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (f"A=1\0PM2_HOME={HOME}\0B=2\0", True),
        (f'A=1\0pm2_env={{"x":1,"PM2_HOME":"{HOME}","y":2}}\0', True),
        (f"PM2_HOME={HOME}2\0", False),
        ("SHIPSHAPE_PROCESS=shop/blue/web\0", False),
    ],
)
def test_home_is_found_in_both_modes(environment: str, expected: bool) -> None:
    assert pm2_files.is_at_home(HOME, environment) is expected


def test_same_application_elsewhere_is_no_member() -> None:
    host = Pm2Host()
    one = start(host, WEB)
    host.home = "/root/.pm2"

    assert one.members() == {}


def test_last_words_are_those_since_the_start() -> None:
    log = f"{HOME}/logs/web-blue-error.log"
    host = Pm2Host(content={log: b"old\n"})
    one = start(host, WEB)
    host.content[log] += b"new\n\nlast\n"

    assert (one.last_words("web"), one.log("web")) == (["new", "last"], log)
    assert one.last_words("api") == []


def test_last_words_are_those_of_its_other_log_if_it_writes_everything_there() -> None:
    error, out = (f"{HOME}/logs/web-blue-{kind}.log" for kind in ("error", "out"))
    host = Pm2Host(content={error: b"old\n", out: b"older\n"})
    one = start(host, WEB)
    host.content[out] += b"no Redis\n"
    assert (one.last_words("web"), one.log("web")) == (["no Redis"], out)

    host.content[error] += b"at last\n"
    assert (one.last_words("web"), one.log("web")) == (["at last"], error)


def test_log_is_where_it_was_declared() -> None:
    host = Pm2Host()

    assert start(host, replace(WEB, error_log="/l/err")).log("web") == "/l/err"


def test_home_can_be_given() -> None:
    host = Pm2Host()
    other = Process(7, "1", 1, "/usr/bin/node", "PM2 v7.0.4: God Daemon (/srv/pm2)")
    host.table[7] = replace(host.table[DAEMON], process=other)

    one = pm2(host, home="/srv/pm2")

    assert (one.parent(), one.lock) == (7, "/srv/pm2")


def test_user_without_a_name_and_missing_program_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, told in (("", "not in the list of users"), ("app:x:1:1::/h:/s\n", "pm2 is not installed")):
        monkeypatch.setattr(Pm2Host, "run", lambda *_a, said=said, **_k: Completed((), 0, said, ""))
        with pytest.raises(CommandError, match=told):
            pm2(Pm2Host())


def test_file_of_somebody_else_holds_no_definitions() -> None:
    assert pm2_files.read(b"{}") == ([], {})
    assert pm2_files.read(b"nonsense") == ([], {})
    assert pm2_files.read(b'{"apps": [], "definitions": [{"x": 1}]}') == ([], {})
