# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.usecase import Request, ensure_environment
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access, FileState

PATH = "/srv/a/.env"


@dataclass
class OneFile:
    """A host that has room for one file."""

    state: FileState | None = None
    writes: list[bytes] = field(default_factory=list)

    def read(self, path: str) -> FileState | None:
        assert path == PATH
        return self.state

    def write(self, path: str, content: bytes, access: Access) -> None:
        assert path == PATH
        self.writes.append(content)
        before = self.state.access if self.state else Access("root", "root")
        self.state = FileState(
            content, Access(access.owner or before.owner, access.group or before.group, access.mode), 0, 0
        )


@dataclass
class RecordingLocks:
    held: list[str] = field(default_factory=list)

    def hold(
        self, path: str, *, purpose: str, wait: float = 0
    ) -> contextlib.AbstractContextManager[Callable[[str], None]]:
        raise AssertionError("dotenv leaves no lock file behind")

    def holder(self, path: str) -> str | None:
        raise AssertionError("dotenv leaves no lock file behind")

    @contextlib.contextmanager
    def hold_directory(self, path: str, *, wait: float = 0) -> Iterator[None]:
        self.held.append(path)
        yield


REQUEST = Request(
    path=PATH,
    schema={"PORT": {"type": "port"}, "S": {"type": "secret", "generate": True}},
    values={"PORT": 3000},
    unknown="refuse",
    access=Access(owner="app"),
    return_secrets=False,
    is_result_hidden=False,
)


def ensure(request: Request, files: OneFile, *, check_mode: bool = False) -> Result:
    return ensure_environment(
        request, files=files, locks=RecordingLocks(), random=lambda n: bytes(range(n)), check_mode=check_mode
    )


def test_a_second_run_changes_nothing() -> None:
    files = OneFile()
    assert ensure(REQUEST, files).changed
    again = ensure(REQUEST, files)
    assert not again.changed
    assert again.diff is not None
    assert again.diff.before == again.diff.after
    assert len(files.writes) == 1


@pytest.mark.parametrize("present", [None, b"PORT=80\nS=abc\n", b"PORT=3000\nS=0123456789\n"])
def test_check_mode_foretells_and_writes_nothing(present: bytes | None) -> None:
    def host() -> OneFile:
        return OneFile(FileState(present, Access("root", "root", 0o644), 0, 0) if present else None)

    foretold, really = ensure(REQUEST, host(), check_mode=True), ensure(REQUEST, host())
    assert foretold == really
    assert foretold.changed
    files = host()
    ensure(REQUEST, files, check_mode=True)
    assert files.writes == []


@pytest.mark.parametrize(
    "access", [Access("app", None, 0o640), Access("other", None, 0o600), Access("app", "web", 0o600)]
)
def test_another_owner_or_mode_is_a_change(access: Access) -> None:
    files = OneFile()
    ensure(REQUEST, files)
    result = ensure(replace(REQUEST, access=access), files)
    assert result.changed
    assert result.diff is not None
    assert result.diff.before != result.diff.after


def test_another_form_of_the_same_values_is_a_change_that_one_can_see() -> None:
    files = OneFile(FileState(b"export PORT = 3000\n", Access("app", "app", 0o600), 0, 0))
    result = ensure(replace(REQUEST, schema={"PORT": {"type": "port"}}), files)
    assert result.changed
    assert result.diff is not None
    assert "in another order" in result.diff.before


def test_secrets_are_returned_only_when_asked_for_and_hidden() -> None:
    assert "secrets" not in ensure(REQUEST, OneFile()).data
    with pytest.raises(InvalidInput, match="no_log: true"):
        ensure(replace(REQUEST, return_secrets=True), OneFile())
    result = ensure(replace(REQUEST, return_secrets=True, is_result_hidden=True), OneFile())
    assert result.data["secrets"] == {"S": bytes(range(32)).hex()}


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not absolute"):
        ensure(replace(REQUEST, path=".env"), OneFile())


def test_a_file_that_is_no_text_is_left_alone() -> None:
    files = OneFile(FileState(b"A=\xff\n", Access("root", "root", 0o600), 0, 0))
    with pytest.raises(FileError, match="byte 2"):
        ensure(REQUEST, files)
    assert files.writes == []


def test_the_directory_is_locked_meanwhile() -> None:
    locks = RecordingLocks()
    ensure_environment(REQUEST, files=OneFile(), locks=locks, random=lambda n: bytes(range(n)), check_mode=False)
    assert locks.held == ["/srv/a"]
