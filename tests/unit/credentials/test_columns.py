# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import (
    COLUMNS,
    as_flag,
    as_id,
    as_number,
    as_text,
    chosen,
    default_of,
    flag_as_kept,
    is_text,
    is_whole,
    type_problems,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.moments import moment_as_kept
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column


def column(kind: str, name: str = "c", default: str | None = None) -> Column:
    return Column(name, kind, True, default)


PRESENT = [column("integer", name) for name in ("id", "name", "provider", "prio", "api_key")]


def test_columns_are_found_by_their_words() -> None:
    found, problems = chosen(PRESENT, {**COLUMNS, "priority": "prio"}, ["key"], "t")

    assert {word: one.name for word, one in found.items()} == {
        "id": "id",
        "name": "name",
        "provider": "provider",
        "priority": "prio",
        "key": "api_key",
    }
    assert problems == []


def test_columns_that_are_missed_are_told_with_the_remedy() -> None:
    assert chosen(PRESENT, COLUMNS, ["active", "key"], "t")[1] == [
        "The table t has no column priority: apply the migration that adds it, or say in columns.priority what it is"
        " called. Did you mean prio?",
        "The table t has no column is_active: apply the migration that adds it, or say in columns.active what it is"
        " called. Known are: api_key, id, name, prio, provider.",
    ]


@pytest.mark.parametrize(
    ("engine", "kind", "is_one"),
    [
        ("sqlite", "integer", True),
        ("sqlite", "UNSIGNED BIG INT", True),
        ("sqlite", "TEXT", False),
        ("sqlite", "", False),
        ("mysql", "int(11)", True),
        ("mysql", "bigint(20) unsigned", True),
        ("mysql", "tinyint(1)", True),
        ("mysql", "varchar(10)", False),
        ("mysql", "point", False),
        ("mysql", "decimal(10,0)", False),
        ("postgresql", "integer", True),
        ("postgresql", "smallint", True),
        ("postgresql", "interval", False),
        ("postgresql", "numeric", False),
        ("postgresql", "text", False),
    ],
)
def test_types_of_whole_numbers(engine: str, kind: str, is_one: bool) -> None:
    assert is_whole(column(kind), engine) is is_one
    assert (list(type_problems({"priority": column(kind, "rank")}, "t", engine)) == []) is is_one


def test_type_that_is_none_of_numbers_is_told() -> None:
    assert list(type_problems({"priority": column("", "rank")}, "t", "sqlite")) == [
        "The column rank of the table t is of the type none, and not of whole numbers: apply a migration that changes"
        " it."
    ]


@pytest.mark.parametrize(
    ("kind", "is_one"),
    [("character varying(9)", True), ("TEXT", True), ("CLOB", True), ("uuid", True), ("bigint", False)],
)
def test_types_of_texts(kind: str, is_one: bool) -> None:
    assert is_text(column(kind)) is is_one


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("100", 100),
        ("'100'", 100),
        ("('-5')", -5),
        ("'100'::integer", 100),
        ("(100)::bigint", 100),
        (None, None),
        ("NULL", None),
        ("nextval('s')", None),
        ("1 + 1", None),
    ],
)
def test_default(told: str | None, number: int | None) -> None:
    assert default_of(column("integer", default=told)) == number


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("boolean", (True, False)),
        ("BOOL", (True, False)),
        ("tinyint(1)", (1, 0)),
        ("integer", (1, 0)),
        ("bit(1)", (1, 0)),
        ("TEXT", ("true", "false")),
    ],
)
def test_flags_as_they_are_kept(kind: str, kept: tuple[object, object]) -> None:
    written = [flag_as_kept(value, column(kind)) for value in (True, False)]

    assert [repr(value) for value in written] == [repr(value) for value in kept]
    assert [as_flag(value) for value in written] == [True, False]


@pytest.mark.parametrize(
    ("value", "flag"),
    [(None, False), (2, True), (b"\x00", False), (b"\x01", True), ("TRUE", True), ("no", False), ("0", False)],
)
def test_flags_as_they_are_read(value: object, flag: bool) -> None:
    assert as_flag(value) is flag


def test_other_values_as_they_are_read() -> None:
    assert [as_number(value) for value in (10, 0, -1, True, "10", 10.5, None)] == [10, 0, -1, None, None, None, None]
    assert [as_text(value) for value in ("ä", "ä".encode(), None, 5)] == ["ä", "ä", "", "5"]
    assert [as_id(value) for value in (5, Decimal(5), "5", b"\x0a\xff")] == [5, 5, "5", "0aff"]


NOW = datetime(2026, 3, 10, 14, 5, 6, 789012, timezone(timedelta(hours=2)))
SECONDS = 1773144306


@pytest.mark.parametrize(
    ("engine", "kind", "sample", "kept"),
    [
        ("sqlite", "integer", None, SECONDS),
        ("sqlite", "integer", 1_700_000_000, SECONDS),
        ("sqlite", "integer", 1_700_000_000_000, SECONDS * 1000 + 789),
        ("sqlite", "DATETIME", 1_700_000_000_000, SECONDS * 1000 + 789),
        ("postgresql", "numeric", Decimal(1700000000), SECONDS),
        ("mysql", "bigint(20)", None, SECONDS),
        # SQLite keeps what it is given.
        ("sqlite", "integer", "2025-01-01 00:00:00", "2026-03-10 12:05:06"),
        ("sqlite", "DATETIME", None, "2026-03-10T12:05:06.789Z"),
        ("sqlite", "TEXT", "2025-01-01T00:00:00Z", "2026-03-10T12:05:06Z"),
        ("sqlite", "TEXT", "2025-01-01 00:00:00.123456+02:00", "2026-03-10 12:05:06.789012+00:00"),
        ("sqlite", "TEXT", "yesterday", "2026-03-10T12:05:06.789Z"),
        ("postgresql", "text", None, "2026-03-10T12:05:06.789Z"),
        ("mysql", "varchar(30)", "2025-01-01T00:00:00.1Z", "2026-03-10T12:05:06.7Z"),
        ("postgresql", "timestamp with time zone", NOW, "2026-03-10 12:05:06+00:00"),
        ("postgresql", "timestamp(3) without time zone", None, "2026-03-10 12:05:06+00:00"),
        ("mysql", "datetime(3)", NOW, "2026-03-10 12:05:06"),
        ("mysql", "timestamp", None, "2026-03-10 12:05:06"),
    ],
)
def test_moment_in_the_form_of_the_column(engine: str, kind: str, sample: Any, kept: object) -> None:
    assert repr(moment_as_kept(NOW, column(kind), sample, engine)) == repr(kept)
