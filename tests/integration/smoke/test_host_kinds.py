# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of what is on a host, against a real PM2."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.machine import Host
from tests.integration.node import packages

HERE = Path(__file__).resolve().parent
ROOT = f"{inside.PACKAGES}/ansible_collections/shipshape/webapp"
PM2 = f"{ROOT}/.cache/pm2/node_modules/.bin/pm2"

USER, HOME = "app", "/home/app"
CANARY = "canary-of-an-environment"

APPS = {
    "server.js": 'require("http").createServer((q, s) => s.end()).listen(0); console.log("Server started");',
    "crash.js": 'setTimeout(() => { console.error("FATAL no disk"); process.exit(1); }, 200);',
    "talker.js": 'let n = 0; setInterval(() => console.log("tick", n++), 20);',
}

# What is done inside of the host: one check for each argument, with the mark of the first, or of what was said before.
LOOK = """
import importlib, json, sys
from concurrent.futures import ThreadPoolExecutor
sys.path.append(ROOT)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Setting
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Position
from tests.unit.smoke.on_host import WORLD, given, observed

module = importlib.import_module(
    f"ansible_collections.shipshape.webapp.plugins.module_utils._smoke.{SPEC['kind']}")
kind = getattr(module, SPEC["kind"].capitalize())()
database = parse_address(SPEC["url"], SPEC["password"]) if SPEC["url"] else None
setting = Setting(database=database, timeout=SPEC["timeout"])

def unpacked(mark):
    if SPEC["kind"] == "log":
        return {path: Position(**place) for path, place in mark.items()}
    return {int(number): count for number, count in mark.items()}

def packed(mark):
    return {key: getattr(value, "__dict__", value) for key, value in mark.items()} if mark else mark

def looked(argument):
    try:
        options = given(kind, argument)
        mark = kind.mark(options, setting, WORLD) if SPEC["mark"] is None else unpacked(SPEC["mark"])
        seen = observed(kind, argument, setting=setting, mark=mark)
        return {**seen.values, "told": seen.told, "mark": packed(mark)}
    except ShipshapeError as error:
        return {"error": error.message, "details": str(error.details)}

with ThreadPoolExecutor(SPEC["threads"]) as pool:
    print(json.dumps(list(pool.map(looked, SPEC["arguments"]))))
"""


def looks(
    host: Host,
    kind: str,
    *arguments: object,
    user: str = "root",
    mark: object = None,
    url: str | None = None,
    password: str | None = None,
    # A busy machine starts Node slowly.
    timeout: float = 60,
    threads: int = 1,
) -> list[dict[str, Any]]:
    """What each of these checks sees on the host."""
    reached = {"url": url, "password": password, "timeout": timeout, "threads": threads}
    spec = json.dumps({"kind": kind, "arguments": arguments, "mark": mark, **reached})
    head = f"import json\nROOT = {ROOT!r}\nSPEC = json.loads({spec!r})\n"
    found: list[dict[str, Any]] = json.loads(inside.python(host, head + LOOK, user=user))
    return found


def until(is_so: Callable[[dict[str, Any]], bool], look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is seen once this is so, or at last."""
    deadline = time.monotonic() + 60
    seen = look()
    while not is_so(seen) and time.monotonic() < deadline:
        time.sleep(0.1)
        seen = look()
    return seen


@dataclass(frozen=True)
class Daemon:
    """PM2 as the user of an application runs it."""

    host: Host

    def run(self, *words: str) -> str:
        """What PM2 says."""
        settings = (f"HOME={HOME}", f"KEY={CANARY}")
        return self.host.run("runuser", "-u", USER, "--", "env", *settings, PM2, *words).decode()

    def sees(self, *, kind: str = "pm2", user: str = USER, mark: object = None, **options: Any) -> dict[str, Any]:
        """What a check sees."""
        told = {"program": PM2, "home": f"{HOME}/.pm2", **options}
        [seen] = looks(self.host, kind, told, user=user, mark=mark)
        assert CANARY not in json.dumps(seen)
        return seen

    def files(self) -> str:
        """All that is in PM2's directory, and whose it is."""
        return self.host.run("find", f"{HOME}/.pm2", "-printf", "%u %p\n").decode()

    def daemons(self) -> int:
        """How many there are on the host."""
        listed = self.host.run("ps", "-eo", "args").decode()
        return sum("God Daemon" in line for line in listed.splitlines())


@pytest.fixture(scope="module")
def daemon(smoke_host: Host) -> Iterator[Daemon]:
    """Two instances in a cluster, one process beside them, and one that cannot stay up."""
    with packages("pm2", HERE / "pm2"):
        pass
    smoke_host.run("useradd", "--create-home", USER)
    for name, text in APPS.items():
        smoke_host.run("sh", "-c", 'printf %s "$2" >"$1"', "sh", f"{HOME}/{name}", text)
    daemon = Daemon(smoke_host)
    daemon.run("start", f"{HOME}/server.js", "--name", "web", "--instances", "2")
    daemon.run("start", f"{HOME}/talker.js", "--name", "talker", "--namespace", "back")
    yield daemon
    daemon.run("kill")
    smoke_host.run("userdel", "--remove", USER)


def test_cluster_and_fork_are_observed(daemon: Daemon) -> None:
    web = until(lambda seen: seen["online"] == 2 and seen["memory_mb"] > 0, lambda: daemon.sees(name="web"))
    talker = daemon.sees(name="back")

    assert (web["instances"], web["status"], web["new_restarts"]) == (2, ["online", "online"], 0)
    assert 10 < web["memory_mb"] < 500
    assert 0 < web["uptime_s"] < 600
    assert web["told"] == "web is online, online; restarts since the suite began: 0"
    assert (talker["instances"], talker["status"]) == (1, ["online"])
    assert daemon.sees(name="wep")["told"] == "PM2 has no wep. Did you mean web?"


def test_root_may_ask_and_leaves_nothing_behind(daemon: Daemon) -> None:
    seen = daemon.sees(name="web", user="root")

    assert seen["instances"] == 2
    assert {line.split()[0] for line in daemon.files().splitlines()} == {USER}
    assert daemon.daemons() == 1


def test_crash_loop_that_began_before_is_observed(daemon: Daemon) -> None:
    daemon.run("start", f"{HOME}/crash.js", "--name", "crash", "--restart-delay", "100")
    try:
        begun = until(lambda seen: seen["restarts"] >= 1, lambda: daemon.sees(name="crash"))

        later = until(lambda seen: seen["new_restarts"] >= 2, lambda: daemon.sees(name="crash", mark=begun["mark"]))

        assert begun["restarts"] >= 1
        assert later["new_restarts"] >= 2
        assert later["told"].endswith(f"; restarts since the suite began: {later['new_restarts']}")
        errors = daemon.sees(kind="log", pm2="crash", forbid=["FATAL"])
        assert errors["files"] == 2
        assert errors["forbidden"] >= 2
        assert errors["examples"][0] == "FATAL no disk"
    finally:
        daemon.run("delete", "crash")


def test_stopped_application_is_observed(daemon: Daemon) -> None:
    daemon.run("stop", "talker")
    try:
        seen = daemon.sees(name="talker")
    finally:
        daemon.run("start", "talker")

    assert (seen["instances"], seen["online"], seen["status"]) == (1, 0, ["stopped"])
    assert (seen["memory_mb"], seen["uptime_s"]) == (None, None)


def test_log_that_is_rotated_while_it_is_written_loses_nothing(daemon: Daemon) -> None:
    """Every line that PM2 has written is counted, whatever was done to the log meanwhile."""
    log = f"{HOME}/.pm2/logs/talker-out.log"
    wanted = {"path": log, "since": "now", "count": ["tick"]}

    def written() -> int:
        return int(daemon.host.run("sh", "-c", 'cat "$1"* | grep -c tick', "sh", log))

    earliest = written()
    [begun] = looks(daemon.host, "log", wanted)
    latest = written()

    def told() -> dict[str, Any]:
        [seen] = looks(daemon.host, "log", wanted, mark=begun["mark"])
        assert seen["files"] == 1
        return seen

    def count() -> int:
        found: int = told()["counts"]["tick"]
        return found

    assert until(lambda seen: seen["counts"]["tick"] > 0, told)["counts"]["tick"] > 0
    daemon.host.run("mv", log, f"{log}.1")
    before = count()
    daemon.run("reloadLogs")
    daemon.host.run("sh", "-c", 'tail -f -n +1 "$1" | grep -q -m 5 tick', "sh", log)

    at_least = written() - latest
    counted = count()
    assert max(at_least, before + 5) <= counted <= written() - earliest


def test_no_daemon_is_started(daemon: Daemon) -> None:
    advice = "start the application, run as its user with become, or give home."

    [nobody] = looks(daemon.host, "pm2", {"name": "web", "program": PM2}, user="root")
    assert nobody["error"] == f"No PM2 daemon runs for /root/.pm2: {advice}"

    try:
        daemon.host.run("sh", "-c", f"kill -KILL $(cat {HOME}/.pm2/pm2.pid)")
        seen = until(lambda seen: "error" in seen, lambda: daemon.sees(name="web"))
        assert seen["error"] == f"No PM2 daemon runs for {HOME}/.pm2: {advice}"
        assert daemon.daemons() == 0
    finally:
        daemon.run("start", f"{HOME}/server.js", "--name", "web", "--instances", "2")
        daemon.run("start", f"{HOME}/talker.js", "--name", "talker", "--namespace", "back")


def test_rights_of_the_user_are_tested(daemon: Daemon) -> None:
    [theirs, roots] = looks(
        daemon.host, "file", {"path": f"{HOME}/.pm2", "by": USER}, {"path": "/etc/passwd", "by": USER}
    )
    [refused] = looks(daemon.host, "file", {"path": "/etc/passwd", "by": "root"}, user=USER)

    assert (theirs["type"], theirs["writable"], roots["writable"]) == ("dir", True, False)
    assert refused["error"] == (
        "Whether root may write /etc/passwd could not be tested, which only root can do: "
        "runuser: may not be used by non-root users."
    )


def test_command_is_run(smoke_host: Host) -> None:
    [seen, refused] = looks(smoke_host, "command", "df --output=pcent /", "no-such-program --token canary")

    assert (seen["rc"], seen["stdout"].splitlines()[0]) == (0, "Use%")
    assert refused["error"] == (
        "no-such-program, or the interpreter that its first line names, is not installed on this host."
    )
    assert refused["details"] == "{}"
