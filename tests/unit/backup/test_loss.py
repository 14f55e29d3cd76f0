# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.loss import (
    Budget,
    parse_budget,
    refuse_beyond,
    refuse_unknown,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, InvalidInput

ORDERS, USERS, LOG = Table("orders", "public"), Table("users", "public"), Table("orders", "log")


@pytest.mark.parametrize(
    ("given", "budget"),
    [
        (0, Budget(0)),
        ("12", Budget(12)),
        (" unlimited ", Budget(None)),
        ({}, Budget(0)),
        ({"orders": 3}, Budget(0, {"orders": 3})),
        ({"orders": "unlimited", "*": "2"}, Budget(2, {"orders": None})),
    ],
)
def test_a_budget_is_a_number_or_numbers_of_tables(given: object, budget: Budget) -> None:
    assert parse_budget(given) == budget


@pytest.mark.parametrize("given", [None, True, -1, "-1", 1.5, "all", "", [], "1 000"])
def test_what_is_no_budget_is_told(given: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_budget(given)

    assert caught.value.message == (
        "The restore: 1 problem, nothing was changed. loss_budget is neither a number of rows nor unlimited."
    )


def test_every_table_with_no_budget_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_budget({"orders": "some", "users": 1, "*": None})

    assert caught.value.details["problems"] == [
        "loss_budget.orders is neither a number of rows nor unlimited.",
        "loss_budget.* is neither a number of rows nor unlimited.",
    ]


@pytest.mark.parametrize(
    ("given", "is_unlimited"),
    [
        ("unlimited", True),
        ({"*": "unlimited"}, True),
        ({"*": "unlimited", "orders": "unlimited"}, True),
        ({"*": "unlimited", "orders": 5}, False),
        ({"orders": "unlimited"}, False),
        (10**9, False),
    ],
)
def test_a_budget_is_unlimited_if_everything_may_be_lost(given: object, is_unlimited: bool) -> None:
    assert parse_budget(given).is_unlimited is is_unlimited


@pytest.mark.parametrize(
    ("given", "lost", "told"),
    [
        (0, {}, None),
        (0, {ORDERS: 0}, None),
        (0, {ORDERS: 1}, "1 of public.orders"),
        (2, {ORDERS: 1, USERS: 1}, None),
        (2, {ORDERS: 1, USERS: 2}, "1 of public.orders, 2 of public.users"),
        (2, {ORDERS: 0, USERS: 3}, "3 of public.users"),
        ({"orders": 2}, {ORDERS: 2, LOG: 2}, None),
        ({"orders": 2}, {ORDERS: 2, LOG: 3}, "3 of log.orders"),
        ({"log.orders": 5, "*": 0}, {ORDERS: 1, LOG: 5}, "1 of public.orders"),
        ({"log.orders": 0, "orders": 5}, {ORDERS: 5, LOG: 1}, "1 of log.orders"),
        ({"log.orders": "unlimited"}, {LOG: 10**9}, None),
        ({"orders": 0, "*": "unlimited"}, {ORDERS: 1, USERS: 10**9}, "1 of public.orders"),
        ({"orders": 0, "*": 1}, {ORDERS: 1, USERS: 2}, "1 of public.orders, 2 of public.users"),
    ],
)
def test_more_than_the_budget_is_refused(given: object, lost: dict[Table, int], told: str | None) -> None:
    if told is None:
        refuse_beyond(parse_budget(given), lost)
        return
    with pytest.raises(BackupError) as caught:
        refuse_beyond(parse_budget(given), lost)

    assert caught.value.message == (
        f"The restore would lose rows that were written or changed since the backup: {told}. Nothing was changed. If"
        " they may go, say so with loss_budget."
    )
    assert caught.value.details == {"lost": {str(table): rows for table, rows in sorted(lost.items()) if rows}}


@pytest.mark.parametrize(("count", "more"), [(10, ""), (13, " and more of 3 others")])
def test_a_sentence_names_no_more_than_ten_tables(count: int, more: str) -> None:
    lost = {Table(f"t{number:02}"): 1 for number in range(count)}

    with pytest.raises(BackupError) as caught:
        refuse_beyond(Budget(), lost)

    assert f", 1 of t09{more}. Nothing" in caught.value.message
    assert len(caught.value.details["lost"]) == count


def test_a_table_that_is_nowhere_is_told() -> None:
    refuse_unknown(parse_budget({"orders": 1, "public.users": 2, "*": 3}), [ORDERS, USERS])

    with pytest.raises(InvalidInput) as caught:
        refuse_unknown(parse_budget({"ordres": 1, "public.user": 2, "users": 0}), [ORDERS, USERS])

    assert caught.value.details["problems"] == [
        "loss_budget.ordres: neither the database nor the backup has such a table. Did you mean orders?",
        "loss_budget.public.user: neither the database nor the backup has such a table. Did you mean public.users?",
    ]
