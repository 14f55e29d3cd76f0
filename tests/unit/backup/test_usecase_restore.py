# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    CommandError,
    DatabaseError,
    FileError,
    Interrupted,
    InvalidInput,
    LockHeld,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from tests.unit.backup.fake_databases import Failing, wrong
from tests.unit.backup.world import ORDERS, PASSWORD, World

RECIPIENT, IDENTITY = "age1reader00000", "AGE-SECRET-KEY-1READER00000\n"

AS_IT_WAS = " The database is as it was."


def beside(world: World, purpose: str) -> list[str]:
    return [name for name in world.databases.names() if f"__{purpose}_" in name]


def lost(result: Result) -> dict[str, int]:
    return {entry["name"]: entry["rows"] for entry in result.data["lost"]}


def test_the_database_is_as_it_was_at_the_time_of_the_backup(world: World) -> None:
    before = world.databases.path("shop").read_bytes()
    backup = world.backup()
    world.orders(*ORDERS, [4, "rice"], [5, "tar"])
    after = world.databases.path("shop").read_bytes()

    result = world.restore(loss_budget=2)

    assert world.databases.path("shop").read_bytes() == before
    [old] = beside(world, "old")
    assert world.databases.path(old).read_bytes() == after
    assert world.databases.names() == ["shop", old]
    [safety] = [manifest for id_ in world.ids() if (manifest := world.manifest(id_)).purpose == "safety"]
    assert result.changed
    assert result.data == {
        "backup": {**backup.as_returned(), "path": str(world.directory / backup.file)},
        "lost": [{"schema": None, "name": "orders", "rows": 2}],
        "lost_is_estimate": False,
        "safety_backup": safety.id,
        "old": old,
    }
    assert result.diff
    assert (result.diff.before, result.diff.after) == (
        "orders: 5 rows\nusers: 1 rows\n",
        "orders: 3 rows\nusers: 1 rows\n",
    )
    assert list(result.warnings) == []
    world.restore(backup=safety.id)
    assert world.databases.path("shop").read_bytes() == after


@pytest.mark.usefixtures("programs")
def test_a_safety_backup_is_for_the_readers_of_the_restored_one(world: World) -> None:
    world.backup(encrypt_to=(RECIPIENT,))
    world.orders(*ORDERS, [4, "rice"])

    safety = world.restore(loss_budget=1, age_identity=IDENTITY).data["safety_backup"]

    assert world.manifest(str(safety)).recipients == (RECIPIENT,)


def test_the_same_backup_once_more_changes_nothing(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.restore(loss_budget=1)
    names, files = world.databases.names(), world.files()

    again = world.restore()

    assert (again.changed, lost(again)) == (False, {})
    assert (again.data["safety_backup"], again.data["old"]) == (None, None)
    assert again.diff
    assert again.diff.before == again.diff.after
    assert (world.databases.names(), world.files()) == (names, files)


@pytest.mark.parametrize("change", ["a row less", "another row", "another schema", "another table"])
def test_what_is_different_is_restored(world: World, change: str) -> None:
    world.backup()
    before = world.databases.path("shop").read_bytes()
    if change == "another schema":
        world.databases.write("shop", "v2", orders=ORDERS, users=[["ada"]])
    elif change == "another table":
        world.databases.write("shop", "v1", orders=ORDERS, users=[["ada"]], empty=[])
    else:
        world.orders(*ORDERS[:2], *([[3, "vinegar"]] if change == "another row" else []))

    result = world.restore(loss_budget=1)

    assert result.changed
    assert world.databases.path("shop").read_bytes() == before
    assert lost(result) == ({"orders": 1} if change == "another row" else {})


@pytest.mark.parametrize("with_content", [True, False])
def test_check_mode_tells_the_same_database_by_its_content(world: World, with_content: bool) -> None:
    world.backup(skip_unchanged=with_content)

    assert world.restore(check_mode=True).changed is not with_content
    assert world.restore(check_mode=True).data["lost_is_estimate"] is not with_content
    world.orders(*ORDERS[:2], [3, "vinegar"])
    foretold = world.restore(check_mode=True)
    assert foretold.changed
    assert list(foretold.warnings) == [
        "In check mode the rows are counted and not compared: rows that changed are not seen."
    ]


def test_check_mode_compares_row_by_row_where_that_is_wanted_and_leaves_nothing(world: World) -> None:
    world.backup()
    names, files = world.databases.names(), world.files()
    same = world.restore(check_mode=True, compare_rows=True)
    world.orders(*ORDERS[:2], [3, "vinegar"])
    before = world.databases.path("shop").read_bytes()

    with pytest.raises(BackupError, match="would lose rows that were written or changed since the backup: 1 of orders"):
        world.restore(check_mode=True, compare_rows=True, stopped_by="pm2")
    foretold = world.restore(check_mode=True, compare_rows=True, loss_budget=1)

    assert (same.changed, same.data["lost_is_estimate"]) == (False, False)
    assert (foretold.changed, lost(foretold), list(foretold.warnings)) == (True, {"orders": 1}, [])
    assert (world.databases.names(), world.files()) == (names, files)
    assert world.databases.path("shop").read_bytes() == before


SITUATIONS: dict[str, Callable[[World], object]] = {
    "rows were added": lambda world: world.orders(*ORDERS, [4, "rice"]),
    "rows are gone": lambda world: world.orders(),
    "nothing": lambda world: None,
    "missing": lambda world: world.databases.path("shop").unlink(),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_check_mode_changes_nothing_and_foretells_the_run(world: World, situation: str) -> None:
    world.backup(skip_unchanged=True)
    world.backup(purpose="safety")
    SITUATIONS[situation](world)
    before = world.tree()

    foretold = world.restore(check_mode=True, loss_budget=1)

    assert world.tree() == before
    real = world.restore(loss_budget=1)
    assert (foretold.changed, foretold.diff, lost(foretold)) == (real.changed, real.diff, lost(real))
    assert foretold.data["backup"] == real.data["backup"]
    before = world.tree()
    removed = world.settle(check_mode=True)
    assert world.tree() == before
    assert world.settle() == removed
    assert removed.changed


def test_check_mode_refuses_what_the_run_would(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])

    messages = []
    for check_mode in (True, False):
        with pytest.raises(BackupError) as caught:
            world.restore(check_mode=check_mode)
        messages.append(caught.value.message)

    assert messages[0] == messages[1]


def test_a_backup_that_the_disk_has_spoiled_is_found_before_anything_else(world: World) -> None:
    backup = world.backup()
    file = world.directory / backup.file
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    world.databases.steps.clear()

    for check_mode in (True, False):
        with pytest.raises(BackupError, match=r"does not hold what was written: its SHA-256 is another one\."):
            world.restore(check_mode=check_mode)

    assert world.databases.steps == []


def test_a_backup_of_another_engine_is_refused(world: World) -> None:
    backup = world.rewrite(world.backup(), engine="mysql")

    with pytest.raises(BackupError) as caught:
        world.restore(backup=backup.id)
    assert caught.value.message == f"The backup {backup.id} is one of mysql, and the database is of postgresql."

    with pytest.raises(BackupError, match="There is no backup of shop for postgresql in "):
        world.restore(backup="latest")


def test_an_unknown_backup_is_told_with_those_that_are_there(world: World) -> None:
    there = world.backup()
    gone = "shop-20260101T000000Z-aabbcc"

    with pytest.raises(BackupError) as caught:
        world.restore(backup=gone)

    assert caught.value.message == (
        f"There is no backup with the id {gone} in {world.directory}. The newest that are there: {there.id}."
    )
    with pytest.raises(BackupError, match=r"There is no backup of shop for postgresql in /nowhere\. .*: none\."):
        world.restore(directory="/nowhere")


def test_the_latest_is_one_that_was_asked_for_under_this_name(world: World) -> None:
    wanted = world.backup()
    world.backup(purpose="safety")
    world.backup(name="shop-2")
    world.backup(address=replace(world.address(), host="db2.example.com"))
    broken = world.backup()
    (world.directory / broken.file).unlink()

    result = world.restore()

    assert result.data["backup"]["id"] == wanted.id
    assert list(result.warnings) == [
        f"{broken.id}.manifest.json could have been a later backup, and cannot be used: {broken.file}, which the"
        " manifest is about, is not there."
    ]


def test_a_backup_that_was_named_is_restored_without_a_word_of_later_ones(world: World) -> None:
    wanted, broken = world.backup(), world.backup()
    (world.directory / broken.file).unlink()

    assert list(world.restore(backup=wanted.id).warnings) == []


def test_an_older_broken_backup_is_not_worth_a_word(world: World) -> None:
    broken = world.backup()
    (world.directory / broken.file).unlink()
    world.backup()

    assert list(world.restore().warnings) == []


def test_a_backup_of_another_server_is_restored_with_a_warning(world: World) -> None:
    world.backup(address=replace(world.address(), host="db2.example.com"))

    assert list(world.restore().warnings) == [
        f"The backup {world.ids()[0]} is one of another database, postgresql://db2.example.com:5432/shop."
    ]


def test_a_backup_that_was_not_looked_into_is_restored_with_a_warning(world: World) -> None:
    backup = world.backup(verify="checksum")

    [warning] = world.restore().warnings
    assert warning.startswith(f"The backup {backup.id} was not looked into")


def test_a_backup_is_found_by_its_path(world: World) -> None:
    backup = world.backup()
    world.backup()

    for path in (backup.file, f"{backup.id}.manifest.json"):
        result = world.restore(backup=str(world.directory / path), directory=None)
        assert result.data["backup"]["id"] == backup.id


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_encrypted_backup_needs_an_identity(world: World, programs: Path, check_mode: bool) -> None:
    backup = world.backup(encrypt_to=(RECIPIENT,))
    world.orders()

    with pytest.raises(BackupError) as caught:
        world.restore(check_mode=check_mode)
    assert caught.value.message == (
        f"The backup {backup.id} is encrypted: give the identity of a recipient with age_identity."
    )

    assert world.restore(age_identity=IDENTITY, check_mode=check_mode).changed
    assert world.databases.read("shop")["orders"] == ([] if check_mode else ORDERS)
    assert "SECRET" not in (programs / "log").read_text()


@pytest.mark.usefixtures("programs")
def test_another_identity_is_refused(world: World) -> None:
    world.backup(encrypt_to=(RECIPIENT,))
    before = world.databases.path("shop").read_bytes()

    with pytest.raises(CommandError) as caught:
        world.restore(age_identity="AGE-SECRET-KEY-1SOMEBODYELSE\n")

    assert caught.value.message == f"age ended with exit code 1: no identity matched.{AS_IT_WAS}"
    assert world.databases.path("shop").read_bytes() == before
    assert world.databases.names() == ["shop"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_database_that_is_used_is_refused_at_once(world: World, check_mode: bool) -> None:
    world.backup()
    world.databases.users = [["process 4711 (node server.js)", "process 4712 (node)"]]

    with pytest.raises(BackupError) as caught:
        world.restore(check_mode=check_mode)

    assert caught.value.message == (
        "postgresql://app@db.example.com:5432/shop is in use by process 4711 (node server.js), process 4712 (node)."
        " Nothing was changed. Stop the application, and say with stopped_by which supervisor keeps it stopped."
    )
    assert caught.value.details == {"used_by": ["process 4711 (node server.js)", "process 4712 (node)"]}
    assert world.pauses == []
    assert "beside" not in world.databases.steps


def test_what_is_stopped_may_take_its_time(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.users = [["process 4711 (node)"], ["process 4711 (node)"], []]

    assert world.restore(stopped_by="pm2", loss_budget=1).changed
    assert len(world.pauses) == 2


def test_what_is_not_stopped_in_time_is_refused(world: World) -> None:
    world.backup()
    world.databases.users = [["process 4711 (node)"]]

    with pytest.raises(BackupError) as caught:
        world.restore(stopped_by="pm2", stop_timeout=3)

    assert "Nothing was changed. pm2 has not stopped it within 3 seconds: stop what is left." in caught.value.message
    assert sum(world.pauses) == pytest.approx(3)


def test_what_would_be_lost_is_foretold_while_the_application_still_runs(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.users = [["process 4711 (node)"]]

    assert world.restore(check_mode=True, stopped_by="pm2", loss_budget=1).data["lost"]
    assert world.pauses == []


def test_what_the_application_did_while_it_was_stopped_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.backup()
    obstacles = world.databases.obstacles

    def deleting(*arguments: Any) -> list[str]:
        found = obstacles(*arguments)
        world.orders(*ORDERS[:2])
        return found

    monkeypatch.setattr(world.databases, "obstacles", deleting)
    world.databases.users = [["process 4711 (node)"], []]

    assert world.restore(stopped_by="pm2").changed


@pytest.mark.parametrize("stopped_by", ["pm2", None])
def test_who_comes_back_before_the_swap_is_not_overruled(world: World, stopped_by: str | None) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.users = [[], ["process 4711 (node)"]]

    with pytest.raises(BackupError, match=r"is in use by process 4711 \(node\)\. Nothing was changed\."):
        world.restore(stopped_by=stopped_by, loss_budget=1)

    assert len(world.databases.read("shop")["orders"]) == 4
    assert world.databases.names() == ["shop"]
    assert "swap" not in world.databases.steps


def test_a_session_of_its_own_that_the_server_still_lists_is_waited_for(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.users = [[], ["process 4711 (this module)"], []]

    assert world.restore(loss_budget=1).changed


@pytest.mark.parametrize(
    ("budget", "is_enough"),
    [
        (0, False),
        (2, False),
        (3, True),
        ("3", True),
        ("unlimited", True),
        ({"orders": 2, "users": 1}, True),
        ({"orders": 2}, False),
        ({"orders": 2, "*": 1}, True),
        ({"orders": 1, "*": "unlimited"}, False),
        ({"orders": "unlimited", "*": 1}, True),
        ({"*": 3}, True),
        ({"*": 2}, False),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_no_more_rows_are_lost_than_may_be(world: World, budget: object, is_enough: bool, check_mode: bool) -> None:
    world.backup()
    world.databases.write("shop", orders=[*ORDERS, [4, "rice"], [5, "tar"]], users=[["ada"], ["bob"]])
    before, names, files = world.databases.path("shop").read_bytes(), world.databases.names(), world.files()

    if is_enough:
        assert lost(world.restore(loss_budget=budget, check_mode=check_mode)) == {"orders": 2, "users": 1}
        return
    with pytest.raises(BackupError, match="The restore would lose rows that were written or changed") as caught:
        world.restore(loss_budget=budget, check_mode=check_mode)

    assert caught.value.details == {"lost": {"orders": 2, "users": 1}}
    assert world.databases.path("shop").read_bytes() == before
    assert (world.databases.names(), world.files()) == (names, files)
    assert not {"swap", "dump:done"} & set(world.databases.steps[8:])


def test_a_limit_for_a_table_that_is_not_there_is_refused(world: World) -> None:
    world.backup()
    world.orders()
    world.databases.steps.clear()

    for check_mode in (False, True):
        with pytest.raises(InvalidInput, match=r"loss_budget\.ordres: .* no(ne| such)|Did you mean orders\?"):
            world.restore(loss_budget={"ordres": 0, "*": "unlimited"}, check_mode=check_mode)

    assert "beside" not in world.databases.steps


def test_a_database_that_is_missing_is_made_anew(world: World) -> None:
    world.backup()
    world.databases.path("shop").unlink()

    result = world.restore()

    assert world.databases.read("shop") == {"orders": ORDERS, "users": [["ada"]]}
    assert world.databases.names() == ["shop"]
    assert (result.changed, result.data["safety_backup"], result.data["old"]) == (True, None, None)
    assert len(world.ids()) == 1
    assert result.diff
    assert result.diff.before == ""


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss_budget": 10**9, "safety_backup": False},
        {"loss_budget": {"orders": "unlimited"}, "safety_backup": False},
        {"loss_budget": "unlimited"},
    ],
)
def test_a_damaged_database_is_not_replaced_unasked(world: World, options: dict[str, Any], check_mode: bool) -> None:
    world.backup()
    world.databases.path("shop").write_text("damaged")
    before = world.databases.names()

    with pytest.raises(BackupError) as caught:
        world.restore(check_mode=check_mode, **options)

    assert caught.value.message == (
        "postgresql://app@db.example.com:5432/shop is damaged. So nobody can say what would be lost, nor take a backup"
        " of it. Nothing was changed. If it may be replaced all the same, set loss_budget to unlimited and"
        " safety_backup to false; what is there now is kept."
    )
    assert world.databases.path("shop").read_text() == "damaged"
    assert world.databases.names() == before
    assert "beside" not in world.databases.steps


@pytest.mark.parametrize("budget", ["unlimited", {"orders": "unlimited", "*": "unlimited"}])
def test_a_damaged_database_is_replaced_and_kept(world: World, budget: object) -> None:
    world.backup()
    world.databases.path("shop").write_text("damaged")

    result = world.restore(loss_budget=budget, safety_backup=False)

    assert world.databases.read("shop")["orders"] == ORDERS
    [old] = beside(world, "old")
    assert world.databases.path(old).read_text() == "damaged"
    assert list(result.warnings) == ["What is lost is not known, because the database could not be read."]


@pytest.mark.parametrize("reason", ["login", "refused", "permission"])
def test_a_database_that_cannot_be_reached_is_no_missing_one(world: World, reason: str) -> None:
    world.backup()
    world.databases.faults = {"connect": DatabaseError("It cannot be reached.", reason=reason)}

    with pytest.raises(DatabaseError, match="It cannot be reached"):
        world.restore(loss_budget="unlimited", safety_backup=False)

    assert "beside" not in world.databases.steps


STEPS = ["load:copy", "load:copy:done", "lost", "dump", "dump:done", "check", "swap"]
ERRORS = [wrong(), Interrupted("Stopped by SIGTERM before it was done: run it again."), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("step", ["beside", *STEPS])
def test_nothing_is_changed_by_a_restore_that_fails(world: World, step: str, error: BaseException) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    before, names = world.databases.path("shop").read_bytes(), world.databases.names()
    world.databases.faults = {step: error}
    message = getattr(error, "message", None)

    with pytest.raises(type(error)) as caught:
        world.restore(loss_budget=1)

    assert caught.value is error
    if message is not None and step != "beside":
        assert isinstance(error, ShipshapeError)
        assert error.message.startswith(message)
        assert error.message.endswith(AS_IT_WAS)
    if isinstance(error, ShipshapeError) and message is not None:
        error.message = message
    assert world.databases.path("shop").read_bytes() == before
    assert world.databases.names() == names
    assert [id_ for id_ in world.ids() if world.manifest(id_).purpose == "backup"] == world.ids()[:1]


def test_a_copy_that_is_not_like_the_backup_is_not_put_in_place(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.loses_at = "load:copy"

    with pytest.raises(BackupError) as caught:
        world.restore(loss_budget=1)

    assert caught.value.message == (
        "The backup was restored, and is not like the database: Table orders has 2 rows instead of 3." + AS_IT_WAS
    )
    assert len(world.databases.read("shop")["orders"]) == 4
    assert world.databases.names() == ["shop"]
    assert len(world.ids()) == 1


def test_what_failed_first_is_told_when_the_copy_cannot_be_dropped(world: World) -> None:
    world.backup()
    world.databases.faults = {"lost": wrong(), "drop": wrong("It cannot be dropped.")}

    with pytest.raises(BackupError, match=rf"^It is broken\.{AS_IT_WAS}$"):
        world.restore()


@pytest.mark.parametrize("is_there", [True, False])
def test_the_swap_is_taken_back_if_the_last_look_fails(world: World, is_there: bool) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    if not is_there:
        world.databases.path("shop").unlink()
    names = world.databases.names()
    world.databases.loses_at = "swap"

    with pytest.raises(BackupError) as caught:
        world.restore(loss_budget=1)

    said = "The database that was there before is in its place again." if is_there else "There is none, as before."
    assert caught.value.message == (
        f"The backup was restored, and is not like the database: Table orders has 2 rows instead of 3. {said}"
    )
    assert world.databases.names() == names
    if is_there:
        assert len(world.databases.read("shop")["orders"]) == 4


def test_both_are_told_if_the_swap_cannot_be_taken_back_either(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.loses_at = "swap"
    world.databases.faults = {"undo": wrong("It is in use.")}

    with pytest.raises(BackupError) as caught:
        world.restore(loss_budget=1)

    [old] = beside(world, "old")
    assert caught.value.message == (
        "The backup was restored, and is not like the database: Table orders has 2 rows instead of 3. It is in place"
        f" all the same, because it could not be taken back: It is in use. What was there before is kept as {old}."
    )
    assert len(world.databases.read(old)["orders"]) == 4


def test_the_first_failure_is_told_if_the_copy_stays_after_the_swap_was_taken_back(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.loses_at = "swap"
    world.databases.faults = {"drop": wrong("It cannot be dropped.")}

    with pytest.raises(BackupError, match=r"2 rows instead of 3\. The database that was there before is in its place"):
        world.restore(loss_budget=1)


def test_what_was_there_need_not_be_kept(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])

    result = world.restore(loss_budget=1, keep_old=False)

    assert world.databases.names() == ["shop"]
    assert result.data["old"] is None
    assert result.data["safety_backup"] in world.ids()


def test_what_cannot_be_removed_after_the_restore_is_told(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    world.databases.faults = {"drop": wrong("It cannot be dropped.")}

    with pytest.raises(BackupError) as caught:
        world.restore(loss_budget=1, keep_old=False)

    [old] = beside(world, "old")
    assert caught.value.message == (f"It cannot be dropped. The backup is restored; remove {old} with state=settled.")
    assert world.databases.read("shop")["orders"] == ORDERS


def test_a_safety_backup_need_not_be_taken(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])

    assert world.restore(loss_budget=1, safety_backup=False).data["safety_backup"] is None
    assert len(world.ids()) == 1


def test_settling_removes_what_restores_have_left_and_nothing_else(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])
    safety = world.restore(loss_budget=1).data["safety_backup"]
    [old] = beside(world, "old")
    killed = "shop__restore_20260101000000aabbcc"
    others = ["shop2", "shop2__old_20260101000000aabbcc", "shop__old", "shop__verify_20260101000000aabbcc", "users"]
    for name in (killed, *others):
        world.databases.write(name, orders=[])
    world.backup(address=replace(world.address(), host="db2.example.com"), purpose="safety")
    (world.directory / "notes.txt").write_text("foreign")
    files = world.files()

    result = world.settle()

    assert sorted(world.databases.names()) == sorted(["shop", *others])
    assert result.changed
    assert result.data == {"removed": [old, killed, safety]}
    assert safety not in world.ids()
    assert {name.partition(".")[0] for name in files.keys() - world.files().keys()} == {safety}
    assert world.restore().changed is False
    again = world.settle()
    assert (again.changed, again.data) == (False, {"removed": []})


@pytest.mark.parametrize("directory", [None, "/nowhere"])
def test_settling_does_without_a_directory(world: World, directory: str | None) -> None:
    world.databases.write("shop__old_20260101000000aabbcc", orders=[])

    assert world.settle(directory=directory).changed
    assert world.databases.names() == ["shop"]


def test_a_restore_and_its_settling_do_not_meet(world: World) -> None:
    world.backup()
    world.databases.write("shop__restore_20260101000000aabbcc", orders=[])

    with world.host.locks.hold(str(world.directory / ".shop.lock"), purpose="restore of shop: a is loaded"):
        for run in (world.restore, world.settle):
            with pytest.raises(LockHeld, match=rf"process {os.getpid()} \(restore of shop: a is loaded, since 20"):
                run()
        assert world.settle(check_mode=True).changed
        world.restore(check_mode=True)

    assert beside(world, "restore")
    world.settle()
    assert not beside(world, "restore")


def test_the_manifest_of_a_safety_backup_goes_first(world: World) -> None:
    safety = world.backup(purpose="safety")
    error = FileError("It cannot be removed.")
    folders: Any = Failing(world.host.folders, "remove", error, of=".json")

    with pytest.raises(FileError):
        world.settle(host=replace(world.host, folders=folders))
    assert world.ids() == [safety.id]

    folders = Failing(world.host.folders, "remove", error, of=safety.file)
    with pytest.raises(FileError):
        world.settle(host=replace(world.host, folders=folders))
    assert world.ids() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"directory": "backups"}, "directory is not absolute"),
        ({"directory": None}, "directory is missing"),
        ({"backup": "backups/shop-20260101T000000Z-aabbcc.json", "directory": None}, "neither an id, nor latest"),
        ({"backup": "yesterday"}, "neither an id, nor latest"),
        ({"name": "../shop"}, "name: it takes letters"),
    ],
)
def test_what_is_unfit_is_refused(world: World, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        world.restore(**changes)
    if "backup" not in changes and changes.get("directory", "") is not None:
        with pytest.raises(InvalidInput, match=told):
            world.settle(**changes)


def test_a_password_is_in_no_result_and_no_message(world: World) -> None:
    world.backup()
    world.orders(*ORDERS, [4, "rice"])

    assert PASSWORD not in repr(world.restore(loss_budget=1))
    world.orders(*ORDERS, [4, "rice"])
    with pytest.raises(BackupError) as caught:
        world.restore()
    assert PASSWORD not in caught.value.message
