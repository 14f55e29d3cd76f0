# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._types import Holder

_PROC = "/proc"

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
        processes = sorted(int(name) for name in os.listdir(_PROC) if name.isdigit()) if files else []
        return [
            Holder(process, _command(process))
            for process in processes
            if process != own and not files.isdisjoint(_identities(_descriptors(process)))
        ]


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
    try:
        with open(f"{_PROC}/{process}/cmdline", "rb") as file:
            return os.fsdecode(file.read()).split("\0")
    except OSError:
        return [""]


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
