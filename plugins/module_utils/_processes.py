# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Holder, Process

_PROC = "/proc"

_Seen = TypeVar("_Seen")

_INTERPRETER = re.compile(r"(?:bash|bun|dash|deno|node|nodejs|perl|php|python|ruby|sh)[\d.]*")

# Options of interpreters that are followed by a value, which is not the script.
_WITH_VALUE = frozenset(
    {
        *("-W", "-X", "-r", "--conditions", "--env-file", "--env-file-if-exists", "--experimental-loader", "--import"),
        *("--loader", "--require"),
    }
)


class HostProcesses:
    """What the kernel knows of processes at this moment."""

    def holding(self, paths: Iterable[str], *, itself: bool = False) -> list[Holder]:
        """The processes that have one of these files open, in order of their numbers."""
        files = set(_identities(paths))
        own = None if itself else os.getpid()
        processes = _numbers() if files else []
        return [
            Holder(process, _command(process))
            for process in processes
            if process != own and not files.isdisjoint(_identities(_descriptors(process)))
        ]

    def locking(self, paths: Iterable[str]) -> list[Holder]:
        """As the kernel lists it for everybody, in order of their numbers."""
        files = {f"{os.major(device):02x}:{os.minor(device):02x}:{number}" for device, number in _identities(paths)}
        with open(f"{_PROC}/locks", encoding="ascii") as table:
            # 1: POSIX  ADVISORY  WRITE 708 fe:01:13 1073741825 1073741825, and for who waits, "->" before the kind.
            lines = [line.split() for line in table]
        # Locks of processes that cannot be seen from here have no number.
        owners = {int(line[4]) for line in lines if line[3] == "WRITE" and line[5] in files} - {0, -1}
        return [Holder(process, _command(process)) for process in sorted(owners)]

    def at(self, pid: int) -> Process | None:
        """What the kernel tells of it; a process that has ended and that nobody has asked about yet is none."""
        # The name of the program, which can hold anything, stands in parentheses before.
        status = _text(pid, "stat").rpartition(")")[2].split()
        if not status or status[0] in _ENDED:
            return None
        try:
            program = os.readlink(f"{_PROC}/{pid}/exe").removesuffix(_REPLACED)
        except OSError:
            program = ""
        return Process(pid, status[19], int(status[1]), program, _text(pid, "cmdline").replace("\0", " ").strip())

    def all(self) -> list[Process]:
        """Those that live while the list is made."""
        return [process for number in _numbers() if (process := self.at(number))]

    def signal(self, process: Process, number: int) -> bool:
        """By a descriptor, so that no other process that has got the same number is ever hit."""
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return False
        try:
            present = self.at(process.pid)
            if present is None or present.began != process.began:
                return False
            signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return False
        except PermissionError:
            raise CommandError(
                f"Process {process.pid} ({os.path.basename(process.program)}) cannot be sent a signal: run as its user "
                "or as root, for example with become."
            ) from None
        finally:
            os.close(descriptor)
        return True

    def directory(self, pid: int) -> str | None:
        """What a symbolic link would lead to now."""
        return as_owner(pid, lambda: os.readlink(f"{_PROC}/{pid}/cwd"))

    def environment(self, pid: int) -> str | None:
        """As it was at the start; of what the process has changed since then, the kernel knows nothing."""
        return as_owner(pid, lambda: os.fsdecode(_content(pid, "environ")))

    def memory(self, pid: int) -> int | None:
        """Its resident set, with what it shares."""
        try:
            return int(_content(pid, "statm").split()[1]) * os.sysconf("SC_PAGESIZE")
        except (OSError, IndexError):
            return None


def as_owner(pid: int, look: Callable[[], _Seen]) -> _Seen | None:
    """What there is to see of a process, if need be as its user; None where that is not permitted either.

    In a container root may not look into other users' processes, but may take on their users' rights.
    """
    try:
        return look()
    except PermissionError:
        pass
    except OSError:
        return None
    user, group = os.geteuid(), os.getegid()
    try:
        owner = os.stat(f"{_PROC}/{pid}")
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
        return look()
    except OSError:
        return None
    finally:
        os.seteuid(user)
        os.setegid(group)


# Of a zombie there is nothing left but its number.
_ENDED = ("X", "Z")

# What the kernel adds to the path of a program that was replaced or removed while it runs.
_REPLACED = " (deleted)"


def _numbers() -> list[int]:
    return sorted(int(name) for name in os.listdir(_PROC) if name.isdigit())


def _text(process: int, name: str) -> str:
    try:
        return os.fsdecode(_content(process, name))
    except OSError:
        return ""


def _content(process: int, name: str) -> bytes:
    with open(f"{_PROC}/{process}/{name}", "rb") as file:
        return file.read()


def _identities(paths: Iterable[str]) -> Iterator[tuple[int, int]]:
    for path in paths:
        # What is not there is open nowhere by this name, and what may not be looked at cannot be known.
        with contextlib.suppress(OSError):
            status = os.stat(path)
            yield status.st_dev, status.st_ino


def _descriptors(process: int) -> list[str]:
    directory = f"{_PROC}/{process}/fd"
    try:
        return [f"{directory}/{number}" for number in os.listdir(directory)]
    except OSError:
        return []


def _command(process: int) -> str:
    """The program, and for an interpreter its script; no other argument, because any may hold a secret."""
    program, *arguments = _arguments(process)
    # A process that gives itself a title puts everything into the first argument.
    program = os.path.basename(program.split(" ")[0])
    if not program:
        return "a program without a name"
    script = _script(process, arguments) if _INTERPRETER.fullmatch(program) else None
    return f"{program} {script}" if script else program


def _arguments(process: int) -> list[str]:
    return _text(process, "cmdline").split("\0")


def _script(process: int, arguments: Sequence[str]) -> str | None:
    remaining = iter(arguments)
    for argument in remaining:
        if argument in _WITH_VALUE:
            next(remaining, None)
        elif argument and not argument.startswith("-"):
            # Only what is a file: the code after -e or -c is an argument too.
            root = f"{_PROC}/{process}/{'root' if argument.startswith('/') else 'cwd'}/"
            return argument if os.path.isfile(root + argument) else None
    return None
