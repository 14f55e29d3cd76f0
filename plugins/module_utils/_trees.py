# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees of files that are exchanged whole. This module is private to the collection."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import stat
from collections.abc import Iterator, Mapping

from ansible_collections.shipshape.webapp.plugins.module_utils._folders import flush, told


class HostTrees:
    """Directories below which everything belongs to one owner."""

    def read(self, path: str) -> dict[str, bytes] | None:
        """What is in the files; whatever is no plain file is left out."""
        with told(path, "read"):
            if not os.path.isdir(path):
                return None
            return {
                os.path.relpath(file, path): content
                for folder, _folders, names in os.walk(path)
                for file in sorted(os.path.join(folder, name) for name in names)
                if (content := _content(file, os.O_NOFOLLOW)) is not None
            }

    def matching(self, pattern: str) -> dict[str, bytes]:
        """The files whose paths match; symbolic links are followed."""
        with told(pattern, "read"):
            found = ((path, _content(path)) for path in sorted(glob.glob(pattern)))
            return {path: content for path, content in found if content is not None}

    def write(self, path: str, files: Mapping[str, bytes]) -> None:
        """Make the directory; whatever has this name already goes."""
        self.remove(path)
        try:
            with told(path, "written"):
                _write(path, files)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise

    def mirror(self, source: str, target: str, files: Mapping[str, bytes], without: str | None = None) -> None:
        """Links to what is in the source, and directories of its own only above files that are other ones."""
        with told(target, "written"):
            _mirror(source, target, files, without)

    def target(self, path: str) -> str | None:
        """Where the link leads."""
        with told(path, "used", _OF_LINKS):
            try:
                return os.readlink(path)
            except FileNotFoundError:
                return None

    def point(self, path: str, target: str) -> None:
        """Make the link beside, rename, flush the directory."""
        folder, name = os.path.split(path)
        beside = os.path.join(folder, f".{name}.link")
        with told(path, "written"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
            os.symlink(target, beside)
            os.rename(beside, path)
            flush(folder)

    def remove(self, path: str) -> None:
        """Links in it are removed and not followed."""
        with told(path, "removed"), contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(os.lstat(path).st_mode):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def clear(self, path: str) -> None:
        """Whatever holds something stays."""
        with contextlib.suppress(OSError):
            if os.path.isdir(path):
                os.rmdir(path)
            elif os.path.getsize(path) == 0:
                os.unlink(path)


_OF_LINKS = {errno.EINVAL: "It is no symbolic link and so was not made by this collection: move it away."}


def _content(path: str, flags: int = 0) -> bytes | None:
    """What is in a plain file; None for anything else, which is not even opened to be read."""
    try:
        # O_NONBLOCK, because opening a pipe would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _write(path: str, files: Mapping[str, bytes]) -> None:
    """Private from the first byte; files before the directories in which they are named."""
    os.mkdir(path, 0o700)
    for name, content in files.items():
        file = os.path.join(path, name)
        for folder in reversed(list(_folders_above(name))):
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(path, folder), 0o700)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
    for folder in {folder: None for name in files for folder in _folders_above(name)}:
        flush(os.path.join(path, folder))
    flush(path)
    flush(os.path.dirname(path))


def _folders_above(name: str) -> Iterator[str]:
    while name := os.path.dirname(name):
        yield name


def _mirror(source: str, target: str, files: Mapping[str, bytes], without: str | None) -> None:
    os.mkdir(target, 0o700)
    own = {path.split("/")[0]: None for path in (*files, *filter(None, [without]))}
    for name in os.listdir(source) if os.path.isdir(source) else []:
        if name not in own:
            os.symlink(os.path.join(source, name), os.path.join(target, name))
    for name in own:
        here, below = os.path.join(target, name), _below(files, name)
        if name in files:
            with open(os.open(here, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
                opened.write(files[name])
        elif name != without:
            inner = without[len(name) + 1 :] if without and without.startswith(f"{name}/") else None
            _mirror(os.path.join(source, name), here, below, inner)
        elif below:
            _write(here, below)


def _below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    return {path[len(folder) + 1 :]: content for path, content in files.items() if path.startswith(f"{folder}/")}
