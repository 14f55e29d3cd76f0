# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import LOADER
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Instance,
    Slot,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.systemd import UNITS, Systemd
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.systemd_unit import (
    LOADER_PATH,
    promoted,
    write_unit,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Completed,
    Entry,
    FileState,
    Position,
    Process,
)

API = Definition("shop-api", "/srv/r1/app.js", "/srv/r1", arguments=("one",), error_log="/l/error")
WORKER = Definition("worker", "/srv/r1/worker.js", "/srv/r1")

RUNS = {"ActiveState": "active", "MainPID": "7", "Restart": "always", "UnitFileState": "disabled", "InvocationID": "i1"}
ENDED = {**RUNS, "ActiveState": "failed", "MainPID": "0"}


@dataclass
class FakeHost:
    """A host whose systemd says what a test wants."""

    content: dict[str, str] = field(default_factory=dict)
    shown: dict[str, dict[str, str]] = field(default_factory=dict)
    # By the words that a command begins with, how it ends.
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    environments: dict[int, str] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    directories: Sequence[str] = ("/run/systemd/system",)
    mode: int = 0o644
    log: list[str] = field(default_factory=list)

    def systemd(self, slot: str | None = "blue") -> Systemd:
        given: Mapping[str, Any] = dict.fromkeys(("commands", "files", "folders", "paths", "processes"), self)
        others: Mapping[str, Any] = dict.fromkeys(("locks", "network", "sockets", "clock", "pause", "now"))
        return Systemd(Slot("shop", slot), "app", Host(**given, **others))

    def having(self, definition: Definition, shown: Mapping[str, str] | None = None, **options: Any) -> FakeHost:
        """A unit of this slot or another, and what systemd says of it."""
        slot, application = options.pop("slot", "blue"), options.pop("application", "shop")
        systemd = Systemd(Slot(application, slot), "app", cast(Host, None))
        given = {"release": "/srv/r1", "digest": "d1", "user": "app", "is_candidate": False, **options}
        unit = systemd.full_name(definition.name)
        self.content[f"{UNITS}/{unit}"] = write_unit(definition, systemd.slot, **given)
        self.shown[unit] = {**(RUNS if shown is None else shown)}
        return self

    def run(self, argv: Sequence[str]) -> Completed:
        said = " ".join(argv)
        scripted = next((answer for words, answer in self.answers.items() if said.startswith(words)), None)
        code, told = scripted or (0, "")
        if argv[:2] == ["systemctl", "show"] and "--" in argv and "Id," in argv[2]:
            assert argv[2].endswith(",UnitFileState")
            units = argv[argv.index("--") + 1 :]
            told = "\n".join("".join(f"{key}={value}\n" for key, value in self.block(unit).items()) for unit in units)
        else:
            self.log.append(said)
        verb, units = argv[1], argv[argv.index("--") + 1 :] if "--" in argv else []
        for unit in units:
            if verb in ("enable", "disable") and scripted is None:
                self.shown[unit]["UnitFileState"] = f"{verb}d"
        return Completed(tuple(argv), code, told, "it failed" if code else "")

    def block(self, unit: str) -> dict[str, str]:
        numbers = dict.fromkeys(("ExecMainCode", "ExecMainStatus", "MainPID", "NRestarts"), "0")
        nothing = {
            "ActiveState": "inactive",
            "ControlGroup": "",
            "InvocationID": "",
            "Restart": "",
            "UnitFileState": "",
        }
        return {"Id": unit, **numbers, **nothing, **self.shown.get(unit, {})}

    def read(self, path: str) -> FileState | None:
        text = self.content.get(path)
        return None if text is None else FileState(text.encode(), Access("root", "root", self.mode), 0, 0)

    def write(self, path: str, content: bytes, access: Access) -> None:
        assert access == Access("root", "root", 0o644)
        self.log.append(f"write {path}")
        self.content[path] = content.decode()

    def prepare(self, path: str, *, mode: int) -> None:
        self.log.append(f"prepare {path} {mode:o}")

    def entries(self, path: str) -> list[Entry]:
        assert path == UNITS
        names = sorted(name.rpartition("/")[2] for name in self.content if name.startswith(f"{UNITS}/"))
        return [Entry(name, is_file="link" not in name, size=0, modified=0) for name in names]

    def remove(self, path: str) -> None:
        self.log.append(f"remove {path}")
        del self.content[path]

    def facts(self, path: str) -> object:
        return path if path in self.content or path in self.directories else None

    def end(self, path: str) -> Position | None:
        return Position(1, len(self.content[path]), "") if path in self.content else None

    def lines(self, path: str, since: Position | None = None) -> Iterator[str]:
        return iter(self.content[path][since.offset if since else 0 :].splitlines())

    def at(self, pid: int) -> Process | None:
        return Process(pid, "1", self.parents[pid], "node", "") if pid in self.parents else None

    def environment(self, pid: int) -> str | None:
        return self.environments.get(pid)


def start(host: FakeHost, *definitions: Definition, is_candidate: bool = False) -> Systemd:
    systemd = host.systemd()
    digests = {definition.name: "d2" for definition in definitions}
    systemd.start(definitions, release="/srv/r2", digests=digests, is_candidate=is_candidate, stable=5)
    return systemd


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ({}, Instance("shop-api", 7, "d1", "/srv/r1", is_candidate=False)),
        ({"NRestarts": "3"}, Instance("shop-api", 7, "d1", "/srv/r1", is_candidate=False, restarts=3)),
        # Of an earlier process.
        (
            {"ExecMainCode": "1", "ExecMainStatus": "1"},
            Instance("shop-api", 7, "d1", "/srv/r1", is_candidate=False),
        ),
        ({"Restart": "no"}, Instance("shop-api", 7, "d1", "/srv/r1", is_candidate=True)),
        (
            {"ActiveState": "failed", "MainPID": "0", "ExecMainCode": "1", "ExecMainStatus": "3"},
            Instance("shop-api", 0, "d1", "/srv/r1", is_candidate=False, exit_code=3),
        ),
        (
            {"MainPID": "0", "ExecMainCode": "1", "Restart": "no"},
            Instance("shop-api", 0, "d1", "/srv/r1", is_candidate=True, exit_code=0),
        ),
        (
            {"ActiveState": "activating", "MainPID": "0", "ExecMainCode": "2", "ExecMainStatus": "9"},
            Instance("shop-api", 0, "d1", "/srv/r1", is_candidate=False, exit_code=137),
        ),
        ({"ActiveState": "activating", "MainPID": "0"}, Instance("shop-api", 0, "d1", "/srv/r1", is_candidate=False)),
        ({"ActiveState": "inactive", "MainPID": "0"}, None),
    ],
)
def test_unit_is_understood(shown: dict[str, str], expected: Instance | None) -> None:
    standing = FakeHost().having(API, {**RUNS, **shown}).systemd().look()

    assert list(standing.instances) == [expected] * (expected is not None)
    assert standing.remembered == ["shop-api"]


def test_process_says_itself_what_it_was_started_with() -> None:
    host = FakeHost(environments={7: "A=1\0SHIPSHAPE_RELEASE=/srv/r0\0SHIPSHAPE_DEFINITION=d0\0"}).having(API)

    [instance] = host.systemd().look().instances

    assert (instance.definition, instance.release) == ("d0", "/srv/r0")


def test_process_of_another_user_is_not_as_it_is_declared() -> None:
    [instance] = FakeHost().having(API, user="other").systemd().look().instances

    assert instance.definition == ""


def test_only_the_slots_own_units_are_looked_at() -> None:
    host = FakeHost().having(API).having(API, slot="green").having(WORKER).having(WORKER, slot=None)
    host.having(Definition("api", "/a", "/"), application="shop-two", slot="blue")
    host.content[f"{UNITS}/shop-link@blue.service"] = host.content[f"{UNITS}/shop-api@blue.service"]
    host.content[f"{UNITS}/shop-other.service"] = "[Service]\n"
    host.content[f"{UNITS}/shop-api@blue.service.orig"] = host.content[f"{UNITS}/shop-api@blue.service"]

    assert [one.name for one in host.systemd().look().instances] == ["shop-api", "worker"]
    assert [one.name for one in host.systemd("green").look().instances] == ["shop-api"]
    assert [one.name for one in host.systemd(None).look().instances] == ["worker"]
    assert host.systemd("red").look().remembered == []
    assert host.systemd().look().remembered == ["shop-api", "worker"]
    assert host.systemd().kept() == {"shop-api": API, "worker": WORKER}
    assert host.log == []


@pytest.mark.parametrize(
    ("blue", "green", "expected"),
    [
        ("enabled", "disabled", True),
        ("disabled", "disabled", False),
        ("enabled", "enabled", False),
        # It would be forgotten.
        ("enabled-runtime", "disabled", False),
        ("disabled", "enabled", False),
    ],
)
def test_slot_is_saved_if_it_alone_is_enabled(blue: str, green: str, expected: bool) -> None:
    host = FakeHost().having(API, {**RUNS, "UnitFileState": blue})
    host.having(API, {**RUNS, "UnitFileState": green}, slot="green")

    assert host.systemd().look().is_saved is expected


def test_save_enables_what_runs_alone() -> None:
    host = FakeHost().having(API).having(WORKER, {**RUNS, "ActiveState": "inactive", "UnitFileState": "enabled"})
    host.having(API, {**RUNS, "UnitFileState": "enabled"}, slot="green")

    host.systemd().save()

    assert host.log == [
        "systemctl disable --quiet -- shop-api@green.service shop-worker@blue.service",
        "systemctl enable --quiet -- shop-api@blue.service",
    ]


def test_save_is_not_believed() -> None:
    host = FakeHost(answers={"systemctl enable": (0, "")}).having(API)

    with pytest.raises(CommandError, match=r"does not have exactly shop-api@blue\.service enabled"):
        host.systemd().save()


def test_start_writes_units_and_reads_them_anew() -> None:
    host = FakeHost(shown={"shop-api@blue.service": RUNS, "shop-worker@blue.service": RUNS})

    start(host, API, WORKER)

    assert host.log == [
        f"write {UNITS}/shop-api@blue.service",
        f"write {UNITS}/shop-worker@blue.service",
        "systemctl daemon-reload --quiet --",
        "systemctl restart --quiet -- shop-api@blue.service shop-worker@blue.service",
    ]
    slot = Slot("shop", "blue")
    expected = write_unit(API, slot, release="/srv/r2", digest="d2", user="app", is_candidate=False)
    assert host.content[f"{UNITS}/shop-api@blue.service"] == expected


@pytest.mark.parametrize(
    ("present", "mode", "is_written"),
    [(None, 0o644, True), ("old", 0o644, True), (LOADER, 0o600, True), (LOADER, 0o644, False)],
)
def test_loader_is_there_before_who_needs_it(present: str | None, mode: int, is_written: bool) -> None:
    host = FakeHost(shown={"shop-api@blue.service": RUNS}, mode=mode)
    if present:
        host.content[LOADER_PATH] = present

    start(host, replace(API, environment_file="/srv/.env"))

    assert (f"write {LOADER_PATH}" in host.log[:2]) is is_written
    assert host.log[0] == "prepare /usr/local/lib/shipshape 755"
    assert host.content[LOADER_PATH] == LOADER


@pytest.mark.parametrize(("invocation", "is_raised"), [("i1", False), ("", True)])
def test_only_what_systemd_does_not_even_try_is_its_failure(invocation: str, is_raised: bool) -> None:
    host = FakeHost(answers={"systemctl restart": (1, "")})
    host.shown["shop-api@blue.service"] = {**ENDED, "InvocationID": invocation}

    if is_raised:
        with pytest.raises(CommandError, match="systemctl ended with exit code 1: it failed"):
            start(host, API)
    else:
        start(host, API)


def test_promotion_changes_the_unit_and_starts_nothing() -> None:
    host = FakeHost().having(API, is_candidate=True)
    before = host.content[f"{UNITS}/shop-api@blue.service"]

    host.systemd().promote(["shop-api", "worker"])

    assert host.content[f"{UNITS}/shop-api@blue.service"] == promoted(before) != before
    assert host.log == [f"write {UNITS}/shop-api@blue.service", "systemctl daemon-reload --quiet --"]


def test_stop_goes_in_order_and_leaves_nothing() -> None:
    host = FakeHost(answers={"systemctl reset-failed": (1, "")}).having(API).having(WORKER)

    host.systemd().stop(["worker", "shop-api"])

    assert host.log == [
        "systemctl stop --quiet -- shop-worker@blue.service",
        "systemctl reset-failed -- shop-worker@blue.service",
        "systemctl stop --quiet -- shop-api@blue.service",
        "systemctl reset-failed -- shop-api@blue.service",
        f"remove {UNITS}/shop-worker@blue.service",
        f"remove {UNITS}/shop-api@blue.service",
        "systemctl daemon-reload --quiet --",
    ]


def test_what_was_saved_stays_as_it_was() -> None:
    host = FakeHost().having(API, {**RUNS, "UnitFileState": "enabled"})
    path, saved = f"{UNITS}/shop-api@blue.service", host.content[f"{UNITS}/shop-api@blue.service"]

    host.systemd().stop(["shop-api"])
    assert host.content[path] == saved

    systemd = start(host, API)
    systemd.start([API], release="/srv/r3", digests={"shop-api": "d3"}, is_candidate=False, stable=5)
    assert host.content[path] != saved
    systemd.stop(["shop-api"])
    assert host.content[path] == saved


def test_what_is_forgotten_is_gone() -> None:
    host = FakeHost().having(API).having(WORKER).having(API, slot="green")

    host.systemd().forget(["shop-api", "unknown"])

    assert host.log == [
        "systemctl disable --quiet -- shop-api@blue.service",
        f"remove {UNITS}/shop-api@blue.service",
        "systemctl daemon-reload --quiet --",
    ]
    host.log.clear()
    host.systemd().forget(["unknown"])
    assert host.log == []


def test_failure_of_systemd_is_told() -> None:
    host = FakeHost(answers={"systemctl stop": (1, "")})

    with pytest.raises(CommandError, match=r"systemctl stop shop-api@blue\.service failed: .* it failed"):
        host.systemd().stop(["shop-api"])


@pytest.mark.parametrize("root", ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"])
def test_members_are_what_is_in_the_control_group(root: str) -> None:
    host = FakeHost(parents={7: 1, 8: 7, 9: 1, 10: 1}).having(API, {**RUNS, "ControlGroup": "/s/shop-api"})
    host.having(WORKER, {**ENDED, "ControlGroup": ""}).having(API, {**RUNS, "ControlGroup": "/s/green"}, slot="green")
    # The last has ended meanwhile.
    host.content[f"{root}/s/shop-api/cgroup.procs"] = "8\n7\n9\n11\n"
    host.content[f"{root}/s/green/cgroup.procs"] = "10\n"

    members = host.systemd().members()

    # What has lost its parent belongs to the first of them.
    assert {name: [(one.pid, one.parent) for one in found] for name, found in members.items()} == {
        "shop-api": [(7, 1), (8, 7), (9, 7)],
        "worker": [],
    }


def test_members_of_whom_the_first_has_ended_stay_as_they_are() -> None:
    host = FakeHost(parents={9: 1}).having(API, {**ENDED, "ControlGroup": "/s/shop-api"})
    host.content["/sys/fs/cgroup/s/shop-api/cgroup.procs"] = "9\n"

    assert [one.parent for one in host.systemd().members()["shop-api"]] == [1]


@pytest.mark.parametrize(
    ("path", "is_there", "expected"),
    [
        ("", False, None),
        ("/lib/systemd/system/shop-api@.service", True, "The unit shop-api@blue.service (/lib/systemd/system/"),
        (f"{UNITS}/shop-api@blue.service", True, f"The unit shop-api@blue.service ({UNITS}/"),
        # It was removed by hand.
        (f"{UNITS}/shop-api@blue.service", False, None),
    ],
)
def test_unit_of_somebody_else_is_named(path: str, is_there: bool, expected: str | None) -> None:
    host = FakeHost(answers={"systemctl show --property=FragmentPath": (0, f"{path}\n")})
    if is_there:
        host.content[path] = "[Service]\n"

    named = host.systemd().foreign("shop-api")

    assert (named or "").startswith(expected) if expected else named is None


def test_own_unit_is_nobody_elses() -> None:
    host = FakeHost().having(API)

    assert host.systemd().foreign("shop-api") is None
    assert host.log == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0::/system.slice/nginx.service\n", "nginx.service"),
        ("9:cpu:/\n1:name=systemd:/docker/1/system.slice/system-a.slice/a@b.service\n0::/x\n", "a@b.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"),
        ("0::/\n", None),
        (None, None),
    ],
)
def test_process_is_called_as_its_unit(text: str | None, expected: str | None) -> None:
    host = FakeHost(content={} if text is None else {"/proc/7/cgroup": text})

    assert host.systemd().called(7) == expected


def test_last_words_are_those_in_the_log_since_the_start() -> None:
    host = FakeHost(content={"/l/error": "old\n"}, shown={"shop-api@blue.service": ENDED})
    systemd = start(host, API)
    host.content["/l/error"] += "".join(f"{number}\n" for number in range(50))

    assert list(systemd.last_words("shop-api")) == [str(number) for number in range(10, 50)]
    assert systemd.log("shop-api") == "/l/error"


@pytest.mark.parametrize(("own", "expected"), [("a\nb\n", ["a", "b"]), ("", ["oom"])])
@pytest.mark.parametrize("definition", [API, replace(API, error_log=None)])
def test_last_words_are_those_in_the_journal(own: str, expected: list[str], definition: Definition) -> None:
    journal = "journalctl --quiet --no-pager --output=cat --lines=40 "
    answers = {
        f"{journal}_SYSTEMD_INVOCATION_ID=i1": (0, own),
        f"{journal}--priority=warning INVOCATION_ID=i1": (0, "oom\n"),
    }
    host = FakeHost(shown={"shop-api@blue.service": ENDED}, answers=answers)
    # The log has nothing new.
    host.content["/l/error"] = "old\n"
    systemd = start(host, definition)

    assert systemd.last_words("shop-api") == expected
    assert systemd.log("shop-api") == (definition.error_log or "journalctl --unit=shop-api@blue.service")


def test_log_that_is_not_there_is_no_failure() -> None:
    host = FakeHost(shown={"shop-api@blue.service": ENDED})

    assert start(host, API).last_words("shop-api") == []


def test_all_that_systemd_cannot_do_here_is_told() -> None:
    host = FakeHost(directories=(), answers={"id --user -- app": (1, "")})
    other = replace(API, name="api", instances=2)

    assert list(host.systemd().problems([API, other])) == [
        "systemd does not run here: take pm2.",
        "There is no user app here: create it, or correct user.",
        "api: systemd runs one process of each, no cluster. Leave mode and instances out, or take pm2.",
        "shop-api and api would both be shop-api@blue.service: rename one.",
    ]
    assert list(FakeHost().systemd().problems([API, WORKER])) == []


def test_programs_run_as_the_user() -> None:
    words = FakeHost().systemd().clean()

    assert words[0] == "systemd-run"
    assert "--uid=app" in words
    assert words[-1] == "--"
