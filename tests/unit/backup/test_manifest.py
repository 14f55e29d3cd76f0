# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import (
    LEVELS,
    Facts,
    Manifest,
    Verification,
    default_name,
    id_of_file,
    is_id,
    name_problems,
    new_id,
    parse_manifest,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.ledger import Ledger
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError

CEST = timezone(timedelta(hours=2))
TAKEN = datetime(2026, 7, 1, 3, 4, 5, 678901, tzinfo=CEST)

MANIFEST = Manifest(
    id="app-20260701T010405Z-a1b2c3",
    name="app",
    file="app-20260701T010405Z-a1b2c3.sql.zst.age",
    bytes=12345,
    sha256="ab" * 32,
    compression="zstd",
    recipients=("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",),
    engine="postgresql",
    source="postgresql://localhost/app",
    server="PostgreSQL 17.2",
    tool="pg_dump 17.2",
    taken=TAKEN,
    seconds=1.5,
    consistency="snapshot",
    facts=Facts(
        tables={Table('odd."na me"', "public"): 3, Table("ü\n'"): 0},
        schema_sha256="5c" * 32,
        traits={"collation": "cs_CZ.UTF-8"},
        content_sha256="c0" * 32,
        ledger=Ledger("public.knex_migrations", 7, "007_last.js"),
        is_approximate=True,
    ),
    verified=Verification("restore", TAKEN + timedelta(minutes=1), "private server"),
    release="20260701T010000Z-abc1234",
    purpose="safety",
)

# As it stands in the directories of those who use the collection.
TEXT = """{
 "format": 1,
 "id": "app-20260701T010405Z-a1b2c3",
 "name": "app",
 "file": "app-20260701T010405Z-a1b2c3.sql.zst.age",
 "bytes": 12345,
 "sha256": "abababababababababababababababababababababababababababababababab",
 "compression": "zstd",
 "recipients": [
  "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
 ],
 "engine": "postgresql",
 "source": "postgresql://localhost/app",
 "server": "PostgreSQL 17.2",
 "tool": "pg_dump 17.2",
 "taken": "2026-07-01T03:04:05.678901+02:00",
 "seconds": 1.5,
 "consistency": "snapshot",
 "release": "20260701T010000Z-abc1234",
 "purpose": "safety",
 "tables": [
  {
   "schema": "public",
   "name": "odd.\\"na me\\"",
   "rows": 3
  },
  {
   "schema": null,
   "name": "\\u00fc\\n'",
   "rows": 0
  }
 ],
 "schema_sha256": "5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c",
 "content_sha256": "c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0",
 "traits": {
  "collation": "cs_CZ.UTF-8"
 },
 "ledger": {
  "table": "public.knex_migrations",
  "applied": 7,
  "last": "007_last.js"
 },
 "is_approximate": true,
 "verified": {
  "level": "restore",
  "at": "2026-07-01T03:05:05.678901+02:00",
  "where": "private server"
 }
}
"""

NAME = f"{MANIFEST.id}.manifest.json"


def with_id(name: str, taken: datetime, chance: bytes, suffix: str, **changes: Any) -> Manifest:
    new = new_id(name, taken, chance)
    return replace(MANIFEST, id=new, name=name, file=f"{new}{suffix}", taken=taken, **changes)


def refused(text: str, name: str = NAME) -> str:
    with pytest.raises(BackupError) as caught:
        parse_manifest(name, text)
    return caught.value.message


# What is written, and read again.


def test_the_text() -> None:
    assert MANIFEST.to_text() == TEXT
    assert parse_manifest(NAME, TEXT) == MANIFEST


def test_the_text_is_ascii_whatever_a_table_is_called() -> None:
    assert MANIFEST.to_text().isascii()


def test_nothing_is_lost_of_what_was_left_out() -> None:
    bare = replace(MANIFEST, facts=Facts({}, "5c" * 32), verified=None, release=None, recipients=(), seconds=0)
    assert parse_manifest(NAME, bare.to_text()) == bare


def test_what_a_newer_version_may_add_is_no_damage() -> None:
    assert parse_manifest(NAME, json.dumps({**json.loads(TEXT), "colour": "red"})) == MANIFEST


zones = st.builds(timezone, st.integers(-23 * 60, 23 * 60).map(lambda minutes: timedelta(minutes=minutes)))
moments = st.datetimes(*(TAKEN.replace(year, tzinfo=None) for year in (1970, 2199)), timezones=zones)
some_names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True)
texts = st.text()
manifests = st.builds(
    with_id,
    name=some_names,
    taken=moments,
    chance=st.binary(min_size=3, max_size=8),
    suffix=st.sampled_from(["", ".sql", ".dump.zst", ".sqlite.gz.age"]),
    bytes=st.integers(0, 2**60),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    compression=texts,
    recipients=st.lists(texts).map(tuple),
    engine=texts,
    source=texts,
    server=texts,
    tool=texts,
    seconds=st.floats(0, 1e9),
    consistency=texts,
    facts=st.builds(
        Facts,
        tables=st.dictionaries(st.builds(Table, texts, st.none() | texts), st.integers(0, 2**60)),
        schema_sha256=texts,
        traits=st.dictionaries(texts, texts),
        content_sha256=st.none() | texts,
        ledger=st.none() | st.builds(Ledger, texts, st.integers(0), st.none() | texts),
        is_approximate=st.booleans(),
    ),
    verified=st.none() | st.builds(Verification, st.sampled_from(LEVELS), moments, st.none() | texts),
    release=st.none() | texts,
    purpose=texts,
)


@given(manifests)
def test_whatever_is_written_is_read_again(manifest: Manifest) -> None:
    again = parse_manifest(f"{manifest.id}.manifest.json", manifest.to_text())
    assert again == manifest
    assert again.taken.utcoffset() == manifest.taken.utcoffset()
    assert id_of_file(manifest.file) == id_of_file(f"{manifest.id}.manifest.json") == manifest.id


def test_every_field_is_written() -> None:
    plain = {field.name for field in fields(Manifest)} - {"facts"}
    assert set(json.loads(TEXT)) == {"format"} | plain | {field.name for field in fields(Facts)}


NOTHING: Any = None


@pytest.mark.parametrize(
    "damaged",
    [
        replace(MANIFEST, bytes=True),
        replace(MANIFEST, seconds=float("nan")),
        replace(MANIFEST, file="app-20260701T010405Z-ffffff.sql"),
        replace(MANIFEST, name="other"),
        # As it could come from a database's answer.
        replace(MANIFEST, facts=replace(MANIFEST.facts, traits={"collation": NOTHING})),
        replace(MANIFEST, taken=TAKEN.replace(tzinfo=None)),
    ],
)
def test_what_could_not_be_read_again_is_not_written(damaged: Manifest) -> None:
    with pytest.raises(BackupError):
        damaged.to_text()


# What is damaged.


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "1",
        "{}",
        '{"format": 1}',
        "\0",
        f"\ufeff{TEXT}",
        TEXT[: len(TEXT) // 2],
        TEXT * 2,
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 10_000,
        "\ufffd",
    ],
)
def test_what_is_no_manifest(text: str) -> None:
    assert refused(text) == f"{NAME} is damaged or is no manifest of a backup."


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything that is in a value of JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*path, key)
        yield from places(below, (*path, key))


def damaged(path: tuple[Any, ...], *value: Any) -> str:
    """The text with another value in this place, or without it."""
    told = copy.deepcopy(json.loads(TEXT))
    place = told
    for key in path[:-1]:
        place = place[key]
    if value:
        place[path[-1]] = value[0]
    else:
        del place[path[-1]]
    return json.dumps(told)


PLACES = list(places(json.loads(TEXT)))
# Where something can be missing without a loss that could be noticed: it is one of several.
MANY = {("recipients", 0), ("tables", 0), ("tables", 1), ("traits", "collation")}
NESTED: Any = []
for _level in range(200):
    NESTED = [NESTED]


@pytest.mark.parametrize("path", [path for path in PLACES if path not in MANY], ids=str)
def test_nothing_may_be_missing(path: tuple[Any, ...]) -> None:
    assert refused(damaged(path)) == f"{NAME} is damaged or is no manifest of a backup."


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        -1,
        0,
        2**70,
        1.5,
        float("inf"),
        float("-inf"),
        float("nan"),
        "",
        "x",
        "\0",
        "../x",
        [],
        ["x"],
        [[]],
        [None],
        {},
        {"x": 1},
        NESTED,
    ],
    ids=lambda value: str(value)[:20],
)
@pytest.mark.parametrize("path", PLACES, ids=str)
def test_any_other_value_is_told_or_is_a_manifest(path: tuple[Any, ...], value: Any) -> None:
    """And never an error of another kind, and never a value of another type."""
    try:
        manifest = parse_manifest(NAME, damaged(path, value))
    except BackupError:
        return
    assert parse_manifest(NAME, manifest.to_text()) == manifest
    assert (manifest.id, manifest.name) == (MANIFEST.id, MANIFEST.name)
    assert id_of_file(manifest.file) == MANIFEST.id


WRONG = "is damaged or is no manifest of a backup."


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        (("format",), 0, WRONG),
        (("format",), True, WRONG),
        (("format",), "1", WRONG),
        (("format",), 2, "was written by a newer version of this collection: update the collection."),
        (("id",), "app-20260701T010405Z-ffffff", WRONG),
        (("id",), "../app-20260701T010405Z-a1b2c3", WRONG),
        (("name",), "ap", WRONG),
        (("name",), "", WRONG),
        (("name",), None, WRONG),
        (("file",), "/etc/passwd", WRONG),
        (("file",), "", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3/../../etc/passwd", WRONG),
        (("file",), "./app-20260701T010405Z-a1b2c3.sql", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3-more.sql", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3.sql\n", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3.s\0", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3.", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3..", WRONG),
        (("file",), "app-20260701T010405Z-a1b2c3.manifest.json", WRONG),
        (("file",), ["app-20260701T010405Z-a1b2c3.sql"], WRONG),
        (("bytes",), -1, WRONG),
        (("bytes",), 1.0, WRONG),
        (("bytes",), True, WRONG),
        (("bytes",), "1", WRONG),
        (("sha256",), "AB" * 32, WRONG),
        (("sha256",), "ab" * 31, WRONG),
        (("sha256",), "ab" * 32 + "\n", WRONG),
        (("compression",), ["zstd"], WRONG),
        (("recipients",), "age1", WRONG),
        (("recipients",), [1], WRONG),
        (("recipients",), None, WRONG),
        (("taken",), "2026-07-01T03:04:05", WRONG),
        (("taken",), "yesterday", WRONG),
        (("taken",), 1, WRONG),
        (("taken",), "0001-01-01T00:00:00+05:00", WRONG),
        (("taken",), "9999-12-31T23:59:59-05:00", WRONG),
        (("seconds",), float("inf"), WRONG),
        (("seconds",), float("nan"), WRONG),
        (("seconds",), -0.1, WRONG),
        (("seconds",), "1", WRONG),
        (("seconds",), True, WRONG),
        (("release",), 1, WRONG),
        (("tables",), {}, WRONG),
        (("tables",), None, WRONG),
        (("tables", 0), None, WRONG),
        (("tables", 0, "name"), None, WRONG),
        (("tables", 0, "schema"), ["public"], WRONG),
        (("tables", 0, "rows"), float("inf"), WRONG),
        (("tables", 0, "rows"), "3", WRONG),
        (("tables", 0, "rows"), 3.5, WRONG),
        (("schema_sha256",), None, WRONG),
        (("content_sha256",), 1, WRONG),
        (("traits",), [["collation", "C"]], WRONG),
        (("traits", "collation"), None, WRONG),
        (("ledger",), [], WRONG),
        (("ledger",), {}, WRONG),
        (("ledger", "applied"), "7", WRONG),
        (("ledger", "last"), 7, WRONG),
        (("is_approximate",), "no", WRONG),
        (("is_approximate",), 0, WRONG),
        (("verified",), [], WRONG),
        (("verified",), False, WRONG),
        (("verified", "level"), "perfect", WRONG),
        (("verified", "level"), ["restore"], WRONG),
        (("verified", "level"), None, WRONG),
        (("verified", "at"), "2026-07-01T03:04:05", WRONG),
        (("verified", "at"), None, WRONG),
        (("verified", "where"), 1, WRONG),
        (("purpose",), None, WRONG),
    ],
)
def test_what_is_damaged_is_refused(path: tuple[Any, ...], value: object, why: str) -> None:
    assert refused(damaged(path, value)) == f"{NAME} {why}"


def test_the_manifest_of_another_backup() -> None:
    other = "app-20260701T010405Z-ffffff.manifest.json"
    assert refused(TEXT, other) == f"{other} is the manifest of another backup, {MANIFEST.id}."


# What users see, and what follows from it.


def test_what_users_see_is_what_is_written() -> None:
    assert {"format": 1, **MANIFEST.as_returned()} == json.loads(TEXT)


@pytest.mark.parametrize(
    ("verified", "expected"),
    [
        (None, False),
        *((Verification(level, TAKEN), level in ("structure", "restore")) for level in LEVELS),
    ],
)
def test_what_counts_as_verified(verified: Verification | None, expected: bool) -> None:
    assert MANIFEST.with_verification(verified).is_verified is expected
    assert MANIFEST.with_verification(verified).verified == verified


def test_how_far_a_backup_can_be_verified() -> None:
    assert LEVELS == ("none", "checksum", "structure", "restore")


def test_what_is_encrypted() -> None:
    assert MANIFEST.is_encrypted
    assert not replace(MANIFEST, recipients=()).is_encrypted


# Ids and names.


def test_an_id_says_whose_and_when() -> None:
    assert new_id("app", TAKEN, b"\xa1\xb2\xc3\xd4") == "app-20260701T010405Z-a1b2c3"


@given(moments, moments, st.binary(min_size=3, max_size=3), st.binary(min_size=3, max_size=3))
def test_ids_are_in_order_of_their_times(one: datetime, other: datetime, chance: bytes, other_chance: bytes) -> None:
    first, second = new_id("app", one, chance), new_id("app", other, other_chance)
    if first[:-7] != second[:-7]:
        assert (first < second) == (one < other)


@given(some_names, moments, st.binary(min_size=3, max_size=3))
def test_every_new_id_is_one(name: str, taken: datetime, chance: bytes) -> None:
    new = new_id(name, taken, chance)
    assert is_id(new)
    assert id_of_file(f"{new}.dump.zst") == new


@pytest.mark.parametrize(
    "text",
    [
        "",
        "latest",
        "app-20260701T010405Z",
        "app-20260701T010405Z-a1b2c",
        "app-20260701T010405Z-a1b2c34",
        "app-20260701T010405Z-A1B2C3",
        "app-20260701T010405-a1b2c3",
        "app-20260701T01040Z-a1b2c3",
        "-20260701T010405Z-a1b2c3",
        ".app-20260701T010405Z-a1b2c3",
        "_app-20260701T010405Z-a1b2c3",
        "a/b-20260701T010405Z-a1b2c3",
        "a b-20260701T010405Z-a1b2c3",
        "ü-20260701T010405Z-a1b2c3",
        "app-20260701T010405Z-a1b2c3\n",
        "app-20260701T010405Z-a1b2c3.sql",
        f"{'a' * 101}-20260701T010405Z-a1b2c3",
        "app-\N{FULLWIDTH DIGIT TWO}0260701T010405Z-a1b2c3",
    ],
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("app-20260701T010405Z-a1b2c3", "app-20260701T010405Z-a1b2c3"),
        ("app-20260701T010405Z-a1b2c3.sql.zst", "app-20260701T010405Z-a1b2c3"),
        ("app-20260701T010405Z-a1b2c3.manifest.json", "app-20260701T010405Z-a1b2c3"),
        ("my.app-2-20260701T010405Z-a1b2c3.sql", "my.app-2-20260701T010405Z-a1b2c3"),
        # A name that is itself like an id.
        (
            "a-20250701T010405Z-a1b2c3-20260701T010405Z-d4e5f6.sql",
            "a-20250701T010405Z-a1b2c3-20260701T010405Z-d4e5f6",
        ),
        ("app-20260701T010405Z-a1b2c3.b-20260701T010405Z-d4e5f6zzz", "app-20260701T010405Z-a1b2c3"),
        ("app-20260701T010405Z-a1b2c3x", None),
        ("app-20260701T010405Z-a1b2c3-x.sql", None),
        ("app-20260701T010405Z-a1b2c3\n", None),
        (".app-20260701T010405Z-a1b2c3.sql", None),
        ("x/app-20260701T010405Z-a1b2c3.sql", None),
        ("app.sql", None),
        ("", None),
    ],
)
def test_the_id_in_the_name_of_a_file(file: str, expected: str | None) -> None:
    assert id_of_file(file) == expected


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("app", "app"),
        ("My_App-2", "My_App-2"),
        ("/srv/app/data/app.db", "app"),
        ("/srv/app/data/app.sqlite", "app"),
        ("/srv/app/data/app.sqlite3", "app"),
        ("/srv/app/data/app.backup.db", "app.backup"),
        ("/srv/app/data/app.data", "app.data"),
        ("/srv/app/", "app"),
        ("app.db.db", "app.db"),
        ("appdb", "appdb"),
        ("/srv/appX", "appX"),
        ("db", "db"),
        (".hidden", "hidden"),
        ("..", "database"),
        ("/", "database"),
        ("", "database"),
        (".db", "database"),
        ("___", "database"),
        ("ü", "database"),
        ("müller & söhne", "m-ller-s-hne"),
        ("日本app", "app"),
        ("a\nb\0c", "a-b-c"),
        ("-rf", "rf"),
        ("caf\udce9", "caf"),
        ("a" * 300, "a" * 100),
    ],
)
def test_the_name_that_a_database_gives(database: str, expected: str) -> None:
    assert default_name(database) == expected


@given(st.text(st.characters(exclude_categories=())))
def test_the_name_that_a_database_gives_is_always_one(database: str) -> None:
    assert name_problems(default_name(database)) == ()


@pytest.mark.parametrize("name", ["a", "7", "app", "App_2.x-y", "a" * 100])
def test_names(name: str) -> None:
    assert name_problems(name) == ()


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "-a", "_a", "a/b", "a b", "ü", "a\n", "a\0", "a" * 101, "{{ x }}"]
)
def test_what_is_no_name(name: str) -> None:
    assert name_problems(name) == (
        "name: it takes letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.",
    )
