# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Manifest
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    CommandError,
    FileError,
    Interrupted,
    InvalidInput,
    LockHeld,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from tests.unit.backup.fake_databases import Failing, wrong
from tests.unit.backup.world import PASSWORD, World

NOTHING = " No backup was made, and those that were there are as they were."

RECIPIENT, OTHER = "age1reader00000", "age1another0000"

DAY = timedelta(days=1)


def failing(world: World, adapter: str, method: str, **how: Any) -> Any:
    """The host, one adapter of which fails."""
    return replace(world.host, **{adapter: Failing(getattr(world.host, adapter), method, **how)})  # type: ignore[arg-type] # by name


def with_folders(world: World, folders: Any) -> Host:
    return replace(world.host, folders=folders)


def backup_of(result: Result) -> Any:
    return result.data["backup"]


def test_a_backup_and_its_manifest_are_written(world: World) -> None:
    result = world.back_up(release="1.2.3")

    [new] = world.ids()
    file = world.directory / f"{new}.json"
    manifest = world.manifest(new)
    assert sorted(world.files()) == [f"{new}.json", f"{new}.manifest.json"]
    assert file.read_bytes() == world.databases.path("shop").read_bytes()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (world.directory, file)] == [0o700, 0o600]
    assert stat.S_IMODE((world.directory / f"{new}.manifest.json").stat().st_mode) == 0o600
    assert (manifest.source, manifest.release) == ("postgresql://db.example.com:5432/shop", "1.2.3")
    assert {table.name: rows for table, rows in manifest.facts.tables.items()} == {"orders": 3, "users": 1}
    assert manifest.verified
    assert (manifest.verified.level, manifest.verified.where) == ("restore", "scratch database")
    assert result.changed
    assert result.data == {
        "backup": {**manifest.as_returned(), "path": str(file)},
        "reason": "there is none yet",
        "pattern": "shop-YYYYMMDDTHHMMSSZ-xxxxxx.json",
        "pruned": [],
        "kept": [{"id": new, "reasons": ["keep is empty", "newest", "newest verified"]}],
        "copied": [],
    }
    assert result.warnings == ["A warning."]
    assert world.databases.names() == ["shop"]


@pytest.mark.parametrize(
    ("level", "steps"),
    [
        ("none", ["connect", "dump", "dump:done"]),
        ("checksum", ["connect", "dump", "dump:done"]),
        ("structure", ["connect", "dump", "dump:done", "check"]),
        (
            "restore",
            [
                *("connect", "dump", "dump:done", "check", "scratch", "load:scratch", "load:scratch:done"),
                *("connect", "measure"),
            ],
        ),
    ],
)
def test_every_level_proves_what_those_before_it_do(world: World, level: str, steps: list[str]) -> None:
    manifest = world.backup(verify=level)

    assert world.databases.steps == steps
    assert (manifest.verified.level if manifest.verified else "none") == level


@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_a_backup_is_compressed(world: World, compress: str) -> None:
    if not shutil.which(compress):
        pytest.skip(f"{compress} is not installed")

    manifest = world.backup(compress=compress)

    packed = world.directory / manifest.file
    plain = subprocess.run([compress, "-d", "-c", packed], check=True, capture_output=True).stdout
    assert manifest.file == f"{manifest.id}.json.{'gz' if compress == 'gzip' else 'zst'}"
    assert plain == world.databases.path("shop").read_bytes()
    assert manifest.compression == compress


STEPS = [
    *("dump", "dump:done", "check", "scratch", "load:scratch", "load:scratch:done", "measure"),
]
ADAPTERS: dict[str, dict[str, Any]] = {
    "the lasting name": {"adapter": "folders", "method": "move"},
    "the lasting name is given, and cannot be flushed": {"adapter": "folders", "method": "move", "after": True},
    "the manifest": {"adapter": "files", "method": "write"},
    "the manifest is written, and cannot be flushed": {"adapter": "files", "method": "write", "after": True},
}
ERRORS = [wrong(), Interrupted("Stopped by SIGTERM before it was done: run it again."), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", [*STEPS, *ADAPTERS])
def test_nothing_is_left_of_a_run_that_fails(world: World, step: str, error: BaseException) -> None:
    world.backup()
    world.later(days=1)
    world.backup()
    before, held = world.files(), dict(world.tree())
    world.later(days=1)
    host = failing(world, error=error, **ADAPTERS[step]) if step in ADAPTERS else world.host
    world.databases.faults = {step: error}
    message = getattr(error, "message", None)

    with pytest.raises(type(error)) as caught:
        world.back_up(host=host, keep={"last": 1})

    assert caught.value is error
    if message is not None:
        assert isinstance(error, ShipshapeError)
        assert error.message == message + NOTHING
        error.message = message
    assert world.files() == before
    assert {path: state for path, state in world.tree().items() if path.endswith("json")} == {
        path: state for path, state in held.items() if path.endswith("json")
    }
    assert world.databases.names() == ["shop"]
    world.databases.faults = {}
    assert world.back_up().changed


def test_a_copy_that_is_not_like_the_database_is_no_backup(world: World) -> None:
    world.databases.loses_at = "load:scratch"

    with pytest.raises(BackupError) as caught:
        world.back_up()

    assert caught.value.message == (
        "The backup was restored, and is not like the database: Table orders has 2 rows instead of 3." + NOTHING
    )
    assert world.files() == {}


def test_a_file_that_changes_on_the_disk_is_no_backup(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    dump = world.databases.dump

    def spoiled(*arguments: Any, **options: Any) -> Any:
        told = dump(*arguments, **options)
        path = Path(arguments[2])
        path.write_bytes(b"X" + path.read_bytes()[1:])
        return told

    monkeypatch.setattr(world.databases, "dump", spoiled)

    with pytest.raises(BackupError, match=r"does not hold what was written: .* check the disk\. No backup was made"):
        world.back_up(verify="checksum")

    assert world.files() == {}


def test_what_failed_first_is_told_when_cleaning_fails_too(world: World) -> None:
    world.databases.faults = {"check": wrong()}
    host = failing(world, "folders", "remove", error=FileError("It cannot be removed."))

    with pytest.raises(BackupError) as caught:
        world.back_up(host=host)

    [left] = world.files()
    [told] = caught.value.message.splitlines()
    assert told.startswith(f"It is broken.{NOTHING} What was begun could not be removed: ")
    assert f"{world.directory}/{left}" in told


def test_a_clock_that_is_put_back_during_a_backup_does_no_harm(world: World) -> None:
    world.clock.steps = [timedelta(seconds=1), timedelta(hours=-2)]

    manifest = world.backup()

    assert manifest.seconds == 0


def test_a_backup_is_never_overwritten(world: World) -> None:
    world.at("2026-03-10T12:00:00+00:00")
    host = replace(world.host, random=lambda size: b"\1" * size)
    world.back_up(host=host)
    before = world.files()
    world.at("2026-03-10T12:00:00+00:00")
    world.orders()

    with pytest.raises(BackupError, match="is there already, because the clock has shown this time before"):
        world.back_up(host=host)

    assert world.files() == before


def test_what_killed_runs_have_left_is_swept(world: World) -> None:
    new = world.backup().id
    id_, lost = "shop-20260101T000000Z-aabbcc", "shop-20260101T000000Z-ddeeff"
    own = [f".{id_}.json.partial", f".{id_}.json.zst.partial-journal", f".{lost}.manifest.json.shipshape-4711"]
    others = [
        *(".shop-2-20260101T000000Z-aabbcc.json.partial", ".sho-20260101T000000Z-aabbcc.json.partial"),
        *(f".{id_}.json.swp", ".partial", ".shop.partial", "shop.partial", f"{id_}.json.partial"),
    ]
    for name in (*own, *others):
        (world.directory / name).write_text(name)
    (world.directory / f".{id_}.link.partial").symlink_to(world.directory / f"{new}.json")

    result = world.back_up()

    assert not {path.name for path in world.directory.iterdir()} & set(own)
    assert {name: text for name, text in world.files().items() if name in others} == {
        name: name.encode() for name in others
    }
    assert (world.directory / f".{id_}.link.partial").is_symlink()
    assert new in world.ids()
    assert not any(name in warning for warning in result.warnings for name in own)


def test_room_is_made_before_it_is_measured(world: World) -> None:
    world.back_up()
    left = world.directory / ".shop-20260101T000000Z-aabbcc.json.partial"
    left.write_bytes(bytes(10_000))
    folders = world.host.folders

    class Full:
        def free_bytes(self, path: str) -> int:
            is_there = left.exists() and path == str(world.directory)
            return 9_000 - (left.stat().st_size if is_there else 0)

        def __getattr__(self, name: str) -> Any:
            return getattr(folders, name)

    host = with_folders(world, Full())

    assert world.back_up(host=host, check_mode=True).changed
    assert left.exists()
    assert world.back_up(host=host).changed
    assert not left.exists()


def test_a_file_without_a_manifest_is_told_and_left(world: World) -> None:
    world.back_up()
    orphan, other = "shop-20260101T000000Z-aabbcc.json", "shop-2-20260101T000000Z-aabbcc.json"
    for name in (orphan, other):
        (world.directory / name).write_text("precious")

    result = world.back_up(keep={"last": 1})

    assert [warning for warning in result.warnings if warning != "A warning."] == [
        f"{orphan} in {world.directory} has no manifest, and is no backup: remove it if nobody needs it."
    ]
    assert world.files()[orphan] == world.files()[other] == b"precious"


def test_a_broken_backup_is_told_and_left(world: World) -> None:
    broken, whole, other = world.backup(), world.backup(), world.backup(name="shop-2")
    for backup in (broken, other):
        (world.directory / backup.file).write_text("short")
    before = world.files()

    result = world.back_up(keep={"last": 1})

    assert [warning for warning in result.warnings if warning != "A warning."] == [
        f"{broken.id}.manifest.json in {world.directory} is no backup any more: {broken.file} has 5 bytes and not"
        f" {broken.bytes} as when it was written."
    ]
    assert result.data["pruned"] == [whole.id]
    assert {name: text for name, text in before.items() if whole.id not in name}.items() <= world.files().items()


def fresh_world(root: Path, prepare: Any) -> World:
    root.mkdir()
    world = World(root)
    if prepare:
        prepare(world)
    return world


def three_days(world: World) -> None:
    for _day in range(3):
        world.backup()
        world.later(days=1)


def with_all_kinds(world: World) -> None:
    three_days(world)
    world.backup(name="shop-2", address=world.address(), skip_unchanged=True)
    world.backup(purpose="safety")
    (world.directory / world.backup().file).write_text("short")
    (world.directory / "shop-20260101T000000Z-aabbcc.json").write_text("an orphan")
    (world.directory / ".shop-20260101T000000Z-aabbcc.json.partial").write_text("left")
    (world.directory / "notes.txt").write_text("foreign")


@pytest.mark.parametrize(
    ("prepare", "options"),
    [
        pytest.param(None, {}, id="no directory yet"),
        pytest.param(three_days, {"keep": {"last": 1}}, id="retention"),
        pytest.param(three_days, {"keep": {"daily": 2}, "max_age": timedelta(hours=1)}, id="too old"),
        pytest.param(three_days, {"keep": {"last": 1}, "max_age": 2 * DAY}, id="young enough, and retention"),
        pytest.param(three_days, {"max_age": 2 * DAY}, id="young enough"),
        pytest.param(with_all_kinds, {"skip_unchanged": True, "keep": {"last": 2}}, id="all kinds"),
        pytest.param(three_days, {"copy_to": "offsite:shop", "keep": {"last": 2}}, id="copies"),
        pytest.param(three_days, {"copy_to": "offsite:shop", "max_age": 2 * DAY}, id="only copies"),
        pytest.param(three_days, {"compress": "gzip", "encrypt_to": (RECIPIENT,)}, id="another packing"),
    ],
)
@pytest.mark.usefixtures("programs")
def test_check_mode_writes_nothing_and_foretells_the_run(tmp_path: Path, prepare: Any, options: Any) -> None:
    world = fresh_world(tmp_path / "world", prepare)
    before = world.tree()
    options = {"keep": {}, **options}

    foretold = world.back_up(check_mode=True, **options)

    assert world.tree() == before
    real = world.back_up(**options)
    pattern = str(foretold.data["pattern"]).removesuffix(".json").split(".")[0]
    new = backup_of(real)["id"]
    copied: Any = real.data["copied"]
    as_foretold = [pattern if name == new and real.data["reason"] != "x" else name for name in copied]
    is_taken = foretold.data["backup"] is None
    assert (foretold.changed, foretold.diff) == (real.changed, real.diff)
    for word in ("reason", "pattern", "pruned"):
        assert foretold.data[word] == real.data[word]
    assert [(kept["id"], kept["reasons"]) for kept in foretold.data["kept"]] == [
        (pattern if is_taken and kept["id"] == new else kept["id"], kept["reasons"]) for kept in real.data["kept"]
    ]
    assert foretold.data["copied"] == (as_foretold if is_taken else real.data["copied"])
    assert [warning for warning in real.warnings if warning != "A warning."] == list(foretold.warnings)


def test_the_list_of_backups_begins_with_the_oldest(world: World) -> None:
    ids = [world.backup().id for _number in range(3)]

    diff = world.back_up(keep={"last": 2}).diff

    assert diff
    assert diff.before == "".join(f"{id_}\n" for id_ in ids)
    assert diff.after == f"{ids[2]}\nshop-YYYYMMDDTHHMMSSZ-xxxxxx\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "every run takes one"),
        ({"max_age": timedelta()}, "none is younger than max_age, and verified and encrypted as wanted"),
    ],
)
def test_the_reason_is_told(world: World, options: Any, reason: str) -> None:
    world.backup(purpose="safety")
    assert world.back_up(**options, check_mode=True).data["reason"] == "there is none yet"
    world.backup()

    assert world.back_up(**options).data["reason"] == reason


def test_a_second_run_within_max_age_changes_nothing(world: World) -> None:
    first = world.backup()
    before = world.files()

    again = world.back_up(max_age=DAY)

    assert not again.changed
    assert again.data["reason"] == "one is younger than max_age"
    assert backup_of(again)["id"] == first.id
    assert again.diff
    assert again.diff.before == again.diff.after == f"{first.id}\n"
    assert world.files() == before


def test_what_is_exactly_as_old_as_max_age_is_young_enough(world: World) -> None:
    first = world.backup()

    world.clock.time = first.taken + DAY
    assert not world.back_up(max_age=DAY).changed
    world.clock.time = first.taken + DAY + timedelta(seconds=1)
    assert world.back_up(max_age=DAY).changed


UNFIT: dict[str, Any] = {
    "less verified": lambda world: world.backup(verify="structure", skip_unchanged=True),
    "from the future": lambda world: world.rewrite(
        world.backup(skip_unchanged=True), taken=world.clock.time + timedelta(minutes=10)
    ),
    "for safety": lambda world: world.backup(purpose="safety", skip_unchanged=True),
    "broken": lambda world: (world.directory / world.backup(skip_unchanged=True).file).unlink(),
    "of another server": lambda world: world.backup(
        address=replace(world.address(), host="db2.example.com"), skip_unchanged=True
    ),
    "of another engine": lambda world: world.rewrite(world.backup(skip_unchanged=True), engine="mysql"),
    "not encrypted": lambda world: world.backup(skip_unchanged=True),
    "for other readers": lambda world: world.backup(skip_unchanged=True, encrypt_to=(OTHER,)),
}


@pytest.mark.parametrize("options", [{"max_age": DAY}, {"skip_unchanged": True}], ids=["max_age", "skip_unchanged"])
@pytest.mark.parametrize("unfit", UNFIT)
@pytest.mark.usefixtures("programs")
def test_another_backup_does_not_spare_this_one(world: World, unfit: str, options: dict[str, Any]) -> None:
    readers: dict[str, Any] = {"encrypt_to": (RECIPIENT,)} if unfit in ("not encrypted", "for other readers") else {}
    UNFIT[unfit](world)

    assert world.back_up(**options, **readers).changed
    assert not world.back_up(**options, **readers).changed


@pytest.mark.parametrize(
    ("user", "name"), [("admin", "shop"), (None, "shop"), ("app", "nightly")], ids=["user", "no user", "name"]
)
def test_a_backup_spares_another_of_the_same_database(world: World, user: str | None, name: str) -> None:
    world.backup(skip_unchanged=True)
    address = replace(world.address(), user=user)

    assert not world.back_up(max_age=DAY, address=address, name=name).changed
    assert not world.back_up(skip_unchanged=True, address=address, name=name).changed


def test_a_database_that_has_not_changed_is_skipped(world: World) -> None:
    first = world.backup(skip_unchanged=True)
    world.later(days=100)

    again = world.back_up(skip_unchanged=True)

    assert not again.changed
    assert again.data["reason"] == "nothing has changed since the newest"
    assert backup_of(again)["id"] == first.id


@pytest.mark.parametrize("what", ["a row", "the schema", "back to what was"])
def test_a_database_that_has_changed_is_not_skipped(world: World, what: str) -> None:
    world.backup(skip_unchanged=True)
    orders = world.databases.read("shop")["orders"]
    if what == "the schema":
        world.databases.write("shop", "v2", orders=orders, users=[["ada"]])
    else:
        world.orders([1, "tea"], [2, "salt"], [3, "vinegar"])
    if what == "back to what was":
        world.backup(skip_unchanged=True)
        world.orders(*orders)

    result = world.back_up(skip_unchanged=True)

    assert result.changed
    assert str(result.data["reason"]).startswith("the newest is not of what the database holds now")


def test_without_a_hash_of_the_rows_nothing_is_skipped(world: World) -> None:
    world.backup()

    assert world.back_up(skip_unchanged=True).changed


def test_retention_is_about_backups_of_this_database_alone(world: World) -> None:
    old = world.backup()
    spared = [
        world.backup(address=replace(world.address(), host="db2.example.com")),
        world.backup(address=replace(world.address(), port=5433), name="shop-2"),
        world.rewrite(world.backup(), engine="mysql"),
        world.backup(purpose="safety"),
    ]
    broken = world.backup()
    (world.directory / broken.file).unlink()
    foreign = ["notes.txt", "shop-20260101T000000Z-aabbcc.json", "shop-20260101T000000Z-aabbcc.manifest.json~"]
    for name in foreign:
        (world.directory / name).write_text(name)
    world.later(days=1)
    before = world.files()

    result = world.back_up(keep={"last": 1})

    assert result.data["pruned"] == [old.id]
    assert before.keys() - world.files().keys() == {old.file, f"{old.id}.manifest.json"}
    assert {backup.id for backup in spared} <= set(world.ids())
    kept = [entry["id"] for entry in result.data["kept"]]
    assert kept == [backup_of(result)["id"]]


def test_the_manifest_goes_before_its_file(world: World) -> None:
    old = world.backup()
    world.later(days=1)
    host = failing(world, "folders", "remove", error=FileError("It cannot be removed."), of=old.file)

    with pytest.raises(FileError) as caught:
        world.back_up(host=host, keep={"last": 1})

    assert caught.value.message == (
        "It cannot be removed. The newest backup is done and whole; what is to be pruned is tried again by the next"
        " run."
    )
    assert f"{old.id}.manifest.json" not in world.files()
    assert len(world.ids()) == 1
    assert any(old.file in warning for warning in world.back_up().warnings)


@pytest.mark.parametrize(("hours", "pruned"), [(0, 1), (3, 0)])
def test_a_day_is_one_of_the_host_s_own_zone(world: World, hours: int, pruned: int) -> None:
    world.clock.zone = timezone(timedelta(hours=hours))
    taken = []
    for moment in ("2026-03-09T10:00:00+00:00", "2026-03-10T20:30:00+00:00"):
        world.at(moment)
        taken.append(world.backup().id)
    # At three hours more this is another day than the one before.
    world.at("2026-03-10T22:30:00+00:00")

    foretold = world.back_up(check_mode=True, keep={"daily": 2})
    real = world.back_up(keep={"daily": 2})

    assert real.data["pruned"] == foretold.data["pruned"] == [taken[pruned]]


def test_a_time_in_another_zone_is_the_same_time(world: World) -> None:
    first = world.backup()
    moved = first.taken.astimezone(timezone(timedelta(hours=-11)))
    world.rewrite(first, taken=moved)
    second = world.backup()

    assert not world.back_up(max_age=timedelta(minutes=1)).changed
    assert backup_of(world.back_up(max_age=timedelta(minutes=1)))["id"] == second.id


def remote(programs: Path) -> dict[str, bytes]:
    found = programs / "remote/shop"
    return {path.name: path.read_bytes() for path in found.iterdir()} if found.exists() else {}


def test_what_is_missing_off_the_host_is_copied(world: World, programs: Path) -> None:
    first, second = world.backup(), world.backup()
    world.backup(purpose="safety")
    result = world.back_up(copy_to="offsite:shop")
    third = backup_of(result)

    assert result.data["copied"] == [first.id, second.id, third["id"]]
    wanted = {name: text for name, text in world.files().items() if any(i in name for i in result.data["copied"])}
    assert remote(programs) == wanted
    assert len(wanted) == 6
    again = world.back_up(copy_to="offsite:shop/", max_age=DAY)
    assert (again.changed, again.data["copied"]) == (False, [])
    (programs / "remote/shop" / second.file).write_text("short")
    (programs / "remote/shop" / f"{first.id}.manifest.json").unlink()
    assert world.back_up(copy_to="offsite:shop", max_age=DAY).data["copied"] == [first.id, second.id]
    assert remote(programs) == wanted


def test_what_anybody_can_read_is_not_copied_by_who_encrypts(world: World, programs: Path) -> None:
    world.backup()
    world.later(hours=1)
    encrypted = world.backup(encrypt_to=(RECIPIENT,), verify="none")

    result = world.back_up(copy_to="offsite:shop", encrypt_to=(RECIPIENT,), verify="none", max_age=DAY)
    assert result.data["copied"] == [encrypted.id]


def test_what_is_pruned_is_not_copied_before(world: World, programs: Path) -> None:
    old = world.backup()
    world.later(days=1)

    result = world.back_up(copy_to="offsite:shop", keep={"last": 1})

    assert result.data["pruned"] == [old.id]
    assert result.data["copied"] == [backup_of(result)["id"]]
    assert old.file not in remote(programs)


@pytest.mark.parametrize("fault", ["fail-lsjson", "fail-copyto", "fail-hashsum", "spoil"])
def test_nothing_is_pruned_after_a_copy_that_failed(world: World, programs: Path, fault: str) -> None:
    old = world.backup()
    world.later(days=1)
    (programs / fault).touch()
    options: dict[str, Any] = {"copy_to": "offsite:shop", "keep": {"last": 1}, "max_age": timedelta(hours=1)}

    with pytest.raises(ShipshapeError) as caught:
        world.back_up(**options)

    assert caught.value.message.endswith(
        ". The backups here are done and whole, nothing was pruned, and the next run tries again."
    )
    assert old.id in world.ids()
    assert len(world.ids()) == 2
    assert not [name for name in remote(programs) if name.endswith(".manifest.json")]
    (programs / fault).unlink()
    again = world.back_up(**options)
    assert again.data["pruned"] == [old.id]
    assert again.data["copied"] == world.ids()
    assert {name: text for name, text in world.files().items() if name in remote(programs)} == remote(programs)


def test_rclone_is_asked_for_before_anything_is_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.host.commands, "find", lambda *names: None)

    for check_mode in (True, False):
        with pytest.raises(InvalidInput, match="rclone is not installed"):
            world.back_up(copy_to="offsite:shop", check_mode=check_mode)

    assert "dump" not in world.databases.steps


def test_a_second_run_at_the_same_time_is_told_who_what_and_how_far(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = world.backup().bytes
    told: list[str] = []
    dump = world.databases.dump

    def while_dumping(*arguments: Any, **options: Any) -> Any:
        done = dump(*arguments, **options)
        arguments[4].progress(size // 2)
        with pytest.raises(LockHeld) as caught:
            world.back_up()
        told.append(caught.value.message)
        return done

    monkeypatch.setattr(world.databases, "dump", while_dumping)
    world.back_up()

    [message] = told
    assert message.startswith(
        f"{world.directory}/.shop.lock is locked by process {os.getpid()} (backup of shop: dump, "
    )
    assert f"{size // 2 * 100 // size} %, {size // 2} bytes, since 20" in message
    assert len(world.ids()) == 2


def test_backups_under_another_name_go_on_meanwhile(world: World) -> None:
    world.back_up()

    with world.host.locks.hold(str(world.directory / ".shop.lock"), purpose="a backup"):
        assert world.back_up(name="shop-2").changed
        assert world.back_up(check_mode=True).changed
        with pytest.raises(LockHeld):
            world.back_up()


class Space:
    """Folders in which so much is left."""

    def __init__(self, folders: Any, **left: int) -> None:
        self.folders, self.left = folders, left

    def free_bytes(self, path: str) -> int:
        return self.left[Path(path).name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.folders, name)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("options", "left", "told"),
    [
        ({}, {"backups": 1199, "scratch": 10**9}, ["/backups has 1.2 kB left, and about 1.2 kB are needed"]),
        ({}, {"backups": 10**9, "scratch": 1199}, ["/scratch has 1.2 kB left"]),
        ({}, {"backups": 0, "scratch": 0}, ["/backups has 0 bytes", "/scratch has 0 bytes"]),
        ({"verify": "structure"}, {"backups": 1199, "scratch": 0}, ["/backups has 1.2 kB"]),
        ({"verify_in": "scratch_database"}, {"backups": 1199, "scratch": 0}, ["/backups has 1.2 kB"]),
    ],
)
def test_too_little_space_is_refused_before_the_dump(
    world: World, options: Any, left: Any, told: list[str], check_mode: bool
) -> None:
    world.databases.told_size = 1000
    host = with_folders(world, Space(world.host.folders, **left))

    with pytest.raises(BackupError, match=r"^No backup was begun\. ") as caught:
        world.back_up(host=host, check_mode=check_mode, **options)

    assert all(part in caught.value.message for part in told)
    assert caught.value.message.count("are needed") == len(told)
    assert caught.value.details == {"reason": "disk_full"}
    assert "dump" not in world.databases.steps
    enough = {name: max(free, 1200) for name, free in left.items()}
    host = with_folders(world, Space(world.host.folders, **enough))
    assert world.back_up(host=host, check_mode=check_mode, **options).changed


# What SQLite packs is copied before, and what is looked into there is unpacked.
@pytest.mark.parametrize(
    ("options", "left", "is_enough"),
    [
        ({"compress": "gzip"}, {"backups": 2399, "scratch": 1200}, False),
        ({"compress": "gzip"}, {"backups": 2400, "scratch": 1200}, True),
        ({"compress": "none"}, {"backups": 1200, "scratch": 1200}, True),
        ({"verify": "structure"}, {"backups": 1200, "scratch": 1199}, False),
        ({"verify": "checksum"}, {"backups": 1200, "scratch": 0}, True),
    ],
)
def test_a_file_needs_room_for_its_copies(world: World, options: Any, left: Any, is_enough: bool) -> None:
    world.databases.told_size = 1000
    host = with_folders(world, Space(world.host.folders, **left))
    address = Address("sqlite", "shop")

    if is_enough:
        assert world.back_up(host=host, address=address, check_mode=True, **options).changed
    else:
        with pytest.raises(BackupError, match=r"^No backup was begun\."):
            world.back_up(host=host, address=address, check_mode=True, **options)


def test_room_is_estimated_by_the_last_backup_that_was_packed_alike(world: World) -> None:
    world.orders(*[[number, "tea"] for number in range(50)])
    world.databases.told_size = 10**5
    last = world.backup().bytes
    assert world.backup(compress="gzip").bytes < last / 2

    for left, is_enough in ((int(last * 1.2) - 1, False), (int(last * 1.2), True)):
        host = with_folders(world, Space(world.host.folders, backups=left, scratch=10**6))
        if is_enough:
            assert world.back_up(host=host, check_mode=True).changed
        else:
            with pytest.raises(BackupError, match="/backups has"):
                world.back_up(host=host, check_mode=True)


def test_a_scratch_in_the_same_directory_needs_room_beside_the_backup(world: World) -> None:
    world.databases.told_size = 1000
    options = {"terms": Terms(f"{world.directory}/")}
    for left, is_enough in ((2399, False), (2400, True)):
        host = with_folders(world, Space(world.host.folders, backups=left))
        if is_enough:
            assert world.back_up(host=host, check_mode=True, **options).changed
        else:
            with pytest.raises(BackupError, match=r"about 2\.4 kB are needed"):
                world.back_up(host=host, check_mode=True, **options)


def test_an_encrypted_backup_is_verified_by_a_key_that_nobody_keeps(world: World, programs: Path) -> None:
    manifest = world.backup(encrypt_to=(RECIPIENT,), verify="restore", compress="gzip")

    packed = (world.directory / manifest.file).read_bytes()
    assert packed.startswith(f"age {RECIPIENT} age1ephemeralkey\n".encode())
    assert manifest.recipients == (RECIPIENT,)
    assert manifest.file == f"{manifest.id}.json.gz.age"
    assert "ephemeral" not in (world.directory / f"{manifest.id}.manifest.json").read_text().lower()
    [encrypt, *decrypt] = [line for line in (programs / "log").read_text().splitlines() if line.startswith("age ")]
    assert encrypt == f"age --encrypt --recipient {RECIPIENT} --recipient age1ephemeralkey"
    assert decrypt
    assert all(line.startswith("age --decrypt --identity /dev/fd/") for line in decrypt)


@pytest.mark.parametrize("level", ["none", "checksum"])
def test_what_is_not_looked_into_needs_no_key(world: World, programs: Path, level: str) -> None:
    (programs / "age-keygen").write_text("#!/bin/sh\nexit 1\n")

    manifest = world.backup(encrypt_to=(RECIPIENT,), verify=level)

    assert (world.directory / manifest.file).read_bytes().startswith(f"age {RECIPIENT}\n".encode())
    with pytest.raises(CommandError, match=r"Making a key for the verification failed: .* No backup was made"):
        world.back_up(encrypt_to=(RECIPIENT,), verify="structure")


def test_a_password_is_nowhere(world: World) -> None:
    result = world.back_up()

    assert PASSWORD not in repr(result)
    assert not [name for name, text in world.files().items() if PASSWORD.encode() in text]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"directory": "backups"}, r"^The backup: 1 problem, nothing was changed. directory is not absolute"),
        ({"terms": Terms("scratch")}, "scratch_directory is not absolute"),
        ({"name": "../shop"}, "name: it takes letters"),
        ({"name": ".shop", "directory": "backups"}, "2 problems"),
        ({"copy_to": ":s3,secret_access_key=abc:bucket"}, "copy_to is no remote"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_what_is_unfit_is_refused(world: World, changes: Any, told: str, check_mode: bool) -> None:
    before = world.tree()

    with pytest.raises(InvalidInput, match=told) as caught:
        world.back_up(check_mode=check_mode, **changes)

    assert "abc" not in caught.value.message
    assert world.tree() == before


def test_progress_is_told_in_percent_and_only_when_it_has_changed(world: World) -> None:
    before: Manifest = world.backup()
    told: list[str] = []
    locks = world.host.locks

    class Recording:
        def hold(self, path: str, *, purpose: str, wait: float = 0) -> Any:
            told.append(purpose)

            class Held:
                def __enter__(self) -> Any:
                    self.lock = locks.hold(path, purpose=purpose)
                    self.lock.__enter__()
                    return told.append

                def __exit__(self, *_: object) -> None:
                    self.lock.__exit__(None, None, None)

            return Held()

    locks_: Any = Recording()
    host = replace(world.host, locks=locks_)
    world.back_up(host=host)

    assert told == [
        "backup of shop",
        f"backup of shop: dump, 99 %, {before.bytes} bytes",
        f"backup of shop: verification, 99 %, {before.bytes} bytes",
    ]


def test_gzip_of_the_standard_library_can_read_it(world: World) -> None:
    manifest = world.backup(compress="gzip")

    with gzip.open(world.directory / manifest.file) as file:
        assert file.read() == world.databases.path("shop").read_bytes()
