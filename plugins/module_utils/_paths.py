# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the host that belong to others, such as logs. This module is private to the collection."""

from __future__ import annotations

import errno
import glob
import grp
import hashlib
import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, BinaryIO

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FileFacts, Position

_BLOCK = 2**20

# Bytes of a line. What follows them is left out.
_LONGEST_LINE = 2**20

# As many bytes before a position tell one file from all others; fewer can stand in several files.
_TAIL = 2**10


class HostPaths:
    """Files as they are; symbolic links are followed, and nothing is ever waited for."""

    def find(self, pattern: str) -> list[str]:
        """The file of that very name, or else those that match; what cannot be listed is told where nothing does."""
        if self.facts(pattern) is not None:
            return [pattern]
        found = sorted(path for path in glob.glob(pattern) if os.path.exists(path))
        if not found and glob.has_magic(pattern):
            _refuse_what_cannot_be_listed(_FROM_A_MARK_ON.sub("", pattern) or ".")
        return found

    def facts(self, path: str) -> FileFacts | None:
        """What the system says of it."""
        try:
            with _told(path, "looked at"):
                status = os.stat(path)
                is_writable = os.access(path, os.W_OK, effective_ids=True)
        except FileError as error:
            if isinstance(error.__cause__, (FileNotFoundError, NotADirectoryError)):
                return None
            raise
        return FileFacts(
            type=next((word for word, is_so in _TYPES.items() if is_so(status.st_mode)), "other"),
            mode=stat.S_IMODE(status.st_mode),
            owner=_name(pwd.getpwuid, status.st_uid),
            group=_name(grp.getgrgid, status.st_gid),
            size=status.st_size,
            modified=status.st_mtime,
            is_writable=is_writable,
        )

    def end(self, path: str) -> Position | None:
        """The size, and a hash of what stands last."""
        if self.facts(path) is None:
            return None
        with _opened(path) as file:
            status = os.fstat(file.fileno())
            return Position(status.st_ino, status.st_size, _tail(file, status.st_size))

    def continues(self, path: str, position: Position) -> bool:
        """By what stands before the position; a file of another inode must have enough of it."""
        facts = self.facts(path)
        if facts is None or facts.type != "file":
            return False
        with _opened(path) as file:
            is_known = os.fstat(file.fileno()).st_ino == position.inode or position.offset >= _TAIL
            return is_known and _tail(file, position.offset) == position.tail

    def lines(self, path: str, since: Position | None = None) -> Iterator[str]:
        """The lines of the file, and before them those of the files into which it was rotated since."""
        for part, offset in self._parts(path, since) if since else [(path, 0)]:
            with _opened(part) as file:
                for line in _lines(file, offset):
                    # What is no UTF-8 must not hide the rest of its line.
                    yield line.decode("utf-8", "replace")

    def _parts(self, path: str, since: Position) -> list[tuple[str, int]]:
        """The files in which that stands which was written since, and where it begins in each."""
        newer: list[str] = []
        for part in chain([path], _rotated(path)):
            if self.continues(part, since):
                # A file of another pattern, such as app-1.log beside app.log.1, may well be a log of its own.
                between = [one for one in newer if one == path or _shape(one) == _shape(part)]
                return [(part, since.offset), *((one, 0) for one in between)]
            # Between two files of a rotation there may be none of this name for a moment.
            if os.path.exists(part):
                newer.insert(0, part)
        return [(path, 0)]


_TYPES: Mapping[str, Callable[[int], bool]] = {
    "file": stat.S_ISREG,
    "dir": stat.S_ISDIR,
    "socket": stat.S_ISSOCK,
    "fifo": stat.S_ISFIFO,
}

# The first name in a pattern that stands for several, and all that follows.
_FROM_A_MARK_ON = re.compile(r"[^/]*[*?\[].*", re.DOTALL)

# How logrotate, the loggers of Node and pm2-logrotate name what they put aside: x.log.1, x-2026-05-01.log.
_NUMBER = r"[._-]+\d[\dT:._-]*"

_ADVICE = {
    # What opening a socket leads to.
    errno.ENXIO: "It is no plain file.",
    errno.ELOOP: "It is a symbolic link that leads to itself.",
}


def _refuse_what_cannot_be_listed(directory: str) -> None:
    if os.path.isdir(directory):
        with _told(directory, "listed"):
            os.listdir(directory)


def _name(look_up: Callable[[int], Any], number: int) -> str:
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def _tail(file: BinaryIO, offset: int) -> str:
    file.seek(max(0, offset - _TAIL))
    return hashlib.sha256(file.read(min(offset, _TAIL))).hexdigest()[:16]


def _rotated(path: str) -> Iterator[str]:
    """The files into which this one was rotated, as their names say, the newest first."""
    folder, name = os.path.split(path)
    stem, extension = map(re.escape, os.path.splitext(name))
    is_rotated = re.compile(f"{stem}{extension}{_NUMBER}|{stem}{_NUMBER}{extension}").fullmatch
    with _told(folder or ".", "listed"), os.scandir(folder or ".") as entries:
        found = {
            entry.name: entry.stat().st_mtime_ns for entry in entries if is_rotated(entry.name) and entry.is_file()
        }
    for rotated in sorted(found, key=lambda one: found[one], reverse=True):
        yield os.path.join(folder, rotated)


def _shape(path: str) -> str:
    return re.sub(r"\d+", "0", os.path.basename(path))


def _lines(file: BinaryIO, offset: int) -> Iterator[bytes]:
    """The lines from there to where the file ends now; one that was half written is given whole once it goes on."""
    size = os.fstat(file.fileno()).st_size
    start = _start_of_line(file, offset) if size > offset else offset
    file.seek(start)
    left, begun = size - start, b""
    while left > 0:
        block = file.read(min(_BLOCK, left))
        if not block:
            break
        left -= len(block)
        lines = (begun + block).split(b"\n")
        begun = lines.pop()[:_LONGEST_LINE]
        for line in lines:
            yield line[:_LONGEST_LINE]
    if begun:
        yield begun


def _start_of_line(file: BinaryIO, offset: int) -> int:
    first = max(0, offset - _LONGEST_LINE)
    file.seek(first)
    return first + file.read(offset - first).rfind(b"\n") + 1


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    """A plain file to be read. Opening a pipe in the usual way would wait for its other end."""
    with _told(path, "read"), open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileError(f"{path} cannot be read. {_ADVICE[errno.ENXIO]}", path=path)
        yield file


@contextmanager
def _told(path: str, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError.of(path, verb, error, _ADVICE) from error
