# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pipes of programs, of which this process holds one end. This module is private to the collection."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from ansible_collections.shipshape.webapp.plugins.module_utils._command import child, why_not_started
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Flow, Stage

_CHUNK = 1024 * 1024
_GRACE = 5
_TOLD_OF_A_PROGRAM = 4096


def _nobody(size: int) -> None:
    """Told of the progress where nobody wants to know."""


class HostPipes:
    """Pipes whose every end is looked at: a program that fails is found, wherever in the pipe it stands."""

    def save(
        self,
        stages: Sequence[Stage],
        path: str,
        *,
        stdin: str | None = None,
        timeout: float | None = None,
        progress: Callable[[int], None] = _nobody,
    ) -> Flow:
        """Write what comes out of the pipe to a new file."""
        if not stages:
            with _new_file(path) as target, _opened(stdin) as source:
                return _pump(_end(source), target, progress)
        with _new_file(path) as target, _opened(stdin) as source, _running(stages, source, timeout) as pipe:
            flow = _pump(pipe.output, target, progress)
            pipe.check()
            return flow

    def load(
        self,
        path: str,
        stages: Sequence[Stage],
        *,
        timeout: float | None = None,
        progress: Callable[[int], None] = _nobody,
    ) -> tuple[Flow, Flow]:
        """Put the file into the pipe and hash what comes out."""
        if not stages:
            with _opened(path) as source:
                flow = _pump(_end(source), None, progress)
                return flow, flow
        with _opened(path) as source, _running(stages, subprocess.PIPE, timeout) as pipe:
            results: list[Flow] = []
            reader = threading.Thread(target=lambda: results.append(_pump(pipe.output, None, _nobody)))
            reader.start()
            try:
                # A program that ends early breaks the pipe; which one and why, the check finds out.
                with contextlib.suppress(BrokenPipeError):
                    went_in = _pump(_end(source), pipe.input, progress)
                    pipe.input.close()
            except BaseException:
                # Before the pipe is closed: to whoever reads it, an early end would look like a proper one.
                pipe.stop()
                raise
            finally:
                reader.join()
            pipe.check()
            return went_in, results[0]


class _Pipe:
    """The running programs of a pipe."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = stages
        self.processes: list[subprocess.Popen[bytes]] = []
        self.complaints: list[IO[bytes]] = []
        self.files = contextlib.ExitStack()
        self.is_late = False

    def start(self, source: IO[bytes] | int) -> None:
        for stage in self.stages:
            complaints = self.files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - by close()
            self.complaints.append(complaints)
            try:
                with child(stage.argv, stage.environment, stage.file) as arguments:
                    # run_command knows no pipes, and only a module has it.
                    process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                        **arguments,
                        stdin=source,
                        stdout=subprocess.PIPE,
                        stderr=complaints,
                    )
            except (OSError, ValueError) as error:
                raise CommandError(why_not_started(stage.argv[0], None, error), argv=list(stage.argv)) from error
            if self.processes and self.processes[-1].stdout:
                # Only its reader may hold the end of a pipe, or nobody would notice that the reader has gone.
                self.processes[-1].stdout.close()
            self.processes.append(process)
            source = _end(process.stdout)

    @property
    def input(self) -> IO[bytes]:
        return _end(self.processes[0].stdin)

    @property
    def output(self) -> IO[bytes]:
        return _end(self.processes[-1].stdout)

    def check(self) -> None:
        """Raise the failure of the first program, in the order of the pipe, that failed by itself."""
        codes = [process.wait() for process in self.processes]
        if self.is_late:
            names = " | ".join(stage.argv[0] for stage in self.stages)
            raise CommandError(f"{names} was not done in time and was stopped.", stages=names)
        # Whoever writes to a program that has gone is ended by SIGPIPE: a consequence, not the cause.
        failed = [number for number, code in enumerate(codes) if code != 0]
        for number in [number for number in failed if codes[number] != -signal.SIGPIPE] or failed:
            self._complain(number, codes[number])

    def _complain(self, number: int, code: int) -> None:
        complaints = self.complaints[number]
        size = complaints.seek(0, os.SEEK_END)
        complaints.seek(max(0, size - _TOLD_OF_A_PROGRAM))
        said = complaints.read().decode("utf-8", "replace").strip()
        program = self.stages[number].argv[0]
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        last = (said or "it said nothing").splitlines()[-1]
        raise CommandError(f"{program} {how}: {last}", argv=list(self.stages[number].argv), code=code, stderr=said)

    def stop(self, *, is_late: bool = False) -> None:
        """End every program that has not ended, with all that it has started."""
        self.is_late = self.is_late or is_late
        # When it is late, also what programs have left behind: it can hold the pipe open after they have ended.
        running = [process for process in self.processes if is_late or process.poll() is None]
        for process in running:
            _signal(process, signal.SIGTERM)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
        for process in running:
            _signal(process, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        for process in self.processes:
            for end in (process.stdin, process.stdout):
                if end:
                    with contextlib.suppress(OSError):
                        end.close()
        self.files.close()


@contextlib.contextmanager
def _running(stages: Sequence[Stage], source: IO[bytes] | int | None, timeout: float | None) -> Iterator[_Pipe]:
    pipe = _Pipe(stages)
    alarm = threading.Timer(timeout, pipe.stop, kwargs={"is_late": True}) if timeout is not None else None
    try:
        pipe.start(subprocess.DEVNULL if source is None else source)
        if alarm:
            alarm.daemon = True
            alarm.start()
        yield pipe
    finally:
        if alarm:
            alarm.cancel()
        pipe.stop()
        pipe.close()


def _end(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise ValueError("this end of the pipe is not held by this process")
    return end


def _pump(source: IO[bytes], target: IO[bytes] | None, progress: Callable[[int], None]) -> Flow:
    size, digest = 0, hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        if target:
            target.write(chunk)
        size += len(chunk)
        progress(size)
    return Flow(size, digest.hexdigest())


@contextlib.contextmanager
def _new_file(path: str) -> Iterator[IO[bytes]]:
    """A file of this process's own, which stays only if nothing fails."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise FileError.of(path, "written", error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        os.unlink(path)
        if isinstance(error, OSError):
            raise FileError.of(path, "written", error) from error
        raise


@contextlib.contextmanager
def _opened(path: str | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise FileError.of(path, "read", error) from error
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
