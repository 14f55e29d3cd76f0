# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases from an archive or a directory on the host. This module is private to the collection."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.root import Root
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host, Origin
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError


class Archive:
    """A file of tar, compressed or not, of which it is known beforehand what is in it."""

    def __init__(self, options: Mapping[str, Any], root: Root, host: Host) -> None:
        self._path = options["archive"]
        self._sha256 = options["sha256"].lower()
        self._strip = options["strip"]
        self._host = host

    def origin(self, *, check_mode: bool) -> Origin:
        """The checksum, which has to be as declared."""
        facts = self._host.paths.facts(self._path)
        if facts is None or facts.type != "file":
            raise FileError(f"{self._path} is no file on this host: copy the archive there first.", path=self._path)
        return Origin(self._sha256, posixpath.basename(self._path))

    def unpack(self, origin: Origin, directory: str) -> None:
        """All files, without the directories above them that are declared."""
        found = self._host.commands.run(["sha256sum", "--", self._path]).succeeded("The checksum")
        if found.stdout.lstrip("\\").split()[0] != self._sha256:
            raise FileError(
                f"{self._path} has another checksum than is declared ({self._sha256}): it is damaged, or another file.",
                path=self._path,
            )
        _extract(["--strip-components", str(self._strip), "--file", self._path], directory, self._host)


class Directory:
    """A directory as it is, without what is left out."""

    def __init__(self, options: Mapping[str, Any], root: Root, host: Host) -> None:
        self._path = options["directory"]
        self._exclude = options["exclude"]
        self._root = root
        self._host = host

    def origin(self, *, check_mode: bool) -> Origin:
        """A checksum of all that is in it, of whoever's and however old it is."""
        facts = self._host.paths.facts(self._path)
        if facts is None or facts.type != "dir":
            raise FileError(f"{self._path} is no directory on this host: copy it there first.", path=self._path)
        same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]
        # As a pipe, so that nothing has to be stored for it.
        piped = ["bash", "-o", "pipefail", "-c", 'tar "$@" | sha256sum', "tar", "--create"]
        found = self._host.commands.run([*piped, *same, *self._taken()]).succeeded(f"The checksum of {self._path}")
        return Origin(found.stdout.split()[0], posixpath.basename(self._path.rstrip("/")))

    def unpack(self, origin: Origin, directory: str) -> None:
        """A copy; whatever was changed in between is another release."""
        with self._host.folders.temporary(self._root.cache) as temporary:
            archive = f"{temporary}/archive.tar"
            made = ["tar", "--create", "--file", archive, *self._taken()]
            self._host.commands.run(made).succeeded(f"The copy of {self._path}")
            _extract(["--file", archive], directory, self._host)
        if self.origin(check_mode=False) != origin:
            raise FileError(f"{self._path} was changed while it was copied: wait until it is done.", path=self._path)

    def _taken(self) -> Sequence[str]:
        return [*(f"--exclude={pattern}" for pattern in self._exclude), "--directory", self._path, "."]


def _extract(arguments: Sequence[str], directory: str, host: Host) -> None:
    tar = ["tar", "--extract", "--no-same-owner", *arguments, "--directory", directory]
    host.commands.run(tar).succeeded("To unpack the archive")


def pack(root: Root, release: str, own: Sequence[str], host: Host) -> dict[str, str]:
    """The release as an archive, and its checksum, without what each host has of its own.

    What it shares stays out as well, as links are packed as links.
    """
    path = root.archive(release)
    if host.paths.facts(path) is None:
        with host.folders.temporary(root.cache) as temporary:
            beside = f"{temporary}/archive.tar.gz"
            left_out = ["--anchored", *(f"--exclude=./{path}" for path in own)]
            taken = ["--directory", root.release(release), "."]
            made = ["tar", "--create", "--gzip", "--file", beside, *left_out, *taken]
            host.commands.run(made).succeeded(f"To pack the release {release}")
            # It holds no more than the release, which everybody can read.
            host.commands.run(["chmod", "0644", "--", beside]).succeeded(f"To pack the release {release}")
            host.folders.move(beside, path)
    found = host.commands.run(["sha256sum", "--", path]).succeeded("The checksum")
    return {"path": path, "sha256": found.stdout.split()[0]}
