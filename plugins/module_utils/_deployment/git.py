# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases from a repository of git. This module is private to the collection.

The host keeps a copy of the repository without files, so that each fetch brings only what is new.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.root import Root
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host, Origin
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Completed

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BEGINNING = re.compile(r"[0-9a-f]{7,64}")

_TIMEOUT = 900

# Of an https address, git asks a program for the login; this one has it from a file in memory.
_HELPER = '!f() { test "$1" = get && cat ' + FILE + "; }; f"


class Git:
    """A branch, a tag or a commit."""

    def __init__(self, options: Mapping[str, Any], root: Root, host: Host) -> None:
        self._options = options
        self._url = options["git"]
        self._version = options["version"]
        self._repository = f"{root.cache}/repository.git"
        self._host = host

    def origin(self, *, check_mode: bool) -> Origin:
        """The commit to which the version leads."""
        if not self._host.commands.find("git"):
            raise CommandError("git is not installed on this host: install it, or name another source.")
        commit = self._version if _COMMIT.fullmatch(self._version) else self._named()
        if commit and self._has(commit):
            return Origin(commit, self._title(commit))
        if check_mode:
            return Origin(commit or self._version)
        self._fetch()
        commit = self._commit(commit or self._version)
        return Origin(commit, self._title(commit))

    def unpack(self, origin: Origin, directory: str) -> None:
        """All files of the commit, without the repository."""
        with self._host.folders.temporary(self._repository) as temporary:
            archive = f"{temporary}/archive.tar"
            self._git("archive", "--format=tar", f"--output={archive}", origin.id).succeeded("The export of the commit")
            if self._git("cat-file", "-e", f"{origin.id}:.gitmodules").code == 0:
                raise CommandError(
                    f"The commit {origin.id[:12]} has submodules, which are not fetched: use an archive as the source."
                )
            tar = ["tar", "--extract", "--file", archive, "--directory", directory]
            self._host.commands.run(tar).succeeded("The export of the commit")

    def _named(self) -> str | None:
        """The commit of the branch or the tag; None if it can be neither."""
        asked = [shape.format(self._version) for shape in _NAMES] if self._version != "HEAD" else ["HEAD"]
        answer = self._remote("ls-remote", self._url, *asked).succeeded(self._asking())
        found = {name: commit for commit, _tab, name in (line.partition("\t") for line in answer.stdout.splitlines())}
        named = next((found[name] for name in asked if name in found), None)
        if named:
            return named
        if _BEGINNING.fullmatch(self._version):
            return None
        raise FileError(f"{self._url} has no branch and no tag {self._version}: look for the right name.")

    def _fetch(self) -> None:
        if self._host.paths.facts(f"{self._repository}/HEAD") is None:
            self._run(["git", "init", "--quiet", "--bare", self._repository]).succeeded("The copy of the repository")
        everything = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        fetched = self._remote("fetch", "--quiet", "--force", "--prune", self._url, *everything)
        fetched.succeeded(self._asking())

    def _commit(self, version: str) -> str:
        found = self._git("rev-parse", "--verify", "--quiet", f"{version}^{{commit}}")
        if found.code != 0:
            raise FileError(f"{self._url} has no commit {version} on any branch or tag: push it, or look for its name.")
        return found.stdout.strip()

    def _has(self, commit: str) -> bool:
        there = self._host.paths.facts(f"{self._repository}/HEAD") is not None
        return there and self._git("cat-file", "-e", f"{commit}^{{commit}}").code == 0

    def _title(self, commit: str) -> str:
        return self._git("log", "-1", "--format=%s", commit).stdout.strip()

    def _asking(self) -> str:
        return f"To ask {self._url} for {self._version}"

    def _git(self, *arguments: str) -> Completed:
        return self._run(["git", "--git-dir", self._repository, *arguments])

    def _remote(self, command: str, *arguments: str) -> Completed:
        """What talks to the other side, which may want to know who asks."""
        repository = [] if command == "ls-remote" else ["--git-dir", self._repository]
        helper, login = self._login()
        return self._run(["git", "-c", "gc.autoDetach=false", *helper, *repository, command, *arguments], login)

    def _login(self) -> tuple[Sequence[str], str | None]:
        password = self._options.get("password")
        if not password:
            return [], None
        # The first empty one takes away those of the host.
        helper = ["-c", "credential.helper=", "-c", f"credential.helper={_HELPER}"]
        return helper, f"username={self._options.get('user') or 'git'}\npassword={password}\n"

    def _run(self, argv: Sequence[str], file: str | None = None) -> Completed:
        environment = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": _ssh(self._options)}
        return self._host.commands.run(argv, env=environment, file=file, timeout=_TIMEOUT)


# Where a name is looked for. The commit to which a tag with a message leads is listed under a name of its own.
_NAMES = ("refs/tags/{}^{{}}", "refs/tags/{}", "refs/heads/{}")


def _ssh(options: Mapping[str, Any]) -> str:
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    if options.get("key_file"):
        words += ["-i", options["key_file"], "-o", "IdentitiesOnly=yes"]
    if options.get("known_hosts"):
        words += ["-o", f"UserKnownHostsFile={options['known_hosts']}"]
    return shlex.join(words)
