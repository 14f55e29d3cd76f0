# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks that die with their owner. This module is private to the collection."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, LockHeld

_PAUSE = 0.05


class HostLocks:
    """Locks of the kernel (flock): it frees them when the process ends, however it ends."""

    @contextlib.contextmanager
    def hold(self, path: str, *, purpose: str, wait: float = 0) -> Iterator[None]:
        """Hold a lock file, which says who holds it."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise FileError(f"The lock {path} cannot be opened: {error.strerror}.", path=path) from error
        with _closed_at_the_end(descriptor):
            if not _acquired(descriptor, path, wait):
                raise LockHeld(f"{path} is locked by {_holder(descriptor)}: wait until it is done.", path=path)
            _sign(descriptor, purpose)
            try:
                yield
            finally:
                os.ftruncate(descriptor, 0)

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


def _sign(descriptor: int, purpose: str) -> None:
    signature = {"pid": os.getpid(), "purpose": purpose, "since": time.strftime("%Y-%m-%dT%H:%M:%S%z")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(signature).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        signature = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {signature['pid']} ({signature['purpose']}, since {signature['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
