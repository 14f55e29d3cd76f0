# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pipes of programs, of which this process holds one end. This module is private to the collection."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import signal
import stat
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._command import child, shown, why_not_started
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    words_of_failure,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Flow, Stage

_CHUNK = 1024 * 1024
_FLUSHED_AT_ONCE = 32 * _CHUNK
_FIRST_CHUNK = 64 * 1024
_GRACE = 5
_TOLD_OF_A_PROGRAM = 4096

# Python knows its number from 3.10 on. A pipe holds 64 KiB by itself, so that programs would often wait for each other.
_SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_PIPE_SIZE = 256 * 1024


def _nobody(size: int) -> None:
    """Told of the progress where nobody wants to know."""


def _nothing() -> None:
    """What is done meanwhile where there is nothing to do."""


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
        meanwhile: Callable[[], None] = _nothing,
    ) -> Flow:
        """Write what comes out of the pipe to a new file."""
        if not stages:
            with _new_file(path) as target, _opened(stdin) as source:
                with _read_meanwhile(_end(source), target, progress, _nothing) as flows:
                    meanwhile()
                return flows[0]
        with _new_file(path) as target, _opened(stdin) as source, _running(stages, source, timeout) as pipe:
            with _read_meanwhile(pipe.output, target, progress, pipe.stop) as flows:
                meanwhile()
            pipe.check()
            return flows[0]

    def load(
        self,
        path: str,
        stages: Sequence[Stage],
        *,
        timeout: float | None = None,
        progress: Callable[[int], None] = _nobody,
    ) -> tuple[Flow, Flow]:
        """Put the file into the pipe and hash what comes out."""
        with _opened(path) as source, _running(stages, subprocess.PIPE, timeout) as pipe:
            # A program that ends early breaks the pipe; which one and why, the check finds out.
            with _read_meanwhile(pipe.output, None, _nobody, pipe.stop) as flows, contextlib.suppress(BrokenPipeError):
                went_in = _pump(_end(source), pipe.input, progress)
                pipe.input.close()
            pipe.check()
            return went_in, flows[0]

    def hash(
        self, path: str, *, progress: Callable[[int], None] = _nobody, meanwhile: Callable[[], None] = _nothing
    ) -> Flow:
        """Read the file and nothing else."""
        with _opened(path) as source, _read_meanwhile(_end(source), None, progress, _nothing) as flows:
            meanwhile()
        return flows[0]


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
                raise CommandError(why_not_started(stage.argv[0], None, error), argv=shown(stage.argv)) from error
            if self.processes and self.processes[-1].stdout:
                # Only its reader may hold the end of a pipe, or nobody would notice that the reader has gone.
                self.processes[-1].stdout.close()
            self.processes.append(process)
            source = _end(process.stdout)
            # What is more than the system allows this user stays as it was.
            with contextlib.suppress(OSError):
                fcntl.fcntl(source, _SET_PIPE_SIZE, _PIPE_SIZE)

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
        raise CommandError(
            f"{program} {how}: {words_of_failure(said)}",
            argv=shown(self.stages[number].argv),
            code=code,
            stderr=said,
        )

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


@contextlib.contextmanager
def _read_meanwhile(
    source: IO[bytes], target: IO[bytes] | None, progress: Callable[[int], None], stop: Callable[[], None]
) -> Iterator[Sequence[Flow]]:
    """Read all of the source, to the target if there is one, while the context does something else.

    `stop` has whatever feeds the source stop.
    """
    flows: list[Flow] = []
    errors: list[BaseException] = []
    is_read = threading.Event()

    def read() -> None:
        try:
            flows.append(_pump(source, target, progress))
        except BaseException as error:  # noqa: BLE001 (it is raised in the other thread)
            errors.append(error)
            # Nobody reads any more, and who writes into the pipe would wait for ever.
            stop()
        finally:
            is_read.set()

    # Signals reach this thread alone, which therefore is the one that can be interrupted. It waits for an event,
    # because in some versions of Python a join that is interrupted takes the other for ended.
    threading.Thread(target=read).start()
    try:
        yield flows
        is_read.wait()
    except BaseException:
        # Before the pipe is closed: to whoever reads it, an early end would look like a proper one.
        stop()
        raise
    finally:
        is_read.wait()
    if errors:
        raise errors[0]


def _end(end: IO[bytes] | None) -> IO[bytes]:
    if end is None:
        raise ValueError("this end of the pipe is not held by this process")
    return end


def _pump(source: IO[bytes], target: IO[bytes] | None, progress: Callable[[int], None]) -> Flow:
    size, flushed, digest = 0, 0, hashlib.sha256()
    # One for all, because to get a new one for each chunk takes a third of the time that hashing it takes.
    buffer = memoryview(bytearray(_CHUNK))
    # The first is small, so that whoever waits for the pipe to have begun need not wait long.
    while count := _read(source, buffer if size else buffer[:_FIRST_CHUNK]):
        digest.update(buffer[:count])
        if target:
            target.write(buffer[:count])
        size += count
        progress(size)
        if target and size - flushed >= _FLUSHED_AT_ONCE:
            # The system begins to write what it is told that nobody needs: at the end there is little left to wait for.
            with contextlib.suppress(OSError):
                os.posix_fadvise(target.fileno(), flushed, size - flushed, os.POSIX_FADV_DONTNEED)
            flushed = size
    return Flow(size, digest.hexdigest())


def _read(source: IO[bytes], buffer: memoryview) -> int:
    try:
        return cast(io.BufferedReader, source).readinto(buffer)
    except OSError as error:
        raise FileError.of(str(source.name), "read", error) from error


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
        # O_NONBLOCK, because opening a pipe would wait for its other end.
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115 - below
    except OSError as error:
        raise FileError.of(path, "read", error) from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileError(f"{path} cannot be read: it is not a plain file.", path=path)
        yield file


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
