# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import LEVELS, Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import (
    Subject,
    compare,
    measure,
    reaches,
    read_back,
    verify,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, FileError
from tests.unit.backup.fake_databases import wrong
from tests.unit.backup.world import World


def subject(world: World, *, with_content: bool = False) -> Subject:
    """A dump of the database."""
    path = world.databases.path("shop")
    facts = measure(world.address(), world.host, world.databases, Terms("/"), with_content=with_content)
    world.databases.steps.clear()
    return Subject(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), (), facts)


def proved(world: World, what: Subject, level: str) -> Any:
    return verify(what, level, "auto", world.address(), world.host, world.databases, Terms(str(world.root)))


def test_each_level_reaches_those_before_it() -> None:
    assert [[wanted for wanted in LEVELS if reaches(level, wanted)] for level in LEVELS] == [
        list(LEVELS[: number + 1]) for number in range(len(LEVELS))
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_a_sound_dump_is_proved(world: World, level: str) -> None:
    found = proved(world, subject(world), level)

    if level == "none":
        assert found is None
    else:
        assert (found.level, found.where) == (level, "scratch database" if level == "restore" else None)
    assert world.databases.names() == ["shop"]


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_but_none_sees_another_file(world: World, level: str) -> None:
    what = replace(subject(world), sha256="0" * 64)

    if level == "none":
        proved(world, what, level)
        return
    with pytest.raises(BackupError) as caught:
        proved(world, what, level)

    assert caught.value.message == (
        f"{what.path} does not hold what was written: its SHA-256 is another one. Do not use it, and check the disk."
    )
    assert caught.value.details == {"path": what.path}
    assert world.databases.steps == []


def test_a_file_that_is_gone_is_told(world: World, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        read_back(str(tmp_path / "gone"), "", world.host, Terms("/"))


@pytest.mark.parametrize(
    ("level", "seen"), [("none", False), ("checksum", False), ("structure", True), ("restore", True)]
)
def test_only_from_structure_on_is_it_looked_into(world: World, level: str, seen: bool) -> None:
    what = subject(world)
    world.databases.faults = {"check": wrong()}

    if seen:
        with pytest.raises(BackupError, match=r"It is broken\."):
            proved(world, what, level)
    else:
        proved(world, what, level)


@pytest.mark.parametrize("with_content", [True, False])
def test_rows_are_compared_where_their_hash_is_known(world: World, with_content: bool) -> None:
    what = subject(world, with_content=with_content)
    world.orders([1, "tea"], [2, "salt"], [3, "vinegar"])
    path = world.databases.path("shop")
    what = replace(what, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    if with_content:
        with pytest.raises(BackupError, match=r"is not like the database: The rows are other ones\.$"):
            proved(world, what, "restore")
    else:
        assert proved(world, what, "restore")
    assert world.databases.names() == ["shop"]


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, None),
        (1, "Table t0 is missing."),
        (5, "Table t0 is missing. Table t1 is missing. Table t2 is missing. Table t3 is missing. Table t4 is missing."),
        (8, "Table t3 is missing. Table t4 is missing. And 3 more."),
    ],
)
def test_five_differences_are_told_and_the_others_counted(count: int, told: str | None) -> None:
    expected = Facts({Table(f"t{number}"): 1 for number in range(count)}, "schema")
    found = Facts({}, "schema")

    if told is None:
        compare(expected, found)
        return
    with pytest.raises(BackupError) as caught:
        compare(expected, found)

    assert caught.value.message.startswith(
        "The backup was restored, and is not like the database: Table t0 is missing."
    )
    assert caught.value.message.endswith(told)
    assert len(caught.value.details["differences"]) == count


@pytest.mark.parametrize("fault", ["measure", None])
def test_a_session_is_closed_whatever_happens(world: World, fault: str | None) -> None:
    closed = []
    connect = world.host.connect

    def connecting(*arguments: Any, **options: Any) -> Any:
        assert options == {"lock_timeout": 5}
        connection: Any = connect(*arguments)
        connection.close = lambda: closed.append(True)
        return connection

    host = replace(world.host, connect=connecting)
    if fault:
        world.databases.faults = {fault: wrong()}
        with pytest.raises(BackupError):
            measure(world.address(), host, world.databases, Terms("/", lock_timeout=5))
    else:
        assert measure(world.address(), host, world.databases, Terms("/", lock_timeout=5)).tables
    assert closed == [True]
