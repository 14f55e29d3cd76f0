# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the host. This module is private to the collection."""

from __future__ import annotations

import contextlib
import errno
import functools
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from io import FileIO

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState

_BESIDE = ".shipshape-"


class HostFiles:
    """Files read and replaced whole."""

    def read(self, path: str) -> FileState | None:
        """The file, or None if there is none."""
        try:
            # O_NONBLOCK, because opening a pipe would wait for its other end.
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileError.of(path, "read", error) from error
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise FileError(f"{path} cannot be read: it is not a plain file.", path=path)
        with os.fdopen(descriptor, "rb") as file:
            try:
                content = file.read()
            except OSError as error:
                raise FileError.of(path, "read", error) from error
        access = Access(_user_name(status.st_uid), _group_name(status.st_gid), stat.S_IMODE(status.st_mode))
        return FileState(content, access, status.st_uid, status.st_gid)

    def write(self, path: str, content: bytes, access: Access) -> None:
        """Write beside, flush to the disk, rename."""
        uid, gid = _uid(access.owner), _gid(access.group)
        beside = f"{_prefix(path)}{os.getpid()}"
        try:
            _remove_what_the_dead_left(path)
            if os.path.islink(path):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            with _deleted_unless_renamed(beside):
                with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    _keep_owner(path, file.fileno())
                    os.fchown(file.fileno(), uid, gid)
                    file.write(content)
                    file.flush()
                    # Only now, so that nobody reads more than he may of a file that is not whole.
                    os.fchmod(file.fileno(), access.mode)
                    os.fsync(file.fileno())
                os.rename(beside, path)
        except OSError as error:
            raise FileError.of(path, "written", error) from error
        _flush_directory(path)

    def append(self, path: str, content: bytes, access: Access) -> None:
        """Add to the end, and flush to the disk; the access of a file that is there stays."""
        try:
            is_new = not os.path.exists(path)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            with open(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                if is_new:
                    os.fchown(file.fileno(), _uid(access.owner), _gid(access.group))
                    os.fchmod(file.fileno(), access.mode)
                try:
                    _add(file, size, content)
                except BaseException:
                    file.truncate(size)
                    raise
        except OSError as error:
            raise FileError.of(path, "written", error) from error
        if is_new:
            _flush_directory(path)


def _add(file: FileIO, size: int, content: bytes) -> None:
    if size:
        file.seek(size - 1)
        # A crash has cut off the last line: what comes now is not to be part of it.
        content = content if file.read(1) == b"\n" else b"\n" + content
    while content:
        content = content[file.write(content) or 0 :]
    os.fsync(file.fileno())


def _prefix(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}{_BESIDE}")


def _remove_what_the_dead_left(path: str) -> None:
    """A run that was killed between writing and renaming leaves its file; the next one takes it away."""
    directory, prefix = os.path.split(_prefix(path))
    for name in os.listdir(directory):
        process = name[len(prefix) :]
        if name.startswith(prefix) and process.isdigit() and not _is_alive(process):
            # Another run may be cleaning up too.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(directory, name))


def _is_alive(process: str) -> bool:
    # This process has written nothing yet: a file with its number is of an earlier process that had the same.
    if int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


@contextlib.contextmanager
def _deleted_unless_renamed(beside: str) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)


def _keep_owner(path: str, descriptor: int) -> None:
    try:
        present = os.lstat(path)
    except FileNotFoundError:
        return
    os.fchown(descriptor, present.st_uid, present.st_gid)


def _flush_directory(path: str) -> None:
    try:
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FileError(
            f"{path} is written, but may not outlive a power failure: {error.strerror} of its directory.", path=path
        ) from error


def _uid(owner: str | None) -> int:
    if owner is None:
        return -1
    try:
        return _number(owner) if owner.isdigit() else pwd.getpwnam(owner).pw_uid
    except (KeyError, ValueError):
        raise FileError(f"There is no user {owner} on this host: create it first.") from None


def _gid(group: str | None) -> int:
    if group is None:
        return -1
    try:
        return _number(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        raise FileError(f"There is no group {group} on this host: create it first.") from None


def _number(digits: str) -> int:
    number = int(digits)
    # The highest number means "nobody given" to the system.
    if number >= 2**32 - 1:
        raise ValueError
    return number


# Asked for each of a thousand files, the system would take longer for the names than for the files.
@functools.cache
def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


@functools.cache
def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
