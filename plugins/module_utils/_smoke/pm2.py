# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of processes that PM2 keeps running. This module is private to the collection.

What PM2 tells of a process holds its whole environment, with every secret in it. Nothing of it goes further than to
`instances`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, words_of_failure
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

# How to ask PM2, which checks of logs do as well.
PM2_OPTIONS: Mapping[str, Option] = {"home": Option(), "program": Option(default="pm2")}

_ONLINE = "online"
_MB = 2**20

# Where PM2 keeps its files, by its own rule.
_WHICH_HOME = ("sh", "-c", 'printf %s "${PM2_HOME:-$HOME/.pm2}"')


@dataclass(frozen=True)
class Instance:
    """What may be known of a process."""

    number: int
    status: str
    restarts: int
    memory: int
    # In seconds since 1970.
    started: float
    logs: tuple[str, ...]


class Pm2:
    """Asks the daemon that is there, and never starts one."""

    name = "pm2"
    options: Mapping[str, Option] = {"name": Option(is_required=True), **PM2_OPTIONS}
    shorthand = "name"
    is_each = False
    observes: Sequence[str] = ("instances", "online", "status", "restarts", "new_restarts", "memory_mb", "uptime_s")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with how PM2 is asked."""
        return pm2_problems(options)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That there are instances, all of them online, and that none has started anew since the suite began."""
        return {"instances": {"ge": 1}, "status": {"all": _ONLINE}, "new_restarts": 0}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> Mapping[int, int]:
        """How often each instance had started anew by then."""
        found, _known = instances(options["name"], options, setting, world)
        return {one.number: one.restarts for one in found}

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """How the instances are, of which an unknown application has none."""
        name = options["name"]
        found, known = instances(name, options, setting, world)
        if not found:
            values = {"instances": 0, "online": 0, "status": []}
            return Observed({**dict.fromkeys(self.observes), **values}, unknown_application(name, known))
        if mark is None:
            raise Unobserved(f"How often {name} had been restarted when the suite began is not known: run it again.")
        status = [one.status for one in found]
        are_all_online = set(status) == {_ONLINE}
        new_restarts = sum(_new_restarts(one, mark) for one in found)
        values = {
            "instances": len(found),
            "online": status.count(_ONLINE),
            "status": status,
            "restarts": sum(one.restarts for one in found),
            "new_restarts": new_restarts,
            # A process that does not run needs no memory, which would look like a good sign.
            "memory_mb": round(max(one.memory for one in found) / _MB, 1) if are_all_online else None,
            "uptime_s": _uptime(found, world) if are_all_online else None,
        }
        return Observed(values, f"{name} is {', '.join(status)}; restarts since the suite began: {new_restarts}")


def pm2_problems(options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the options by which PM2 is asked."""
    home = options["home"]
    if home is not None and not home.startswith("/"):
        yield "home: give an absolute path, such as /home/app/.pm2."


def instances(
    name: str, options: Mapping[str, Any], setting: Setting, world: World
) -> tuple[list[Instance], Sequence[str]]:
    """The instances of an application, or of all in a namespace of that name, as PM2 chooses; and all names."""
    listed = _listed(options, setting, world)
    named = [one for one in listed if str(one["name"]) == name]
    chosen = named or [one for one in listed if one["pm2_env"].get("namespace") == name]
    return [_instance(one) for one in chosen], sorted({str(one["name"]) for one in listed})


def unknown_application(name: str, known: Sequence[str]) -> str:
    """The sentence for a name that PM2 does not know."""
    return f"PM2 has no {name}. {did_you_mean(name, known) if known else 'It runs nothing.'}"


def _listed(options: Mapping[str, Any], setting: Setting, world: World) -> list[dict[str, Any]]:
    home = options["home"] or world.commands.run(_WHICH_HOME, timeout=setting.timeout).stdout
    if not _is_running(home, world):
        raise Unobserved(
            f"No PM2 daemon runs for {home}: start the application, run as its user with become, or give home."
        )
    try:
        ended = world.commands.run(
            [options["program"], "jlist", "--silent"], env={"PM2_HOME": home}, timeout=setting.timeout
        )
    except CommandError as error:
        raise Unobserved(f"PM2 could not be asked. {error.message} Its path can be given in program.") from None
    if ended.code:
        raise Unobserved(f"PM2 could not be asked: {words_of_failure(ended.stderr)}")
    try:
        # Before it come banners, and what it says of an update.
        listed = json.loads(ended.stdout.strip().rpartition("\n")[2])
    except ValueError:
        listed = None
    if not isinstance(listed, list):
        raise Unobserved(f"PM2 in {home} did not answer as it should: look what {options['program']} jlist says.")
    return listed


def _is_running(home: str, world: World) -> bool:
    """Whether there is a daemon: asking for one that is not there would start it."""
    socket, number = world.paths.facts(f"{home}/rpc.sock"), world.files.read(f"{home}/pm2.pid")
    if socket is None or number is None:
        return False
    # A daemon that was killed leaves both behind, and its number can be another process's by now.
    process = world.files.read(f"/proc/{number.content.decode('ascii', 'replace').strip()}/cmdline")
    return process is not None and b"PM2" in process.content


def _instance(told: Mapping[str, Any]) -> Instance:
    settings = told["pm2_env"]
    return Instance(
        number=told["pm_id"],
        status=settings["status"],
        restarts=settings.get("restart_time") or 0,
        memory=(told.get("monit") or {}).get("memory") or 0,
        started=(settings.get("pm_uptime") or 0) / 1000,
        logs=tuple(filter(None, (settings.get("pm_out_log_path"), settings.get("pm_err_log_path")))),
    )


def _new_restarts(instance: Instance, mark: Mapping[int, int]) -> int:
    """An instance that is new, or whose number was set back, has all of them since then."""
    before = mark.get(instance.number, 0)
    return instance.restarts - before if instance.restarts >= before else instance.restarts


def _uptime(found: Sequence[Instance], world: World) -> float:
    return round(world.now().timestamp() - max(one.started for one in found), 3)
