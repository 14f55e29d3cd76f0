# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the columns of a table of credentials hold. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Id
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

# What they are called unless the user says otherwise, by the words of the options.
COLUMNS: Mapping[str, str] = {
    "id": "id",
    "name": "name",
    "provider": "provider",
    "priority": "priority",
    "key": "api_key",
    "secret": "api_secret",
    "endpoint": "endpoint",
    "rate_limit": "rate_limit",
    "active": "is_active",
    "global": "is_global",
    "user": "user_id",
    "created_at": "created_at",
    "updated_at": "updated_at",
}
_ALWAYS = ("id", "name", "provider", "priority")

_WHOLE = re.compile(r"(?:tiny|small|medium|big)?int(?:eger)?\b", re.IGNORECASE)
_TEXT = re.compile(r"char|text|clob|uuid", re.IGNORECASE)
_NUMBER = re.compile(r"[('\s]*(-?[0-9]+)[)'\s]*(?:::[\w\s]+)?")

_TRUE = ("1", "t", "true", "y", "yes", "on")


def chosen(
    present: Sequence[Column], names: Mapping[str, str], needed: Collection[str], table: str
) -> tuple[dict[str, Column], list[str]]:
    """The columns of the table by the words of the options, and what is wrong with them."""
    by_name = {column.name: column for column in present}
    found = {word: by_name[name] for word, name in names.items() if name in by_name}
    return found, [
        f"The table {table} has no column {names[word]}: apply the migration that adds it, or say in columns.{word}"
        f" what it is called. {did_you_mean(names[word], by_name)}"
        for word in names
        if word not in found and (word in _ALWAYS or word in needed)
    ]


def type_problems(found: Mapping[str, Column], table: str, engine: str) -> Iterator[str]:
    """Whether the priority is a number: texts are sorted otherwise."""
    column = found["priority"]
    if not is_whole(column, engine):
        yield (
            f"The column {column.name} of the table {table} is of the type {column.type or 'none'}, and not of whole"
            " numbers: apply a migration that changes it."
        )


def is_whole(column: Column, engine: str) -> bool:
    """Whether its type is one of whole numbers."""
    # What SQLite itself goes by.
    return "int" in column.type.lower() if engine == "sqlite" else bool(_WHOLE.match(column.type))


def is_text(column: Column) -> bool:
    """Whether its type is one of texts."""
    return bool(_TEXT.search(column.type))


def default_of(column: Column) -> int | None:
    """The number that a new row gets; None if it is none."""
    found = _NUMBER.fullmatch(column.default or "")
    return int(found[1]) if found else None


def flag_as_kept(value: bool, column: Column) -> bool | int | str:
    """True or false as the column's type wants it."""
    if column.type.lower() in ("boolean", "bool"):
        return value
    return str(value).lower() if is_text(column) else int(value)


def as_flag(value: object) -> bool:
    """Whether what is kept means true."""
    if isinstance(value, bytes):
        return any(value)
    return value.lower() in _TRUE if isinstance(value, str) else bool(value)


def as_text(value: object) -> str:
    """What is kept as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


def as_number(value: object) -> int | None:
    """What is kept, if it is a whole number."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_id(value: Any) -> Id:
    """What identifies a row, as it is shown."""
    if isinstance(value, Decimal):
        return int(value)
    return value.hex() if isinstance(value, bytes) else value if isinstance(value, int) else str(value)
