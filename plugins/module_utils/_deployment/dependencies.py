# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installed dependencies, kept for the next release that needs the same. This module is private to the collection.

They are copied and not linked, as builds write into them: what is kept has to stay as it was installed.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.release import Step
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.root import Root
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host

# What tools read to know what to install, and how.
_NAMED_BY = (
    *("package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "yarn.lock"),
    *("bun.lock", ".npmrc", ".pnpmfile.cjs", ".yarnrc", ".yarnrc.yml", ".node-version", ".nvmrc"),
)
# What each release changes in them, and no installation reads.
_OF_THE_RELEASE = ("version", "description", "keywords", "author", "contributors", "homepage", "bugs", "repository")
_LOCKS = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock")

# Which modules that were compiled this Node can load.
_ABI = "process.versions.modules + ' ' + process.platform + ' ' + process.arch"


@dataclass(frozen=True)
class Dependencies:
    """The dependencies that installing steps of builds leave behind."""

    root: Root
    release: str
    host: Host
    environment: Mapping[str, str]

    def key(self, step: Step) -> str | None:
        """What they depend on; None if nothing says which versions are installed."""
        where = posixpath.normpath(f"{self.release}/{step.directory}")
        # Workspaces have one lock file for all, above them.
        places = dict.fromkeys([where, self.release])
        read = {f"{place}/{name}": self.host.files.read(f"{place}/{name}") for place in places for name in _NAMED_BY}
        named = {posixpath.relpath(path, self.release): file.content for path, file in read.items() if file}
        if not any(posixpath.basename(path) in _LOCKS for path in named):
            return None
        node = self.host.commands.run(["node", "-p", _ABI], env=self.environment, is_clean=True, timeout=60)
        made_of = {
            "abi": node.succeeded("To ask Node for its version").stdout.strip(),
            "run": step.run,
            "directory": step.directory,
            "keeps": list(step.keeps),
            "environment": dict(step.environment),
            "files": {path: hashlib.sha256(_bearing(content)).hexdigest() for path, content in named.items()},
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]

    def restore(self, step: Step, key: str) -> bool:
        """Put what is kept into the release; whether there was anything."""
        kept = self._kept(key)
        if self.host.paths.facts(kept) is None:
            return False
        self._copy(kept, posixpath.normpath(f"{self.release}/{step.directory}"), step)
        return True

    def save(self, step: Step, key: str) -> None:
        """Keep what the step has installed; whole or not at all."""
        with self.host.folders.temporary(self.root.dependencies) as temporary:
            beside = f"{temporary}/kept"
            self.host.folders.prepare(beside, mode=0o755)
            self._copy(posixpath.normpath(f"{self.release}/{step.directory}"), beside, step)
            self.host.trees.remove(self._kept(key))
            self.host.folders.move(beside, self._kept(key))

    def _kept(self, key: str) -> str:
        return f"{self.root.dependencies}/{key}"

    def _copy(self, source: str, target: str, step: Step) -> None:
        there = [path for path in step.keeps if self.host.paths.facts(f"{source}/{path}") is not None]
        if there:
            # With the directories above them, and where the file system can, without copying any bytes.
            copy = ["cp", "--archive", "--reflink=auto", "--parents", "--target-directory", target, "--", *there]
            self.host.commands.run(copy, cwd=source).succeeded("To copy the dependencies")


def _bearing(content: bytes) -> bytes:
    """What bears on an installation in what a tool reads."""
    try:
        document = json.loads(content)
    except ValueError:
        return content
    if not isinstance(document, dict):
        return content
    packages = document.get("packages")
    # In a lock file npm repeats the package itself.
    own = packages.get("") if isinstance(packages, dict) else None
    for part in (document, own):
        if isinstance(part, dict):
            for name in _OF_THE_RELEASE:
                part.pop(name, None)
    return json.dumps(document).encode()


def forget(root: Root, needed: Collection[str], host: Host) -> None:
    """Remove what no release that is kept was built with."""
    for entry in host.folders.entries(root.dependencies):
        if entry.name not in needed:
            host.trees.remove(f"{root.dependencies}/{entry.name}")
