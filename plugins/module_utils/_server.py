# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of this process's own. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._command import child, shown, why_not_started
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    words_of_failure,
)

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
    words = ["setpriv", "--pdeathsig", "KILL"]
    if user is None:
        return words
    try:
        # The user's group can have another name.
        group = pwd.getpwnam(user).pw_gid
    except KeyError:
        raise CommandError(f"There is no user {user} on this host, as whom a server is to run.") from None
    return [*words, "--reuid", user, "--regid", str(group), "--init-groups"]


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
        raise CommandError(why_not_started(argv[0], None, error), argv=shown(argv)) from error
    finally:
        os.close(descriptor)


def _wait(
    process: subprocess.Popen[bytes], program: str, is_ready: Callable[[], bool], log: str, timeout: float
) -> None:
    deadline = time.monotonic() + timeout
    # Looked at first, so that no other server is taken for one that has ended.
    while process.poll() is None:
        if is_ready():
            return
        if time.monotonic() >= deadline:
            raise CommandError(f"{program} was not ready after {timeout:g} seconds: {_last_words(log)}")
        time.sleep(_PAUSE)
    raise CommandError(f"{program} ended before it was ready: {_last_words(log)}", code=process.returncode)


def _last_words(log: str) -> str:
    with open(log, encoding="utf-8", errors="replace") as file:
        return words_of_failure(file.read())


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server with all that it has started, which can be there after the server itself has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
