# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of this process's own. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._command import child, why_not_started
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError

_PAUSE = 0.05
_GRACE = 30


class HostServers:
    """Servers that end with the process that has started them."""

    @contextlib.contextmanager
    def running(
        self,
        argv: Sequence[str],
        *,
        is_ready: Callable[[], bool],
        log: str,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Iterator[None]:
        """Start the server, wait until it is ready, and end it."""
        process = _started([*_as(user), *argv], environment or {}, log)
        try:
            _wait(process, argv[0], is_ready, log, timeout)
            yield
        finally:
            _stop(process)


def _as(user: str | None) -> list[str]:
    """The words before a command that run it as another user, and that end it when this process is killed."""
    return ["setpriv", "--pdeathsig", "KILL", *(["--reuid", user, "--regid", user, "--init-groups"] if user else [])]


def _started(argv: Sequence[str], environment: Mapping[str, str], log: str) -> subprocess.Popen[bytes]:
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise FileError.of(log, "written", error) from error
    try:
        with child(argv, environment, None) as arguments:
            # run_command waits for the end of what it starts, and only a module has it.
            return subprocess.Popen(  # pylint: disable=ansible-bad-function
                **arguments, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor
            )
    except (OSError, ValueError) as error:
        raise CommandError(why_not_started(argv[0], None, error), argv=list(argv)) from error
    finally:
        os.close(descriptor)


def _wait(
    process: subprocess.Popen[bytes], program: str, is_ready: Callable[[], bool], log: str, timeout: float
) -> None:
    deadline = time.monotonic() + timeout
    while not is_ready():
        if process.poll() is not None:
            raise CommandError(f"{program} ended before it was ready: {_last_words(log)}", code=process.returncode)
        if time.monotonic() >= deadline:
            raise CommandError(f"{program} was not ready after {timeout:g} seconds: {_last_words(log)}")
        time.sleep(_PAUSE)


def _last_words(log: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as file:
        return (file.read().strip() or "it said nothing").splitlines()[-1]


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            return
