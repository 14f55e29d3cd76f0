# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.file import File, newest
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Unobserved
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed
from tests.unit.smoke.on_host import NOBODY, WORLD, as_nobody, given, observed, problems


def test_file_is_described(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("12345")
    path.chmod(0o600)
    os.utime(path, (1, time.time() - 60))

    seen = observed(File(), str(path))

    owner = f"{seen.values['owner']}:{seen.values['group']}"
    assert owner == f"{path.owner()}:{path.group()}"
    assert 60 <= seen.values["age_s"] < 65
    assert {name: seen.values[name] for name in ("exists", "type", "mode", "size", "writable")} == {
        "exists": True,
        "type": "file",
        "mode": "0600",
        "size": 5,
        "writable": True,
    }
    assert seen.told == f"{path} is a file of {owner}, mode 0600."


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_who_keeps_others_from_writing_is_named(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "data.db"
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode = ' + sys.argv[2]);"
        " c.execute('BEGIN IMMEDIATE'); print(flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, path, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout
    holder.stdout.readline()
    try:
        seen = observed(File(), str(path)).values["locked_by"]
    finally:
        holder.communicate()

    assert seen == [f"process {holder.pid} ({os.path.basename(sys.executable)})"]
    assert observed(File(), str(path)).values["locked_by"] == []


def test_directory_is_described(tmp_path: Path) -> None:
    tmp_path.chmod(0o1770)

    seen = observed(File(), {"path": str(tmp_path)})

    assert (seen.values["type"], seen.values["mode"]) == ("dir", "1770")


@pytest.mark.parametrize("name", ["none", "none*", "none/below"])
def test_what_is_not_there_is_seen_not_to_be(tmp_path: Path, name: str) -> None:
    seen = observed(File(), f"{tmp_path}/{name}")

    assert seen.values.pop("exists") is False  # type: ignore[attr-defined]  # it is a dict
    assert set(seen.values.values()) == {None}
    assert seen.told == f"There is nothing at {tmp_path}/{name}."


def test_of_several_files_the_newest_is_looked_at(tmp_path: Path) -> None:
    for age, name in enumerate(("c.backup", "a.backup", "b.backup")):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    for name in ("a.backup-wal", "a.backup-shm", "a.backup-journal"):
        (tmp_path / name).touch()
    (tmp_path / "gone.backup").symlink_to(tmp_path / "nothing")

    assert newest(WORLD.paths, f"{tmp_path}/*") == f"{tmp_path}/c.backup"
    assert newest(WORLD.paths, f"{tmp_path}/a.backup-wal") == f"{tmp_path}/a.backup-wal"
    assert observed(File(), f"{tmp_path}/*.backup").told.startswith(f"{tmp_path}/c.backup is a file")


def test_file_that_cannot_be_looked_at_is_told(open_directory: Path) -> None:
    (open_directory / "closed").mkdir(0o700)

    with as_nobody(), pytest.raises(FileError) as caught:
        observed(File(), f"{open_directory}/closed/.env")

    advice = "Permission denied: run as a user who may, for example with become."
    assert caught.value.message == f"{open_directory}/closed/.env cannot be looked at. {advice}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_rights_of_another_user_are_tested(open_directory: Path) -> None:
    mine, theirs, locked = (open_directory / name for name in ("mine", "theirs", "locked"))
    for path in (mine, theirs, locked):
        path.mkdir(0o755)
    os.chown(theirs, NOBODY, NOBODY)
    (locked / "inner").mkdir()
    os.chown(locked / "inner", NOBODY, NOBODY)
    locked.chmod(0o700)

    found = {path: observed(File(), {"path": str(path), "by": "nobody"}) for path in (mine, theirs, locked / "inner")}

    assert {path: one.values["writable"] for path, one in found.items()} == {
        mine: False,
        theirs: True,
        # It is the user's, who cannot get there.
        locked / "inner": False,
    }
    assert observed(File(), str(mine)).values["writable"] is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_unknown_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unobserved) as caught:
        observed(File(), {"path": str(tmp_path), "by": "no-such-user"})

    assert caught.value.message == (
        f"Whether no-such-user may write {tmp_path} could not be tested, which only root can do: "
        "runuser: user no-such-user does not exist or the user entry does not contain all the required fields."
    )


class Commands:
    """Cannot run anything."""

    def run(self, argv: list[str], **_: Any) -> Completed:
        raise CommandError(f"{argv[0]} is not installed on this host.", argv=argv)


def test_missing_program_for_the_rights_of_others_is_told(tmp_path: Path) -> None:
    world = replace(WORLD, commands=Commands())  # type: ignore[arg-type]  # all that is needed

    with pytest.raises(Unobserved) as caught:
        observed(File(), {"path": str(tmp_path), "by": "nobody"}, world=world)

    assert caught.value.message == (
        f"Whether nobody may write {tmp_path} could not be tested. runuser is not installed on this host."
    )


def test_something_is_always_expected() -> None:
    kind = File()

    assert kind.default(given(kind, "/srv/app")) == {"exists": True}
    assert (kind.only_reads({}), kind.is_each, kind.is_alone) == (True, True, False)


@pytest.mark.parametrize("path", ["app/.env", "~/.env", ""])
def test_path_that_is_not_absolute_is_refused(path: str) -> None:
    assert problems(File(), path) == ["path: give an absolute path."]
