# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.catalogue import (
    Catalogue,
    leftovers,
    locate,
    lock_path,
    name_of,
    partial_path,
    read_catalogue,
    select,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Entry
from tests.unit.backup.world import World

STAMP = "20260101T000000Z-aabbcc"
ID = f"shop-{STAMP}"
SOURCE = "postgresql://db.example.com:5432/shop"


def read(world: World) -> Catalogue:
    return read_catalogue(str(world.directory), files=world.host.files, folders=world.host.folders)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (f"shop-{STAMP}.json", "shop"),
        (f"shop-{STAMP}", "shop"),
        (f"shop-2-{STAMP}.json.zst.age", "shop-2"),
        (f"shop-{STAMP}.manifest.json", "shop"),
        (f"shop-{STAMP}-{STAMP}.json", f"shop-{STAMP}"),
        (f".shop-{STAMP}.json.partial", "shop"),
        (f".shop-{STAMP}.json.partial-wal", "shop"),
        (f".shop-{STAMP}.manifest.json.shipshape-4711", "shop"),
        (f".shop-{STAMP}.json", None),
        (f".shop-{STAMP}.json.swp", None),
        (f"shop-{STAMP}x.json", None),
        ("shop.json", None),
        (".shop.lock", None),
        (".partial", None),
        ("", None),
    ],
)
def test_a_file_belongs_to_the_backups_of_one_name(file: str, name: str | None) -> None:
    assert name_of(file) == name


@pytest.mark.parametrize("name", ["shop", "shop-2", f"shop-{STAMP}", "shop.partial"])
def test_only_what_a_run_under_this_name_left_is_its_own(name: str) -> None:
    names = ("shop", "shop-2", f"shop-{STAMP}", "shop.partial", "hop")
    entries = [
        Entry(file, is_file=is_file, size=1, modified=0)
        for found in names
        for file, is_file in (
            (partial_path("", f"{found}-{STAMP}.json"), True),
            (partial_path("", f"{found}-{STAMP}.json.zst"), False),
            (lock_path("", found), True),
            (f"{found}-{STAMP}.json", True),
            (f"{found}-{STAMP}.json.partial", True),
        )
    ]

    assert [entry.name for entry in leftovers(entries, name)] == [partial_path("", f"{name}-{STAMP}.json")]


def test_two_manifests_never_are_about_one_file(world: World) -> None:
    first, second = world.backup(), world.backup()
    world.edit(second, file=first.file, bytes=first.bytes, sha256=first.sha256)

    found = read(world)

    assert [backup.id for backup in found.backups] == [first.id]
    assert [broken.id for broken in found.broken] == [second.id]
    world.later(days=1)
    world.back_up(keep={"last": 1})
    assert {second.file, f"{second.id}.manifest.json"} <= world.files().keys()


@pytest.mark.parametrize(
    "file", ["../shop.json", "/etc/passwd", "{id}/../../x", "{other}.json", "{id}.manifest.json", ".{id}.json", ""]
)
def test_a_manifest_leads_nowhere_else(world: World, file: str) -> None:
    backup, other = world.backup(), world.backup()
    world.edit(backup, file=file.format(id=backup.id, other=other.id))

    assert [broken.id for broken in read(world).broken] == [backup.id]


def test_a_manifest_under_another_name_is_no_manifest(world: World) -> None:
    backup = world.backup()
    (world.directory / f"{ID}.manifest.json").write_bytes((world.directory / f"{backup.id}.manifest.json").read_bytes())

    [broken] = read(world).broken

    assert broken.why == f"{ID}.manifest.json is the manifest of another backup, {backup.id}."


def test_a_hundred_manifests_are_read_newest_first(world: World) -> None:
    text = json.loads((world.directory / f"{world.backup().id}.manifest.json").read_text())
    for number in range(100):
        new = f"shop-20260101T000000Z-{number:06x}"
        changed = {"id": new, "file": f"{new}.json", "taken": f"2026-01-{1 + number % 28:02}T00:00:00+00:00"}
        (world.directory / f"{new}.manifest.json").write_text(json.dumps({**text, **changed}))
        (world.directory / f"{new}.json").write_bytes(b"x" * text["bytes"])

    found = read(world).backups

    keys = [(backup.taken, backup.id) for backup in found]
    assert len(keys) == 101
    assert keys == sorted(keys, reverse=True)


def test_times_in_other_zones_are_put_in_order(world: World) -> None:
    first, second = world.backup(), world.backup()
    world.edit(first, taken="2026-03-10T23:30:00-02:00")
    world.edit(second, taken="2026-03-11T01:00:00+00:00")

    assert [backup.id for backup in read(world).backups] == [first.id, second.id]


def test_the_latest_of_this_database_goes_before_those_of_others(world: World) -> None:
    own = world.backup()
    other = world.backup(address=replace(world.address(), host="db2.example.com"))
    found = read(world)

    assert select(found, "latest", "postgresql", "shop", SOURCE).id == own.id
    assert select(found, "latest", "postgresql", "shop", "postgresql://db3.example.com:5432/shop").id == other.id
    assert select(found, other.id, "postgresql", "any", SOURCE).id == other.id


@pytest.mark.parametrize("kind", ["broken", "orphaned"])
def test_why_there_is_no_such_backup_is_told(world: World, kind: str) -> None:
    backup = world.backup()
    (world.directory / (backup.file if kind == "broken" else f"{backup.id}.manifest.json")).unlink()

    with pytest.raises(BackupError) as caught:
        select(read(world), backup.id, "postgresql", "shop", SOURCE)

    assert caught.value.message == (
        f"The backup {backup.id} cannot be used: {backup.file}, which the manifest is about, is not there."
        if kind == "broken"
        else f"{backup.file} in {world.directory} has no manifest, and so it is no backup."
    )


def test_only_the_five_newest_are_named(world: World) -> None:
    taken = [world.backup().id for _number in range(6)]

    with pytest.raises(BackupError) as caught:
        select(read(world), ID, "postgresql", "shop", SOURCE)

    assert caught.value.message.endswith(f"are there: {', '.join(reversed(taken[1:]))}.")


@pytest.mark.parametrize(
    ("wanted", "directory", "found"),
    [
        ("latest", "/b", ("/b", "latest")),
        (ID, "/b", ("/b", ID)),
        (f"/c/{ID}.json.zst", None, ("/c", ID)),
        (f"/c/{ID}.manifest.json", "/b", ("/c", ID)),
        (f"/{ID}.json", None, ("/", ID)),
    ],
)
def test_a_backup_is_located(wanted: str, directory: str | None, found: tuple[str, str]) -> None:
    assert locate(wanted, directory) == found


@pytest.mark.parametrize(
    ("wanted", "directory", "told"),
    [
        ("latest", None, "directory is missing"),
        ("latest", "b", "directory is not absolute"),
        ("", "/b", "neither an id, nor latest"),
        ("Latest", "/b", "neither an id, nor latest"),
        (f"c/{ID}.json", "/b", "neither an id, nor latest"),
        ("/c/shop.json", "/b", "neither an id, nor latest"),
        (f"/c/{ID}/", "/b", "neither an id, nor latest"),
        (f"/c/.{ID}.json.partial", "/b", "neither an id, nor latest"),
    ],
)
def test_what_is_no_backup_is_told(wanted: str, directory: str | None, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        locate(wanted, directory)


def test_locks_are_told_by_the_names_that_they_are_for(world: World) -> None:
    world.back_up(name="shop")
    world.back_up(name="shop-2")
    for name in (".lock", "..lock", ".-.lock"):
        (world.directory / name).touch()
    (world.directory / ".link.lock").symlink_to(Path("/dev/null"))

    found = read(world)

    assert found.locked == ("shop-2", "shop")
    assert set(found.foreign) == {".lock", "..lock", ".-.lock", ".link.lock"}
