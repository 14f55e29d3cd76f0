# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""systemd as what keeps processes running. This module is private to the collection."""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.environment import LOADER
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.options import from_json
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.supervisor import (
    Definition,
    Instance,
    Slot,
    Standing,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._supervision.systemd_unit import (
    LOADER_PATH,
    Record,
    promoted,
    read_record,
    unit_name,
    unit_problems,
    write_unit,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Position, Process

UNITS = "/etc/systemd/system"

_READABLE = Access("root", "root", 0o644)

# Where cgroups are, of the second version or beside those of the first.
_CGROUPS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd")

_SHOWN = "ActiveState,ControlGroup,ExecMainCode,ExecMainStatus,InvocationID,MainPID,NRestarts,Restart,UnitFileState"

# What systemd calls the end by an exit code; any other is by a signal.
_EXITED = "1"

_LINES = 40

# Seconds for a program that only tells something.
_LONGEST_RUN = 60


@dataclass
class Systemd:
    """Keeps the processes of one slot as a unit each."""

    slot: Slot
    user: str
    host: Host
    name: str = "systemd"
    lock: str = UNITS
    # The units that have been replaced, and where the error logs ended before the processes were started.
    _former: dict[str, bytes] = field(default_factory=dict)
    _ends: dict[str, Position | None] = field(default_factory=dict)

    def problems(self, definitions: Sequence[Definition]) -> Iterator[str]:
        """What systemd cannot do, here or at all."""
        if self.host.paths.facts("/run/systemd/system") is None:
            yield "systemd does not run here: take pm2."
        if self.host.commands.run(["id", "--user", "--", self.user]).code != 0:
            yield f"There is no user {self.user} here: create it, or correct user."
        names: dict[str, str] = {}
        for definition in definitions:
            yield from unit_problems(definition)
            other = names.setdefault(self.full_name(definition.name), definition.name)
            if other != definition.name:
                yield f"{other} and {definition.name} would both be {self.full_name(other)}: rename one."

    def full_name(self, name: str) -> str:
        """The unit."""
        return unit_name(self.slot.application, self.slot.name, name)

    def clean(self) -> Sequence[str]:
        """As a unit of its own, which systemd itself ends if nobody waits for it any longer."""
        return (
            *("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--same-dir", f"--uid={self.user}"),
            *(f"--property=RuntimeMaxSec={_LONGEST_RUN}", "--"),
        )

    def look(self) -> Standing:
        """Ask for all units of the application at once."""
        records = self._records()
        shown = self._show(records)
        own = {unit: record for unit, record in records.items() if record.slot == self.slot.name}
        running = {unit for unit in own if shown[unit]["ActiveState"] != "inactive"}
        enabled = {unit for unit in records if shown[unit]["UnitFileState"] == "enabled"}
        return Standing(
            [self._instance(own[unit], shown[unit]) for unit in sorted(running)],
            is_saved=enabled == running,
            remembered=[record.name for record in own.values()],
        )

    def parent(self) -> int:
        """The first process of the host."""
        return 1

    def kept(self) -> Mapping[str, Definition]:
        """As the units say of themselves."""
        return {record.name: from_json(record.definition) for record in self._own().values()}

    def called(self, pid: int) -> str | None:
        """The unit in whose control group the process is."""
        groups = self.host.files.read(f"/proc/{pid}/cgroup")
        found = re.search(r"/([^/\n]+\.(?:service|scope))$", groups.content.decode(), re.MULTILINE) if groups else None
        return found[1] if found else None

    def foreign(self, name: str) -> str | None:
        """A unit of this name that is not of this process."""
        unit = self.full_name(name)
        if unit in self._own():
            return None
        command = ["systemctl", "show", "--property=FragmentPath", "--value", "--", unit]
        path = self.host.commands.run(command).succeeded(f"To ask systemd for {unit}").stdout.strip()
        # Of a unit that was removed by hand systemd still knows until it reads all anew.
        return f"The unit {unit} ({path})" if path and self.host.paths.facts(path) else None

    def start(
        self,
        definitions: Sequence[Definition],
        *,
        release: str,
        digests: Mapping[str, str],
        is_candidate: bool,
        stable: float,
    ) -> Sequence[str]:
        """Write the units and have them started; what ends is seen in the two seconds before it is started again."""
        if any(definition.environment_file for definition in definitions):
            self._install_loader()
        for definition in definitions:
            name, log = definition.name, definition.error_log
            self._ends[name] = self.host.paths.end(log) if log else None
            digest = digests[name]
            text = write_unit(
                definition, self.slot, release=release, digest=digest, user=self.user, is_candidate=is_candidate
            )
            present = self.host.files.read(self._path(name))
            if present:
                self._former.setdefault(name, present.content)
            self.host.files.write(self._path(name), text.encode(), _READABLE)
        self._systemctl("daemon-reload")
        units = [self.full_name(definition.name) for definition in definitions]
        ended = self.host.commands.run(["systemctl", "restart", "--quiet", "--", *units])
        # What it could not execute, it has tried: why not is in the journal.
        if any(shown["InvocationID"] == "" for shown in self._show(units).values()):
            ended.succeeded("To start them by systemd")
        return ()

    def promote(self, names: Sequence[str]) -> None:
        """systemd goes by what it has read last, also where a process has been started before."""
        for name in names:
            present = self.host.files.read(self._path(name))
            if present:
                self.host.files.write(self._path(name), promoted(present.content.decode()).encode(), _READABLE)
        self._systemctl("daemon-reload")

    def stop(self, names: Sequence[str]) -> None:
        """One after the other, each with all that it has started; what was saved stays as it was then."""
        for name in names:
            unit = self.full_name(name)
            self._systemctl("stop", unit)
            # It fails where there is nothing left to forget.
            self.host.commands.run(["systemctl", "reset-failed", "--", unit])
        shown = self._show([self.full_name(name) for name in names])
        for name in names:
            if shown[self.full_name(name)]["UnitFileState"] != "enabled":
                self.host.folders.remove(self._path(name))
            elif name in self._former:
                self.host.files.write(self._path(name), self._former[name], _READABLE)
        self._systemctl("daemon-reload")

    def forget(self, names: Sequence[str]) -> None:
        """Disable the units and remove their files."""
        units = [unit for unit, record in self._own().items() if record.name in names]
        if units:
            self._systemctl("disable", *units)
            for unit in units:
                self.host.folders.remove(f"{UNITS}/{unit}")
            self._systemctl("daemon-reload")

    def save(self) -> None:
        """Have the units that run enabled, and no other of the application."""
        running = [self.full_name(instance.name) for instance in self.look().instances]
        others = sorted(set(self._records()) - set(running))
        if others:
            self._systemctl("disable", *others)
        if running:
            self._systemctl("enable", *running)
        if not self.look().is_saved:
            raise CommandError(
                f"systemd does not have exactly {', '.join(running) or 'nothing'} enabled of {self.slot.application}, "
                "although it said so: see `systemctl list-unit-files`."
            )

    def members(self) -> Mapping[str, Sequence[Process]]:
        """All that is in the control group of the unit."""
        own = self._own()
        shown = self._show(own)
        return {record.name: self._in_group(shown[unit]) for unit, record in own.items()}

    def last_words(self, name: str) -> Sequence[str]:
        """Of its log if it has one, or of the journal; where it said nothing, what systemd says of it."""
        record = self._own().get(self.full_name(name))
        log = record.definition["error_log"] if record else None
        if log and self.host.paths.facts(log):
            lines = deque(self.host.paths.lines(log, self._ends.get(name)), maxlen=_LINES)
            if lines:
                return lines
        unit = self.full_name(name)
        invocation = self._show([unit])[unit]["InvocationID"]
        # What was written a moment ago may not have got there yet.
        self.host.commands.run(["journalctl", "--sync"])
        own, of_systemd = f"_SYSTEMD_INVOCATION_ID={invocation}", f"INVOCATION_ID={invocation}"
        return self._journal(own) or self._journal("--priority=warning", of_systemd)

    def log(self, name: str) -> str:
        """As long as there is a unit."""
        record = self._own().get(self.full_name(name))
        path = record.definition["error_log"] if record else None
        return path or f"journalctl --unit={self.full_name(name)}"

    def _instance(self, record: Record, shown: Mapping[str, str]) -> Instance:
        pid = int(shown["MainPID"])
        # A run that was killed can have left a unit that is not what its process was started with.
        began = _markers(self.host.processes.environment(pid) or "") if pid else {}
        code, status = shown["ExecMainCode"], int(shown["ExecMainStatus"])
        return Instance(
            record.name,
            pid,
            # Of the user, a definition says nothing.
            began.get("DEFINITION", record.digest) if record.user == self.user else "",
            began.get("RELEASE", record.release),
            is_candidate=shown["Restart"] == "no",
            restarts=int(shown["NRestarts"]),
            exit_code=None if pid or code == "0" else status if code == _EXITED else 128 + status,
        )

    def _records(self) -> dict[str, Record]:
        """The units of the application, of all slots, in order."""
        found = {}
        for entry in self.host.folders.entries(UNITS):
            # A directory holds many others, which need not be read.
            if entry.is_file and entry.name.startswith(self.slot.application) and entry.name.endswith(".service"):
                file = self.host.files.read(f"{UNITS}/{entry.name}")
                record = read_record(file.content.decode(errors="replace")) if file else None
                if record and record.application == self.slot.application:
                    found[entry.name] = record
        return found

    def _own(self) -> dict[str, Record]:
        return {unit: record for unit, record in self._records().items() if record.slot == self.slot.name}

    def _show(self, units: Collection[str]) -> dict[str, dict[str, str]]:
        """What systemd has to say of each."""
        if not units:
            return {}
        command = ["systemctl", "show", f"--property=Id,{_SHOWN}", "--", *units]
        told = self.host.commands.run(command).succeeded("To ask systemd").stdout
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in told.strip().split("\n\n")]
        return {block["Id"]: block for block in blocks}

    def _in_group(self, shown: Mapping[str, str]) -> list[Process]:
        group, main = shown["ControlGroup"], int(shown["MainPID"])
        found = [self.host.files.read(f"{root}{group}/cgroup.procs") for root in _CGROUPS] if group else []
        numbers = {int(number) for file in found if file for number in file.content.split()}
        processes = [process for number in sorted(numbers) if (process := self.host.processes.at(number))]
        # What lost its parent is the first process's child to the kernel; to systemd it is the unit's as before.
        is_orphan = [main and process.parent == self.parent() and process.pid != main for process in processes]
        return [replace(one, parent=main) if orphan else one for one, orphan in zip(processes, is_orphan)]

    def _journal(self, *matches: str) -> list[str]:
        command = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={_LINES}", *matches]
        return self.host.commands.run(command).stdout.splitlines()

    def _install_loader(self) -> None:
        self.host.folders.prepare(posixpath.dirname(LOADER_PATH), mode=0o755)
        present = self.host.files.read(LOADER_PATH)
        if present is None or present.content != LOADER.encode() or not present.allows(_READABLE):
            self.host.files.write(LOADER_PATH, LOADER.encode(), _READABLE)

    def _path(self, name: str) -> str:
        return f"{UNITS}/{self.full_name(name)}"

    def _systemctl(self, verb: str, *units: str) -> None:
        said = " ".join((verb, *units))
        self.host.commands.run(["systemctl", verb, "--quiet", "--", *units]).succeeded(f"systemctl {said}")


def _markers(environment: str) -> dict[str, str]:
    return dict(re.findall(r"(?:^|\0)SHIPSHAPE_(DEFINITION|RELEASE)=([^\0]*)", environment))
