# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import Sqlite
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.expect import (
    Expectation,
    Query,
    _plain,
    lost_rows,
    unmet,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

ENGINE = Sqlite()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Connection]:
    """Nine things and nothing else."""
    path = tmp_path / "shop.db"
    path.touch()
    connection = open_connection(parse_address(f"sqlite://{path}", None), ENGINE)
    connection.execute("CREATE TABLE things (code TEXT, cost INTEGER, secret TEXT)")
    for number in range(9):
        connection.execute("INSERT INTO things VALUES (?, ?, 'canary')", [f"C{number}", number * 10])
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("expectation", "told"),
    [
        (Expectation(), []),
        (Expectation(tables=["things"], columns={"things": ["code", "cost"]}, counts={"things": (9, 9)}), []),
        (Expectation(tables=["thing"]), ["There is no table thing. Did you mean things?"]),
        (Expectation(columns={"nothing": ["a"]}), ["There is no table nothing. Did you mean things?"]),
        (Expectation(counts={"nothing": (1, 1)}), ["There is no table nothing. Did you mean things?"]),
        (
            Expectation(columns={"things": ["price"]}),
            ["The table things has no column price. Known are: code, cost, secret."],
        ),
        (Expectation(columns={"things": ["Code"]}), ["The table things has no column Code. Did you mean code?"]),
        (Expectation(counts={"things": (10, 10)}), ["The table things has 9 rows instead of 10."]),
        (Expectation(counts={"things": (10, None)}), ["The table things has 9 rows instead of at least 10."]),
        (Expectation(counts={"things": (None, 8)}), ["The table things has 9 rows instead of at most 8."]),
        (Expectation(counts={"things": (1, 8)}), ["The table things has 9 rows instead of at least 1 and at most 8."]),
        (Expectation(counts={"things": (0, None)}), []),
        (Expectation(queries=[Query("SELECT COUNT(*) FROM things", 9)]), []),
        (Expectation(queries=[Query("SELECT COUNT(*) FROM things", "9")]), []),
        (
            Expectation(queries=[Query("SELECT 1", 1), Query("SELECT secret FROM things LIMIT 1", "x")]),
            ["The query 2 does not give what was expected."],
        ),
        (
            Expectation(queries=[Query("SELECT 1 WHERE 0", 1, "one")]),
            ["The query one does not give what was expected."],
        ),
        (Expectation(queries=[Query("SELECT code FROM things WHERE cost < 20 ORDER BY 1", ["C0", "C1"])]), []),
        (Expectation(queries=[Query("SELECT code, cost FROM things WHERE cost = 80", [["C8", 80]])]), []),
        (Expectation(queries=[Query("SELECT 1 WHERE 0", [])]), []),
        (
            Expectation(queries=[Query("SELECT code FROM things", ["C0"])]),
            ["The query 1 does not give what was expected."],
        ),
    ],
)
def test_expectations(shop: Connection, expectation: Expectation, told: Sequence[str]) -> None:
    found = unmet(expectation, shop, ENGINE)

    assert found == told
    assert "canary" not in "".join(found)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (9, "9", True),
        (9.0, 9, True),
        (Decimal(9), "9", True),
        (True, 1, True),
        (b"nine", "nine", True),
        (None, None, True),
        (None, "None", False),
        (9.5, 9, False),
        (0, False, True),
    ],
)
def test_values_are_compared_as_text(one: object, other: object, *, is_same: bool) -> None:
    assert (_plain([[one]]) == _plain([[other]])) is is_same


A, B = Table("Accounts"), Table("books", "library")
NOT_MEANT = "and no migration was meant to touch it: name it in may_lose_rows if one was."


@pytest.mark.parametrize(
    ("after", "touched", "allowed", "told"),
    [
        ({A: 5, B: 5}, (), (), []),
        ({A: 6, B: 5}, (), (), []),
        ({A: 4, B: 5}, (), (), [f"The table Accounts has 4 rows instead of 5, {NOT_MEANT}"]),
        ({A: 5}, (), (), [f"The table library.books is gone, {NOT_MEANT}"]),
        ({A: 4}, ("accounts", "books"), (), []),
        ({A: 4}, (), ("ACCOUNTS", "library.books"), []),
        ({B: 5}, ("books",), (), [f"The table Accounts is gone, {NOT_MEANT}"]),
    ],
)
def test_lost_rows(
    after: dict[Table, int], touched: Sequence[str], allowed: Sequence[str], told: Sequence[str]
) -> None:
    assert lost_rows({A: 5, B: 5}, after, touched, allowed) == told
