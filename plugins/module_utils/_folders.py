# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Entry

_PREFIX = "shipshape-"
_TEMPORARY = re.compile(_PREFIX + r"([0-9]+)-[a-z0-9_]+")


class HostFolders:
    """Directories as they are; no symbolic link is followed."""

    def prepare(self, path: str, *, mode: int = 0o700) -> None:
        """Make the directory unless it is there; one that is keeps its mode, which may be somebody's wish."""
        # With a slash at its end, the system would follow a symbolic link.
        path = path.rstrip("/") or "/"
        with told(path, "used as a directory", {**_OF_DIRECTORIES, **_OF_PREPARE}):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
                # By itself mkdir takes away what the umask says.
                os.chmod(path, mode)
                flush(os.path.dirname(path))
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                status = os.fstat(descriptor)
            finally:
                os.close(descriptor)
        # Who can write to it can exchange what is in it.
        if status.st_uid not in (0, os.geteuid()):
            raise FileError(
                f"{path} belongs to another user, who could exchange what is in it: run as that user, or name a "
                "directory of your own.",
                path=path,
            )
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise FileError(
                f"{path} can be written to by other users, who could exchange what is in it: take that right from "
                "them (chmod go-w), or name another directory.",
                path=path,
            )

    def make(self, path: str) -> None:
        """Have this directory, private, with whatever above it is missing. One that is there stays as it is."""
        if not os.path.isdir(path):
            self.make(os.path.dirname(path.rstrip("/")) or "/")
            self.prepare(path)

    def entries(self, path: str) -> list[Entry]:
        """What is in the directory."""
        try:
            with told(path, "listed", _OF_DIRECTORIES), os.scandir(path) as found:
                return sorted(filter(None, map(_entry, found)), key=lambda entry: entry.name)
        except FileError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return []
            raise

    def real(self, path: str) -> str:
        """Follow every symbolic link in the path."""
        with told(path, "followed"):
            return os.path.realpath(path)

    def link(self, path: str, name: str) -> None:
        """Make a hard link, and flush its directory."""
        with told(name, "made as a second name of a file"):
            os.link(path, name, follow_symlinks=False)
            flush(os.path.dirname(name))

    def move(self, path: str, target: str) -> None:
        """Rename, and flush both directories."""
        with told(path, "renamed", _OF_MOVE):
            os.rename(path, target)
        for directory in sorted({os.path.dirname(path), os.path.dirname(target)}):
            with told(directory, "flushed to the disk"):
                flush(directory)

    def remove(self, path: str) -> None:
        """Unlink, and flush the directory."""
        with told(path, "removed"), contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            flush(os.path.dirname(path))

    def liken(self, path: str, model: str) -> None:
        """Owner first: a change of owner may take away rights."""
        with told(path, "given the owner and mode of another file"):
            wanted = os.stat(model)
            # By its descriptor: whoever owns the directory could put another file under its name in between.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                if not _is_one_file(os.fstat(descriptor)):
                    raise FileError(f"{path} cannot be given another owner: it is not one plain file.", path=path)
                os.fchown(descriptor, wanted.st_uid, wanted.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(wanted.st_mode))
            finally:
                os.close(descriptor)

    def free_bytes(self, path: str) -> int:
        """What the file system says is left for this user."""
        path = os.path.abspath(path)
        while not os.path.isdir(path):
            path = os.path.dirname(path)
        with told(path, "looked at"):
            return shutil.disk_usage(path).free

    @contextlib.contextmanager
    def temporary(self, parent: str, *, owner: str | None = None) -> Iterator[str]:
        """A directory whose name tells the process, or one in it, so that this process's own is never another's."""
        with told(parent, "used for temporary files", _OF_DIRECTORIES):
            _sweep(parent)
            path = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent)
        with _held(path), _removed_at_the_end(path):
            yield path if owner is None else _room(path, owner)


def room() -> str:
    """Where this user can have files for a moment that nobody else exchanges."""
    # Nobody but root writes there, and nothing of it outlives a restart. Others have no such place.
    return "/run" if os.geteuid() == 0 else tempfile.gettempdir()


def flush(directory: str) -> None:
    """Have the names in the directory outlive a power failure."""
    descriptor = os.open(directory or ".", os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def told(path: str, verb: str, advice: Mapping[int, str] | None = None) -> Iterator[None]:
    """Have an error of the system say what the path cannot be, such as used or removed."""
    try:
        yield
    except OSError as error:
        raise FileError.of(path, verb, error, advice) from error


# What the system says of a symbolic link, too.
_OF_DIRECTORIES = {errno.ENOTDIR: "It or something above it is not a directory, or is a symbolic link."}
_OF_PREPARE = {errno.ENOENT: "What is above it does not exist: create that first."}
_OF_MOVE = {
    errno.ENOENT: "It, or the directory of its new name, does not exist.",
    errno.EXDEV: "Its new name is in another file system.",
}


def _entry(found: os.DirEntry[str]) -> Entry | None:
    try:
        status = found.stat(follow_symlinks=False)
    except FileNotFoundError:
        # It went while the directory was read.
        return None
    return Entry(found.name, stat.S_ISREG(status.st_mode), status.st_size, status.st_mtime)


def _is_one_file(status: os.stat_result) -> bool:
    """Whether this is a file that has no other name, under which it could be anybody's."""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _sweep(parent: str) -> None:
    """Remove what this user's processes have left here that were killed."""
    for name in os.listdir(parent):
        found = _TEMPORARY.fullmatch(name)
        if not found or os.path.exists(f"/proc/{found[1]}"):
            continue
        path = os.path.join(parent, name)
        # What is no directory cannot be held.
        with contextlib.suppress(OSError), _held(path) as is_held:
            # The name alone is no proof: anybody can give it where everybody may write, and the number of a process
            # means nothing in another container or on another host. There, only the lock tells that it lives.
            if is_held and os.lstat(path).st_uid == os.geteuid():
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def _held(directory: str) -> Iterator[bool]:
    """Whether nobody else holds this directory; until the context is left or the process dies, this one does."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield _is_locked(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Somebody holds it, or the file system knows no locks for directories.
        return False
    return True


def _room(path: str, owner: str) -> str:
    """A directory of another user in one of this process's own."""
    try:
        user = pwd.getpwnam(owner)
    except KeyError:
        raise FileError(f"There is no user {owner} on this host: create it first.") from None
    room = os.path.join(path, "own")
    with told(room, "given to another user"):
        os.chmod(path, 0o711)  # noqa: S103 - the other user has to pass, and nobody sees or writes anything
        os.mkdir(room, 0o700)
        os.chown(room, user.pw_uid, user.pw_gid)
    return room


@contextlib.contextmanager
def _removed_at_the_end(path: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        raise FileError(f"{path} is temporary and could not be removed whole: remove it, it may hold data.", path=path)
