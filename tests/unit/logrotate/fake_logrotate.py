# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A logrotate and a systemd that look at real files and say of them what the real ones would say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.plan import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import Rule
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Completed, FileFacts

# How rules call the directory that is the host's own: logs of real rules are not in /tmp.
LOGS = "/srv/logs"


class Host:
    """A host with logrotate, below a directory of its own. A line that begins with `wrong` is an unknown option."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.main = room / "logrotate.conf"
        self.directory = room / "logrotate.d"
        self.timer = room / "system/logrotate.timer.d"
        self.logs = room / "logs"
        for directory in (self.directory, self.timer.parent, self.logs, room / "run"):
            directory.mkdir(parents=True)
        self.main.write_text(f"weekly\n# all the rest\ninclude {self.directory}\n", encoding="utf-8")
        (self.directory / "others").write_text("/var/log/others.log {\n    missingok\n}\n", encoding="utf-8")
        self.has_systemd = True
        self.has_logrotate = True
        # What systemd goes by since it was told last, and which of its commands fails how often.
        self.is_hourly = False
        self.obeys = True
        self.failing: dict[str, int] = {}
        self.commands: list[tuple[str, ...]] = []
        # The directory that logrotate was told of last.
        self.included = ""
        # The files of the directory that logrotate could see while another was written.
        self.seen: set[str] = set()
        self.unwritable: set[str] = set()

    def request(self, *rules: Rule) -> Request:
        """Rules for this host."""
        return Request(rules, main=str(self.main), directory=str(self.directory), timer=str(self.timer))

    def world(self) -> World:
        """All ports; what is not about logrotate or systemd is the machine's own."""
        return World(
            commands=_Commands(self),
            files=_Files(self),
            folders=_Folders(self),
            locks=HostLocks(),
            paths=_Paths(self),
            trees=HostTrees(),
        )

    def say(self, main: Path) -> str:
        """What logrotate says of a configuration."""
        words = re.findall(r"^\s*include[\s=]+(.*?)\s*$", main.read_text(encoding="utf-8"), re.MULTILINE)
        included = self.included = "".join(words).strip("\"'")
        said = ["warning: logrotate in debug mode does nothing except printing debug messages!", ""]
        for file in sorted(Path(included).iterdir()) if included else ():
            lines = file.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines, 1):
                if line.strip().startswith("wrong"):
                    said.append(f"error: {file.name}:{number} unknown option '{line.strip()}' -- ignoring line")
            said += [f"rotating pattern: {line[:-1]} after 1 days" for line in lines if line.endswith(" {")]
        return "\n".join([*said, ""])

    def tell_systemd(self, verb: str) -> str:
        """What systemctl does and prints."""
        if self.failing.get(verb):
            self.failing[verb] -= 1
            raise CommandError(f"systemctl {verb} was not done.")
        if verb == "daemon-reload" and self.obeys:
            drop_in = self.timer / "shipshape.conf"
            self.is_hourly = drop_in.exists() and "OnCalendar=hourly" in drop_in.read_text(encoding="utf-8")
        hourly = "{ OnCalendar=*-*-* *:00:00 ; next_elapse=(null) }" if self.is_hourly else ""
        return f"TimersCalendar={{ OnCalendar=*-*-* 00:00:00 ; next_elapse=(null) }} {hourly}\n"


class _Commands(HostCommands):
    def __init__(self, host: Host) -> None:
        self._host = host

    def run(self, argv: Sequence[str], **options: Any) -> Completed:
        assert options["timeout"] is not None
        self._host.commands.append(tuple(argv))
        if argv[0] == "systemctl":
            return Completed(tuple(argv), 0, self._host.tell_systemd(argv[1]), "")
        if argv[0] == "logrotate":
            assert argv[1:3] == ["--debug", "--state"]
            assert not Path(argv[3]).exists()
            return Completed(tuple(argv), 0, "", self._host.say(Path(argv[4])))
        return super().run(argv, **options)

    def find(self, *programs: str) -> str | None:
        return programs[0] if self._host.has_logrotate else None


class _Files(HostFiles):
    def __init__(self, host: Host) -> None:
        self._host = host

    def write(self, path: str, content: bytes, access: Access) -> None:
        if Path(path).name in self._host.unwritable:
            super().write(f"{path}/nowhere", content, access)
        super().write(path, content, access)
        self._host.seen.update(one.name for one in self._host.directory.iterdir() if one.is_file())


class _Folders(HostFolders):
    def __init__(self, host: Host) -> None:
        self._host = host

    @contextmanager
    def temporary(self, parent: str, *, owner: str | None = None) -> Iterator[str]:
        with super().temporary(str(self._host.room / "run") if parent == "/run" else parent, owner=owner) as room:
            yield room


class _Paths(HostPaths):
    def __init__(self, host: Host) -> None:
        self._host = host

    def find(self, pattern: str) -> list[str]:
        return [path.replace(str(self._host.logs), LOGS) for path in super().find(self._real(pattern))]

    def facts(self, path: str) -> FileFacts | None:
        if path == "/run/systemd/system":
            return super().facts(str(self._host.room)) if self._host.has_systemd else None
        return super().facts(self._real(path))

    def _real(self, path: str) -> str:
        return path.replace(LOGS, str(self._host.logs))


def files_below(directory: Path) -> Iterator[tuple[str, int, bytes]]:
    """Everything that is there, to be compared."""
    for path in sorted(directory.rglob("*")):
        yield str(path.relative_to(directory)), path.lstat().st_mode, path.read_bytes() if path.is_file() else b""
