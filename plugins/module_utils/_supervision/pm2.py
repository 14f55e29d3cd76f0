# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""PM2 as a supervisor. This module is private to the collection.

Every command of PM2 starts a daemon where none runs, so that it is asked only where one is known to run, or to start
something.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError, words_of_failure
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision import pm2_files
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import LOADER, LOADER_NAME
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Instance,
    Slot,
    Standing,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Completed, Position, Process

_PRIVATE = Access(mode=0o600)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What PM2's daemon calls itself, which tells its version and its home.
_DAEMON = re.compile(r"PM2 v(\S+): God Daemon \((.*)\)")

# The user's line in the list of users, and where the program is.
_WHO = ("sh", "-c", 'getent passwd "$(id -u)"; command -v "$0"')
# The program's files are of one user alone, as are those of its daemon.
_RUN = ("sh", "-c", 'umask 077; exec "$0" "$@"')

_LAUNCHING = "launching"

# How long PM2 may take for what it does at once, in seconds, and how long it takes to start at most.
_ANSWER = 30.0
_START = 5.0
# How much longer PM2 waits than we do, so that it never takes a process for ready that has not said so.
_MARGIN = 10.0
_PAUSE = 0.1
# By how much the delay may have grown with which PM2 starts a process again, until it is stopped; up to the longest.
_GROWTH = 1.5**4
_LONGEST_DELAY = 15.0
_TIMES = 10
# For how many times as long as PM2 took to stop it something may be on its way that was begun before.
_SLOWNESS = 3
# How long ago PM2 has started a process again that may well end as the one before did, in seconds.
_YOUNG = 30.0

# Of these, many only say in which function a program was.
_LAST_LINES = 40

# These keys of PM2's record would be overwritten by variables of the same name.
_RECORD = frozenset(
    {
        *("args", "autorestart", "created_at", "cwd", "env", "exec_interpreter", "exec_mode", "exit_code", "instances"),
        *("kill_timeout", "listen_timeout", "max_restarts", "merge_logs", "min_uptime", "name", "namespace"),
        *("node_args", "node_version", "pm_cwd", "pm_err_log_path", "pm_exec_path", "pm_id", "pm_out_log_path"),
        *("pm_pid_path", "pm_uptime", "restart_time", "status", "treekill", "unique_id", "unstable_restarts"),
        *("username", "version", "versioning", "wait_ready", "watch", "windowsHide"),
    }
)


@dataclass(frozen=True)
class Who:
    """The user who runs this, and where PM2 is."""

    user: str
    home: str
    program: str


def problems_of(definition: Definition, slot: Slot) -> Iterator[str]:
    """What PM2 would take for something else, or not do, on whatever host."""
    name = _full_name(definition.name, slot)
    if name == "all" or name.isdigit():
        yield "PM2 would take this name for something else."
    for variable in sorted(_RECORD.intersection(definition.environment)):
        yield f"environment: PM2 would take {variable} for a setting of its own."
    if definition.is_cluster and definition.node != "node":
        yield "in mode: cluster the Node of PM2's daemon runs, so leave out node."


def _full_name(name: str, slot: Slot) -> str:
    return f"{name}-{slot.name}" if slot.name else name


class Pm2:
    """The processes of one slot in the daemon of this user."""

    name = "pm2"

    def __init__(self, slot: Slot, *, home: str | None, program: str, host: Host) -> None:
        self._slot = slot
        self._host = host
        self._who = _who(program, host)
        self._home = home or f"{self._who.home}/.pm2"
        self._records: list[dict[str, Any]] = []
        self._ends: dict[str, Position | None] = {}
        self.lock = self._home

    def full_name(self, name: str) -> str:
        """The name with the slot behind it."""
        return _full_name(name, self._slot)

    def clean(self) -> Sequence[str]:
        """With nothing in the environment but what PM2 needs."""
        directory = posixpath.dirname(self._who.program)
        path = _PATH if directory in _PATH.split(":") else f"{directory}:{_PATH}"
        settings = {"HOME": self._who.home, "PM2_HOME": self._home, "PATH": path, "LANG": "C.UTF-8"}
        return ["env", "-i", *(f"{name}={value}" for name, value in settings.items())]

    def problems(self, definitions: Sequence[Definition]) -> Iterator[str]:
        """What PM2 would take for something else, or not do."""
        unit = f"/etc/systemd/system/pm2-{self._who.user}.service"
        if definitions and self._daemon() is None and self._host.paths.facts(unit):
            yield (
                f"PM2 does not run, and a daemon started from here would not be the one of its unit: "
                f"systemctl start pm2-{self._who.user}."
            )
        for definition in definitions:
            yield from (f"{definition.name}: {problem}" for problem in problems_of(definition, self._slot))

    def look(self) -> Standing:
        """What the daemon lists, if there is one."""
        self._refuse_another_user()
        daemon = self._daemon()
        self._records = self._list() if daemon else []
        dump = self._dump()
        remembered = {*self.kept(), *pm2_files.names_in(dump or (), *self._mark())}
        return Standing(
            [_instance(record, name) for record, name in self._own()],
            is_saved=dump is not None and self._is_saved(dump),
            remembered=sorted(remembered),
            warnings=[*self._skew(daemon[1])] if daemon else [],
        )

    def parent(self) -> int:
        """The daemon."""
        daemon = self._daemon()
        return daemon[0].pid if daemon else 0

    def kept(self) -> Mapping[str, Definition]:
        """As the file says from which they were started."""
        return self._file()[1]

    def called(self, pid: int) -> str | None:
        """As the daemon listed it last; it listens itself for processes in a cluster."""
        if pid == self.parent():
            return "God Daemon, for a process in mode: cluster"
        return next((str(record.get("name")) for record in self._records if record.get("pid") == pid), None)

    def foreign(self, name: str) -> str | None:
        """A process of that name which is not of this slot."""
        full_name = self.full_name(name)
        for record in self._records:
            if record.get("name") == full_name and pm2_files.application_of(record) != (*self._mark(), name):
                return f"PM2 has another process with the name {full_name}, stop it first (pm2 delete {full_name})"
        return None

    def start(
        self,
        definitions: Sequence[Definition],
        *,
        release: str,
        digests: Mapping[str, str],
        is_candidate: bool,
        stable: float,
    ) -> Sequence[str]:
        """Have PM2 read a file with all processes of the slot and start these."""
        self._prepare()
        waits = [one for one in definitions if one.waits_for_ready]
        patience = (_START if waits else _ANSWER) + sum(one.listen_timeout * one.instances for one in waits)
        longest = max(one.listen_timeout for one in definitions)
        until = None if is_candidate else self._host.now() + patience + longest + stable
        application, slot = self._mark()
        apps = [
            pm2_files.app(
                one,
                full_name=self.full_name(one.name),
                markers={
                    pm2_files.PROCESS: f"{application}/{slot}/{one.name}",
                    pm2_files.RELEASE: release,
                    pm2_files.DEFINITION: digests[one.name],
                },
                until=until,
                preloads=list(self._preloads(one)),
                patience=patience + _MARGIN,
            )
            for one in definitions
        ]
        names = {one.name for one in definitions}
        former, kept = self._file()
        stay = [one for one in former if one["namespace"] not in names]
        self._write([*stay, *apps], {**kept, **{one.name: one for one in definitions}})
        for name in names:
            self._ends.update({path: self._host.paths.end(path) for path in self._logs(name)})
        only = ",".join(map(self.full_name, sorted(names)))
        begun = self._host.clock()
        try:
            self._pm2("start", self._file_name(), "--only", only, timeout=patience)
        except CommandError:
            if not waits or self._host.clock() - begun < patience:
                raise
            self._records = self._list()
            return [name for record, name in self._own() if name in names and record["pm2_env"]["status"] == _LAUNCHING]
        return []

    def promote(self, names: Sequence[str]) -> None:
        """Reset them, which has PM2 restart them from now on."""
        self._each([("reset", self.full_name(name)) for name in names], _ANSWER)
        apps, kept = self._file()
        self._write(pm2_files.promoted(apps, names, self._host.now()), kept)

    def stop(self, names: Sequence[str]) -> None:
        """Delete them, and see that none comes again that was not ready yet."""
        for _time in range(_TIMES):
            now = self._host.now()
            trap = [record for record, name in self._own() if name in names and _is_trap(record, now)]
            begun = self._host.clock()
            self._end(self._numbers(names), self._kill_timeout(names), is_trap=bool(trap))
            if not trap:
                break
            # PM2 is as slow to start what was on its way as it is to answer.
            is_quiet = self._is_quiet(names, _delay(trap) + _SLOWNESS * (self._host.clock() - begun))
            # One that ends at once can have been there between two looks.
            self._records = self._list()
            if is_quiet and not self._numbers(names):
                break
        else:
            raise CommandError(f"PM2 starts {', '.join(map(self.full_name, names))} again and again: look at pm2 list.")
        apps, kept = self._file()
        stay = {name: definition for name, definition in kept.items() if name not in names}
        self._write([one for one in apps if one["namespace"] in stay], stay)

    def forget(self, names: Sequence[str]) -> None:
        """Take them out of what PM2 starts with the host."""
        for path in (self._dump_path(), f"{self._dump_path()}.bak"):
            dump = self._dump(path)
            if dump is not None:
                self._write_dump(path, pm2_files.without(dump, *self._mark(), names))

    def save(self) -> None:
        """Have PM2 write its list, and leave in it what is to come back."""
        self._pm2("save")
        path = self._dump_path()
        self._write_dump(path, pm2_files.saved(self._dump() or (), *self._mark()))
        former = self._host.files.read(f"{path}.bak")
        if former:
            self._host.files.write(f"{path}.bak", former.content, _PRIVATE)
        # What was started in the meantime is not in the list that was read first.
        self._records = self._list()
        if not self._is_saved(self._dump() or ()):
            raise CommandError(f"pm2 save ended well, but {path} is not what runs: look at pm2 list.")

    def members(self) -> Mapping[str, Sequence[Process]]:
        """All that has the mark of this slot in its environment."""
        found: dict[str, list[Process]] = {}
        for process in self._host.processes.all():
            environment = self._host.processes.environment(process.pid) or ""
            # The same application may run elsewhere too: under systemd, or in the PM2 of another user.
            is_here = pm2_files.is_at_home(self._home, environment)
            name = pm2_files.mark_of(*self._mark(), environment) if is_here else None
            if name is not None:
                found.setdefault(name, []).append(process)
        return found

    def last_words(self, name: str) -> Sequence[str]:
        """The end of its error log, or of its other one, into which some write everything."""
        return self._lines(self.log(name))

    def log(self, name: str) -> str:
        """Where it was declared, or where PM2 puts it: of its two logs the first in which it has written anything."""
        logs = self._logs(name)
        return next(filter(self._lines, logs), logs[0])

    def _logs(self, name: str) -> Sequence[str]:
        definition = self.kept().get(name)
        declared = (definition.error_log, definition.out_log) if definition else (None, None)
        default = f"{self._home}/logs/{self.full_name(name)}"
        return [path or f"{default}-{kind}.log" for path, kind in zip(declared, ("error", "out"))]

    def _lines(self, path: str) -> Sequence[str]:
        if not self._host.paths.facts(path):
            return []
        return [line for line in self._host.paths.lines(path, self._ends.get(path)) if line.strip()][-_LAST_LINES:]

    def _mark(self) -> tuple[str, str]:
        return self._slot.application, self._slot.name or ""

    def _own(self) -> Iterator[tuple[dict[str, Any], str]]:
        """The records of this slot, with the names of their definitions."""
        for record in self._records:
            found = pm2_files.application_of(record)
            if found and found[:2] == self._mark():
                yield record, found[2]

    def _numbers(self, names: Sequence[str]) -> list[str]:
        """What PM2 calls them alone; a name could be a namespace as well."""
        return [str(record["pm_id"]) for name in names for record, own in self._own() if own == name]

    def _end(self, numbers: Sequence[str], timeout: float, *, is_trap: bool) -> None:
        """Have PM2 delete these."""
        if is_trap:
            # Deleted by itself such a process would be started once more, and not be known. Between both PM2 must not
            # have the time to start it again.
            self._each([(verb, number) for number in numbers for verb in ("stop", "delete")], timeout)
        elif numbers:
            self._pm2("delete", *numbers, timeout=timeout)

    def _each(self, commands: Sequence[tuple[str, str]], timeout: float) -> None:
        """Carry out commands one after the other: at once, unless only a program is known that calls PM2."""
        if self._package():
            words = [word for command in commands for word in command]
            directory = posixpath.dirname(self._package_path())
            self._run(["node", "-e", pm2_files.COMMANDS, directory, *words], commands[0][0], timeout)
        else:
            for command in commands:
                self._pm2(*command, timeout=timeout)

    def _is_quiet(self, names: Sequence[str], seconds: float) -> bool:
        """Whether nothing of these comes again within this time."""
        deadline = self._host.clock() + seconds
        while self._host.clock() < deadline:
            if any(name in names for name in self.members()):
                return False
            self._host.pause(_PAUSE)
        return True

    def _kill_timeout(self, names: Sequence[str]) -> float:
        """How long it may take to stop them, a few at a time as PM2 does it."""
        settings = [record["pm2_env"] for record, name in self._own() if name in names]
        return _ANSWER + sum(float(one.get("kill_timeout") or 0) for one in settings) / 1000

    def _daemon(self) -> tuple[Process, str] | None:
        """PM2's daemon of this home, and its version."""
        for process in self._host.processes.all():
            found = _DAEMON.fullmatch(process.title)
            if found and found[2] == self._home:
                return process, found[1]
        return None

    def _skew(self, version: str) -> Iterator[str]:
        """What to say of a daemon of another version, which is told to update by nobody on the way."""
        installed = self._package().get("version", version)
        if installed != version:
            yield (
                f"PM2 {installed} is installed, but its daemon is {version}: pm2 update, in a maintenance window, "
                "because it restarts all processes."
            )

    def _package_path(self) -> str:
        """Where PM2's program leads, in PM2's own package."""
        program = self._host.folders.real(self._who.program)
        return posixpath.normpath(posixpath.join(posixpath.dirname(program), "..", "package.json"))

    def _package(self) -> Mapping[str, Any]:
        """What PM2's package says of itself; nothing where the program is not in it."""
        file = self._host.files.read(self._package_path())
        try:
            told = json.loads(file.content) if file else {}
        except ValueError:
            return {}
        return told if isinstance(told, dict) and told.get("name") == "pm2" else {}

    def _refuse_another_user(self) -> None:
        facts = self._host.paths.facts(self._home)
        if facts and facts.owner != self._who.user:
            raise FileError(
                f"{self._home} belongs to {facts.owner}: run as that user with become_user, or give another home."
            )

    def _pm2(self, *words: str, timeout: float = _ANSWER) -> Completed:
        return self._run([self._who.program, *words, "--silent"], words[0], timeout)

    def _run(self, argv: Sequence[str], act: str, timeout: float) -> Completed:
        ended = self._host.commands.run([*_RUN, *self.clean(), *argv], timeout=timeout)
        if ended.code:
            said = words_of_failure(ended.stderr.strip() or ended.stdout)
            raise CommandError(f"pm2 {act} ended with exit code {ended.code}: {said}")
        return ended

    def _list(self) -> list[dict[str, Any]]:
        try:
            return list(pm2_files.records(self._pm2("jlist").stdout))
        except ValueError:
            raise CommandError(f"PM2 in {self._home} did not answer as it should: look what pm2 jlist says.") from None

    def _prepare(self) -> None:
        """Have the directories, and what Node is to read before a script."""
        facts = self._host.paths.facts(self._home)
        if facts and facts.mode != 0o700:
            self._host.commands.run(["chmod", "0700", self._home]).succeeded(f"To keep {self._home} private")
        self._host.folders.prepare(self._home)
        self._host.folders.prepare(self._path(""))
        for name, text in ((LOADER_NAME, LOADER), (pm2_files.WITNESS_NAME, pm2_files.WITNESS)):
            present = self._host.files.read(self._path(name))
            if present is None or present.content != text.encode():
                self._host.files.write(self._path(name), text.encode(), _PRIVATE)

    def _preloads(self, definition: Definition) -> Iterator[str]:
        """The files that Node is to read before the script."""
        if definition.is_cluster:
            yield self._path(pm2_files.WITNESS_NAME)
        if definition.environment_file:
            yield self._path(LOADER_NAME)

    def _path(self, name: str) -> str:
        return posixpath.join(self._home, "shipshape", name)

    def _file_name(self) -> str:
        return self._path(f"{self._slot.application}.{self._slot.name or '-'}.json")

    def _file(self) -> tuple[list[dict[str, Any]], dict[str, Definition]]:
        file = self._host.files.read(self._file_name())
        return pm2_files.read(file.content) if file else ([], {})

    def _write(self, apps: Sequence[Mapping[str, Any]], kept: Mapping[str, Definition]) -> None:
        if kept:
            self._host.files.write(self._file_name(), pm2_files.written(apps, kept.values()), _PRIVATE)
        else:
            self._host.folders.remove(self._file_name())

    def _dump_path(self) -> str:
        return f"{self._home}/dump.pm2"

    def _dump(self, path: str | None = None) -> list[dict[str, Any]] | None:
        """What PM2 starts with the host; None if nobody else can be kept from it, or it cannot be read."""
        file = self._host.files.read(path or self._dump_path())
        try:
            told = json.loads(file.content) if file else None
        except ValueError:
            return None
        return told if isinstance(told, list) else None

    def _write_dump(self, path: str, dump: Sequence[Mapping[str, Any]]) -> None:
        self._host.files.write(path, json.dumps(dump, indent=2).encode(), _PRIVATE)

    def _is_saved(self, dump: Sequence[Mapping[str, Any]]) -> bool:
        file = self._host.files.read(self._dump_path())
        own = [record for record, _name in self._own()]
        application = self._slot.application
        return (
            file is not None
            and file.access.mode == _PRIVATE.mode
            and not pm2_files.has_moments(dump, application)
            and pm2_files.parts_of(dump, application) == pm2_files.parts_of(own, application)
        )


def _who(program: str, host: Host) -> Who:
    ended = host.commands.run([*_WHO, program], env={"PATH": _PATH} if "/" not in program else None)
    line, _newline, path = ended.stdout.strip().partition("\n")
    fields = line.split(":")
    if len(fields) < 6:
        raise CommandError("This user is not in the list of users of this host (getent passwd): run as another.")
    if not path:
        raise CommandError(f"{program} is not installed on this host: install it with the role pm2, or give program.")
    return Who(fields[0], fields[5], path)


def _is_trap(record: Mapping[str, Any], now: float) -> bool:
    """Whether it is waited for, now or soon: PM2 takes the end of such a process for its being ready."""
    settings = record["pm2_env"]
    if settings.get("status") != "online":
        return settings.get("status") == _LAUNCHING or bool(settings.get("wait_ready"))
    # So it is online also for the moment in which it has ended already.
    age = now - float(settings.get("pm_uptime") or 0) / 1000
    has_just_come_again = bool(settings.get("restart_time")) and age < _YOUNG
    return bool(settings.get("wait_ready")) and has_just_come_again


def _delay(records: Sequence[Mapping[str, Any]]) -> float:
    """After how many seconds all of these would have come again."""
    delays = [float(record["pm2_env"].get("prev_restart_delay") or pm2_files.BACKOFF) for record in records]
    return min(max(delays) / 1000 * _GROWTH, _LONGEST_DELAY) + 1


def _instance(record: Mapping[str, Any], name: str) -> Instance:
    settings = record["pm2_env"]
    status = settings.get("status")
    return Instance(
        name=name,
        # Of one that waits to be started again PM2 still tells the number of the one that has ended.
        pid=int(record.get("pid") or 0) if status in ("online", _LAUNCHING, "stopping") else 0,
        definition=str(settings.get(pm2_files.DEFINITION) or ""),
        release=str(settings.get(pm2_files.RELEASE) or ""),
        is_candidate=pm2_files.is_candidate(record),
        restarts=int(settings.get("restart_time") or 0),
        exit_code=settings.get("exit_code"),
    )
