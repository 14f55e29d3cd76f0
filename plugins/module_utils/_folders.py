# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Entry

_PREFIX = "shipshape-"


class HostFolders:
    """Directories as they are; no symbolic link is followed."""

    def prepare(self, path: str) -> None:
        """Make the directory unless it is there, and keep others out of it."""
        with _told(path, "used as a directory"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
                flush(os.path.dirname(path))
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o700:
                    os.fchmod(descriptor, 0o700)
            finally:
                os.close(descriptor)

    def entries(self, path: str) -> list[Entry]:
        """What is in the directory."""
        try:
            with _told(path, "listed"), os.scandir(path) as found:
                return sorted(filter(None, map(_entry, found)), key=lambda entry: entry.name)
        except FileError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise

    def move(self, path: str, target: str) -> None:
        """Rename, and flush both directories."""
        with _told(path, "renamed"):
            os.rename(path, target)
            for directory in {os.path.dirname(path), os.path.dirname(target)}:
                flush(directory)

    def remove(self, path: str) -> None:
        """Unlink, and flush the directory."""
        with _told(path, "removed"), contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            flush(os.path.dirname(path))

    def liken(self, path: str, model: str) -> None:
        """Owner first: a change of owner may take away rights."""
        with _told(path, "given the owner and mode of another file"):
            status = os.stat(model)
            os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
            os.chmod(path, stat.S_IMODE(status.st_mode))

    def free_bytes(self, path: str) -> int:
        """What the file system says is left for this user."""
        while not os.path.isdir(path):
            path = os.path.dirname(path) or "/"
        with _told(path, "looked at"):
            return shutil.disk_usage(path).free

    @contextlib.contextmanager
    def temporary(self, parent: str, *, owner: str | None = None) -> Iterator[str]:
        """A directory whose name tells the process."""
        with _told(parent, "used for temporary files"):
            _sweep(parent)
            path = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent)
        try:
            if owner is not None:
                with _told(path, "given to another user"):
                    user = pwd.getpwnam(owner)
                    os.chown(path, user.pw_uid, user.pw_gid)
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def flush(directory: str) -> None:
    """Have the names in the directory outlive a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(found: os.DirEntry[str]) -> Entry | None:
    try:
        status = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        # It went while the directory was read.
        return None
    return Entry(found.name, stat.S_ISREG(status.st_mode), status.st_size, status.st_mtime)


def _sweep(parent: str) -> None:
    """Remove what this user's processes have left here that were killed."""
    for name in os.listdir(parent):
        process, separator, _rest = name[len(_PREFIX) :].partition("-")
        path = os.path.join(parent, name)
        if not (name.startswith(_PREFIX) and separator and process.isdigit()) or os.path.exists(f"/proc/{process}"):
            continue
        # The name alone is no proof where everybody may make directories.
        with contextlib.suppress(OSError):
            if os.geteuid() in (0, os.lstat(path).st_uid):
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _told(path: str, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError.of(path, verb, error) from error
    except KeyError as error:
        raise FileError(f"{path} cannot be {verb}: there is no such user.", path=path) from error
