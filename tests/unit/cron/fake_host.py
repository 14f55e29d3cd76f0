# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose files are in memory, and whose disk fails when it is told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._cron.usecase import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, Completed, FileState


class FakeHost:
    """All that the use case reaches."""

    def __init__(self) -> None:
        self.files: dict[str, FileState] = {}
        self.folders: dict[str, int] = {}
        self.users = ["root", "holibot"]
        self.has_cron = True
        self.locked: list[str] = []
        # What was done, in order; which of these acts fails, and whether all after it do.
        self.acts: list[str] = []
        self.failing = 0
        self.fails_on = False

    def host(self) -> Host:
        itself: Any = self
        return Host(*[itself] * 5)

    def put(self, path: str, content: str, mode: int = 0o644) -> None:
        self.files[path] = FileState(content.encode(), Access("root", "root", mode), 0, 0)

    def read(self, path: str) -> FileState | None:
        return self.files.get(path)

    def write(self, path: str, content: bytes, access: Access) -> None:
        self._act(f"write {path}")
        self.files[path] = FileState(content, access, 0, 0)

    def remove(self, path: str) -> None:
        if path in self.files:
            self._act(f"remove {path}")
            del self.files[path]

    def prepare(self, path: str, *, mode: int = 0o700) -> None:
        self.folders[path] = mode

    def facts(self, path: str) -> object:
        assert path == "/etc/cron.d"
        return object() if self.has_cron else None

    def run(self, argv: Sequence[str]) -> Completed:
        assert argv[:2] == ["getent", "passwd"]
        known = [f"{user}:x:1:1::/:/bin/sh\n" for user in argv[2:] if user in self.users]
        return Completed(tuple(argv), 2 if len(known) < len(argv) - 2 else 0, "".join(known), "")

    @contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        self.locked.append(path)
        yield
        self.locked.append("")

    def _act(self, act: str) -> None:
        assert self.locked == ["/etc/cron.d"]
        self.acts.append(act)
        if self.failing and (len(self.acts) == self.failing or (self.fails_on and len(self.acts) > self.failing)):
            raise FileError(f"{act.split()[1]} cannot be written.")
