# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks that die with their owner. This module is private to the collection."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, LockHeld

_PAUSE = 0.05

# How long a signature is at least, so that one does not lengthen the file under the eyes of who reads it.
_LENGTH = 1024

# How often a signature is read until it is whole: a reader can meet the kernel while it copies the text.
_READS = 5


class HostLocks:
    """Locks of the kernel (flock): it frees them when the process ends, however it ends."""

    @contextlib.contextmanager
    def hold(self, path: str, *, purpose: str, wait: float = 0) -> Iterator[Callable[[str], None]]:
        """Hold a lock file, which says who holds it, and gives what changes the purpose that it tells."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise FileError(f"The lock {path} cannot be opened: {error.strerror}.", path=path) from error
        with _closed_at_the_end(descriptor):
            if not _acquired(descriptor, path, wait):
                raise LockHeld(f"{path} is locked by {_holder(descriptor)}: wait until it is done.", path=path)
            since = time.strftime("%Y-%m-%dT%H:%M:%S%z")
            _sign(descriptor, purpose, since)
            try:
                yield lambda purpose: _sign(descriptor, purpose, since)
            finally:
                os.ftruncate(descriptor, 0)

    def holder(self, path: str) -> str | None:
        """Who has signed the lock file and lives."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        with _closed_at_the_end(descriptor):
            signature = _signature(descriptor)
        # By its number alone it could be another process, after a restart of the host above all.
        lives = signature is not None and signature["started"] == _started(signature["pid"])
        return _told(signature) if signature and lives else None

    @contextlib.contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        """Hold the directory itself."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            yield
            return
        with _closed_at_the_end(descriptor):
            if not _acquired(descriptor, path, wait):
                raise LockHeld(f"Another run is writing in {path}: wait until it is done.", path=path)
            yield


@contextlib.contextmanager
def _closed_at_the_end(descriptor: int) -> Iterator[None]:
    # Closing frees the lock too.
    try:
        yield
    finally:
        os.close(descriptor)


def _acquired(descriptor: int, path: str, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        except OSError as error:
            raise FileError(f"{path} cannot be locked: {error.strerror}.", path=path) from error
        else:
            return True


def _sign(descriptor: int, purpose: str, since: str) -> None:
    signature = json.dumps({"pid": os.getpid(), "started": _started("self"), "purpose": purpose, "since": since})
    # It is for people: the lock holds without it, too, where no space is left for it.
    with contextlib.suppress(OSError):
        # At once for whoever reads it; white space after it means nothing.
        os.pwrite(descriptor, signature.encode().ljust(max(_LENGTH, os.fstat(descriptor).st_size)), 0)


def _started(process: object) -> str | None:
    """When the process began, in a unit of the kernel's, or None if it has ended."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as file:
            # The name of the program, which can hold anything, stands in parentheses before.
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _holder(descriptor: int) -> str:
    signature = _signature(descriptor)
    return _told(signature) if signature else "another process"


def _signature(descriptor: int) -> dict[str, object] | None:
    for _read in range(_READS):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            signature = json.loads(os.pread(descriptor, 4096, 0))
            return {"pid": int(signature["pid"]), **{word: signature[word] for word in ("started", "purpose", "since")}}
    return None


def _told(signature: dict[str, object]) -> str:
    return f"process {signature['pid']} ({signature['purpose']}, since {signature['since']})"
