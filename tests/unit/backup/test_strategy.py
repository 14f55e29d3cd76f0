# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import differences
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import (
    beside_name,
    beside_stems,
    is_beside,
    purpose_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table

TAG = "20261121091417a1b2c3"
OTHER_TAG = "20261122091417d4e5f6"

PURPOSES = ("restore", "old", "verify")

# As long as PostgreSQL, MySQL and a file system allow.
longest = st.sampled_from([63, 64, 255])
tags = st.from_regex(r"[0-9]{14}[0-9a-f]{6}", fullmatch=True)
# With halves of characters, as a file's name can have them.
names = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=300),
    st.text("ab_é", max_size=100),
    st.builds(
        lambda name, purpose, tag: beside_name(name, purpose, tag, 63), st.text("ab_"), st.sampled_from(PURPOSES), tags
    ),
)


@given(names, st.sampled_from(PURPOSES), tags, longest)
def test_a_name_beside_is_short_enough_and_known_again(name: str, purpose: str, tag: str, longest: int) -> None:
    beside = beside_name(name, purpose, tag, longest)
    assert len(beside.encode("utf-8", "surrogatepass")) <= longest
    assert purpose_of(beside, name, longest) == purpose
    assert [stem + tag for stem in beside_stems(name, longest)].count(beside) == 1
    assert is_beside(beside, name, longest)


@given(names, names, st.sampled_from(PURPOSES), tags, longest)
def test_a_name_beside_one_database_is_not_beside_another(
    name: str, other: str, purpose: str, tag: str, longest: int
) -> None:
    assume(name != other)
    assert not is_beside(beside_name(name, purpose, tag, longest), other, longest)


@given(st.text("ab_é", min_size=60), st.text("ab", min_size=1), st.sampled_from(PURPOSES), tags)
def test_long_names_that_begin_alike_are_told_apart(name: str, rest: str, purpose: str, tag: str) -> None:
    assert not is_beside(beside_name(name, purpose, tag, 63), name + rest, 63)
    assert not is_beside(beside_name(name + rest, purpose, tag, 63), name, 63)


@pytest.mark.parametrize(
    ("name", "longest", "expected"),
    [
        ("app", 63, f"app__old_{TAG}"),
        # The name of a file that is no text.
        ("caf\udce9.db", 255, f"caf\udce9.db__old_{TAG}"),
        ("a" * 37, 63, f"{'a' * 37}__old_{TAG}"),
        # One too long: as much of it as there is room for.
        ("a" * 38, 63, f"{'a' * 28}_365a9c3e__old_{TAG}"),
        ("é" * 19, 63, f"{'é' * 14}_c74657da__old_{TAG}"),
        ("aé" * 13, 63, f"{'aé' * 9}a_db6b3d2f__old_{TAG}"),
    ],
)
def test_names_beside(name: str, longest: int, expected: str) -> None:
    assert beside_name(name, "old", TAG, longest) == expected


@pytest.mark.parametrize(
    ("candidate", "name", "purpose"),
    [
        (f"app__restore_{TAG}", "app", "restore"),
        (f"app__old_{TAG}", "app", "old"),
        (f"app__verify_{TAG}", "app", "verify"),
        # Of a database that was itself moved away once.
        (f"app__old_{TAG}__restore_{OTHER_TAG}", f"app__old_{TAG}", "restore"),
        (f"app__old_{TAG}__restore_{OTHER_TAG}", "app", None),
        (f"app___old_{TAG}", "app_", "old"),
        (f"app___old_{TAG}", "app", None),
        ("app", "app", None),
        ("", "", None),
        (f"app__other_{TAG}", "app", None),
        (f"app_old_{TAG}", "app", None),
        (f"app__old_{TAG}x", "app", None),
        (f"app__old_{TAG}\n", "app", None),
        (f"app__old_{TAG[:-1]}", "app", None),
        (f"app__old_{TAG.upper()}", "app", None),
        (f"App__old_{TAG}", "app", None),
        (f"my_app__old_{TAG}", "app", None),
        (f"{'a' * 60}__old_{TAG}", "a" * 60, None),
    ],
)
def test_what_is_beside_and_what_for(candidate: str, name: str, purpose: str | None) -> None:
    assert purpose_of(candidate, name, 63) == purpose
    assert is_beside(candidate, name, 63) is (purpose is not None)


USERS, POSTS = Table("users", "public"), Table("posts", "public")
FACTS = Facts({USERS: 3, POSTS: 5}, "5c" * 32, content_sha256="c0" * 32)


def facts(
    tables: Mapping[Table, int], schema: str = "5c" * 32, content: str | None = None, *, is_approximate: bool = False
) -> Facts:
    return Facts(tables, schema, content_sha256=content, is_approximate=is_approximate)


@pytest.mark.parametrize(
    ("expected", "found", "told"),
    [
        (FACTS, FACTS, []),
        (facts({}), facts({}), []),
        (facts({USERS: 3, POSTS: 5}), facts({POSTS: 5, USERS: 3}), []),
        (FACTS, facts({USERS: 3, POSTS: 5}), []),
        (facts({USERS: 3, POSTS: 5}), FACTS, []),
        (FACTS, facts({USERS: 3, POSTS: 5}, content="c1" * 32), ["The rows are other ones."]),
        (facts({USERS: 3}), facts({USERS: 3}, "5d" * 32), ["The schema is another one."]),
        (facts({USERS: 3}), facts({USERS: 2}), ["Table public.users has 2 rows instead of 3."]),
        (facts({USERS: 0}), facts({USERS: 1}), ["Table public.users has 1 rows instead of 0."]),
        (facts({USERS: 0}), facts({}), ["Table public.users is missing."]),
        (facts({}), facts({USERS: 0}), ["Table public.users is too much."]),
        (facts({USERS: 3}, is_approximate=True), facts({USERS: 9}), []),
        (facts({USERS: 3}), facts({USERS: 9}, is_approximate=True), ["Table public.users has 9 rows instead of 3."]),
        (facts({USERS: 3}, is_approximate=True), facts({}), ["Table public.users is missing."]),
        # A table without a schema comes from another engine or from a manifest that somebody changed.
        (
            facts({Table("b"): 1, Table("a"): 1, Table("a", "z"): 1}, "5d" * 32, "c1" * 32),
            facts({Table("c"): 1, Table("a"): 2}, content="c2" * 32),
            [
                "The schema is another one.",
                "Table a has 2 rows instead of 1.",
                "Table b is missing.",
                "Table c is too much.",
                "Table z.a is missing.",
                "The rows are other ones.",
            ],
        ),
    ],
)
def test_differences(expected: Facts, found: Facts, told: Sequence[str]) -> None:
    assert differences(expected, found) == told
