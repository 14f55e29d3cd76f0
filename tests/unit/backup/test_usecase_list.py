# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_list import Request, list_backups
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from tests.unit.backup.world import World

LOST = "20260101T000000Z-aabbcc"


def listed(world: World, name: str | None = None, *, read_back: bool = False) -> Any:
    result: Result = list_backups(Request(str(world.directory), name, read_back), host=world.host)
    assert not result.changed
    return result.data


def paths(world: World, *names: str) -> list[str]:
    return [str(world.directory / name) for name in names]


def test_a_directory_that_is_not_there_holds_nothing(world: World) -> None:
    assert listed(world) == {"backups": [], "broken": [], "orphaned": [], "foreign": [], "running": {}}
    assert not world.directory.exists()


def test_a_directory_is_named_in_full(world: World) -> None:
    with pytest.raises(InvalidInput, match="directory is not absolute"):
        list_backups(Request("backups", None, False), host=world.host)


def test_backups_are_told_newest_first_with_their_age(world: World) -> None:
    world.at("2026-03-10T12:00:00+00:00")
    older, newer = world.backup(release="1.2.3"), world.backup(name="shop-2", purpose="safety")
    world.clock.time = newer.taken
    world.later(hours=1)
    before = world.tree()

    found = listed(world)

    assert found["backups"] == [
        {**newer.as_returned(), "path": str(world.directory / newer.file), "age": 3600},
        {
            **older.as_returned(),
            "path": str(world.directory / older.file),
            "age": 3600 + round((newer.taken - older.taken).total_seconds()),
        },
    ]
    assert world.tree() == before


BROKEN: dict[str, Any] = {
    "is not there": lambda path, manifest: path.unlink(),
    "has 5 bytes and not": lambda path, manifest: path.write_text("short"),
    "is no plain file": lambda path, manifest: (path.rename(path.with_name("x")), path.symlink_to(path.with_name("x"))),
    "is damaged or is no manifest": lambda path, manifest: manifest.write_text("{"),
    "It is a symbolic link": lambda path, manifest: (
        manifest.rename(manifest.with_name("y")),
        manifest.symlink_to(manifest.with_name("y")),
    ),
    "it is not a plain file": lambda path, manifest: (manifest.unlink(), manifest.mkdir()),
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_backup_is_told_with_the_reason(world: World, why: str) -> None:
    broken, whole = world.backup(), world.backup()
    manifest = world.directory / f"{broken.id}.manifest.json"
    BROKEN[why](world.directory / broken.file, manifest)

    found = listed(world)

    assert [backup["id"] for backup in found["backups"]] == [whole.id]
    [told] = found["broken"]
    assert told["path"] == str(manifest)
    assert why in told["why"]
    assert found["orphaned"] == []
    assert [Path(path).name for path in found["foreign"]] in ([], ["x"], ["y"])


@pytest.mark.parametrize("read_back", [True, False])
def test_what_the_disk_has_spoiled_is_found_by_reading(world: World, read_back: bool) -> None:
    spoiled, whole, other = world.backup(), world.backup(), world.backup(name="shop-2")
    for backup in (spoiled, other):
        file = world.directory / backup.file
        file.write_bytes(b"X" + file.read_bytes()[1:])

    found = listed(world, "shop", read_back=read_back)

    assert [backup["id"] for backup in found["backups"]] == [whole.id, *([] if read_back else [spoiled.id])]
    assert [told["path"] for told in found["broken"]] == (paths(world, spoiled.file) if read_back else [])


def test_what_belongs_to_no_backup_is_told_apart(world: World) -> None:
    backup = world.backup()
    names = {
        "orphaned": [
            f".shop-{LOST}.json.partial",
            f"shop-2-{LOST}.json",
            f"shop-{LOST}.json.gz",
            f"shop-{LOST}.manifest.json~",
        ],
        "foreign": [
            *(".hidden", ".shop.lock.old", "..lock", f"link-{LOST}.json", "notes.txt", "shipshape-4711-abc"),
            *("shop.json", "shop.manifest.json"),
        ],
    }
    for name in [*names["orphaned"], *names["foreign"]]:
        (world.directory / name).write_text(name)
    (world.directory / f"link-{LOST}.json").unlink()
    (world.directory / f"link-{LOST}.json").symlink_to(world.directory / backup.file)
    (world.directory / "shipshape-4711-abc").unlink()
    (world.directory / "shipshape-4711-abc").mkdir()
    (world.directory / f"directory-{LOST}").mkdir()
    (world.directory / ".link.lock").symlink_to(world.directory / backup.file)

    found = listed(world)

    assert sorted(found["orphaned"]) == sorted(paths(world, *names["orphaned"]))
    assert sorted(found["foreign"]) == sorted(paths(world, *names["foreign"], f"directory-{LOST}", ".link.lock"))
    assert found["broken"] == []
    assert len(found["backups"]) == 1


def test_a_name_leaves_out_what_belongs_to_others(world: World) -> None:
    kept, other = world.backup(), world.backup(name="shop-2")
    broken = [world.backup(), world.backup(name="shop-2")]
    for backup in broken:
        (world.directory / backup.file).unlink()
    for name in (f"shop-{LOST}.json", f"shop-2-{LOST}.json", f".shop-2-{LOST}.json.partial", "notes.txt"):
        (world.directory / name).write_text(name)

    found = listed(world, "shop")

    assert [backup["id"] for backup in found["backups"]] == [kept.id]
    assert [told["path"] for told in found["broken"]] == paths(world, f"{broken[0].id}.manifest.json")
    assert found["orphaned"] == paths(world, f"shop-{LOST}.json")
    assert found["foreign"] == paths(world, "notes.txt")
    assert [backup["id"] for backup in listed(world, "shop-2")["backups"]] == [other.id]
    assert listed(world, "sho")["backups"] == []


def test_what_goes_on_is_told_also_before_there_is_a_backup(world: World) -> None:
    world.directory.mkdir(0o700)
    (world.directory / f".shop-{LOST}.json.partial").write_text("in the making")
    (world.directory / f".shop-2-{LOST}.json.partial").write_text("left by a killed run")
    (world.directory / "shipshape-4711-abc").mkdir()
    (world.directory / ".shop-2.lock").touch()

    with world.host.locks.hold(str(world.directory / ".shop.lock"), purpose="backup of shop") as tell:
        tell("backup of shop: dump, 42 %, 1.0 MB")
        found = listed(world)
        assert listed(world, "shop")["running"] == found["running"]
        assert listed(world, "shop-2")["running"] == {}
        assert listed(world, "shop-2")["foreign"] == []

    assert list(found["running"]) == ["shop"]
    assert found["running"]["shop"].startswith(f"process {os.getpid()} (backup of shop: dump, 42 %, 1.0 MB, since 20")
    assert found["orphaned"] == paths(world, f".shop-2-{LOST}.json.partial")
    assert found["foreign"] == []
    after = listed(world)
    assert after["running"] == {}
    assert after["orphaned"] == paths(world, f".shop-2-{LOST}.json.partial", f".shop-{LOST}.json.partial")
    assert after["foreign"] == paths(world, "shipshape-4711-abc")
