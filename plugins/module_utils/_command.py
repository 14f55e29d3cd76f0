# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Completed

# A connection without a login shell often has no directories for administration in its PATH.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_GRACE = 5


class HostCommands:
    """Programs run as children, each in a process group of its own so that it can be stopped with what it started."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: str = "",
        timeout: float | None = None,
        file: str | None = None,
        is_clean: bool = False,
    ) -> Completed:
        """How the program ended."""
        process: subprocess.Popen[str] | None = None
        try:
            with child(argv, env or {}, file, is_clean=is_clean) as arguments:
                # run_command has no time limit, and only a module has it.
                process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                    **arguments,
                    cwd=cwd,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    encoding="utf-8",
                    errors="replace",
                )
            stdout, stderr = process.communicate(stdin, timeout)
        except BaseException as error:
            if process is not None:
                _stop(process)
            elif isinstance(error, (OSError, ValueError)):
                raise CommandError(why_not_started(argv[0], cwd, error), argv=shown(argv)) from error
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise CommandError(
                f"{argv[0]} was not done after {timeout:g} seconds and was stopped.", argv=shown(argv)
            ) from None
        return Completed(tuple(argv), process.returncode, stdout, stderr)

    def find(self, *programs: str) -> str | None:
        """The first of these programs that is installed."""
        path = child_environment({})["PATH"]
        return next((program for program in programs if shutil.which(program, path=path)), None)


@contextlib.contextmanager
def child(
    argv: Sequence[str], added: Mapping[str, str], file: str | None, *, is_clean: bool = False
) -> Iterator[dict[str, Any]]:
    """What Popen needs for a program that is started in this context, with the private file that it is given.

    The file is in memory only and goes with the last process that has it open, so that nothing is left when this one is
    killed. Who does not have it open can read it only where he could read the memory of the program, too.
    """
    environment = dict(added) if is_clean else child_environment(added)
    if file is None:
        yield {"args": list(argv), "env": environment, "start_new_session": True}
        return
    descriptor = os.memfd_create("shipshape", os.MFD_CLOEXEC)
    try:
        # libpq refuses a password file that others may read.
        os.fchmod(descriptor, 0o600)
        with open(descriptor, "wb", closefd=False) as memory:
            memory.write(file.encode("utf-8", "surrogateescape"))
        path = f"/dev/fd/{descriptor}"
        yield {
            "args": [argument.replace(FILE, path) for argument in argv],
            "env": {name: value.replace(FILE, path) for name, value in environment.items()},
            "start_new_session": True,
            "pass_fds": [descriptor],
        }
    finally:
        os.close(descriptor)


def child_environment(added: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that this process starts."""
    path = os.environ.get("PATH")
    # Messages of programs are read by machines here, so they are asked for untranslated.
    return {**os.environ, "PATH": f"{path}:{_PATH}" if path else _PATH, "LC_ALL": "C.UTF-8", "LANGUAGE": "C", **added}


def shown(argv: Sequence[str]) -> list[str]:
    """The words of a command as people can read them."""
    return [argument.replace(FILE, "(a private file)") for argument in argv]


def why_not_started(program: str, cwd: str | None, error: Exception) -> str:
    """The sentence for a program that could not be started."""
    if cwd is not None and not os.path.isdir(cwd):
        return f"{program} cannot be run in {cwd}: there is no such directory."
    if isinstance(error, FileNotFoundError):
        return f"{program}, or the interpreter that its first line names, is not installed on this host."
    return f"{program} cannot be run: {getattr(error, 'strerror', None) or error}."


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process group of a program, which can have members after the program itself has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE)
