# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are in an application's root directory. This module is private to the collection."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Root:
    """The directory of one application, which all of its releases share."""

    path: str

    @property
    def lock(self) -> str:
        """Who deploys now."""
        return f"{self.path}/deployment.lock"

    @property
    def journal(self) -> str:
        """What became of deployments and releases."""
        return f"{self.path}/deployments.jsonl"

    @property
    def current(self) -> str:
        """The symbolic link to the live release."""
        return f"{self.path}/current"

    @property
    def releases(self) -> str:
        """The directory of all releases."""
        return f"{self.path}/releases"

    @property
    def shared(self) -> str:
        """What outlives releases."""
        return f"{self.path}/shared"

    @property
    def logs(self) -> str:
        """What was said while releases were built."""
        return f"{self.path}/builds"

    @property
    def cache(self) -> str:
        """What can be had again, and is kept so that the next build is faster."""
        return f"{self.path}/cache"

    @property
    def dependencies(self) -> str:
        """The installed dependencies of releases, by what they depend on."""
        return f"{self.cache}/dependencies"

    @property
    def home(self) -> str:
        """The home directory of builds."""
        return f"{self.cache}/home"

    def release(self, name: str) -> str:
        """The directory of one release."""
        return f"{self.releases}/{name}"

    def log(self, release: str) -> str:
        """What was said while this release was built."""
        return f"{self.logs}/{release}.log"

    def archive(self, release: str) -> str:
        """The release for other hosts, where whoever brings it there can read it."""
        return f"{self.path}/{release}.tar.gz"
