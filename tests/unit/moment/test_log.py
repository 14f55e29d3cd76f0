# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._moment.log import following, why_not_recovered

STOPPED = "2026-11-22 07:14:59.071 UTC [2551] LOG:  recovery stopping before {}, time 2026-11-22 07:14:40.326448+00\n"


@pytest.mark.parametrize(
    "what", ["commit of transaction 738", "abort of transaction 738", "commit of prepared transaction 738"]
)
def test_first_transaction_that_is_not_there(what: str) -> None:
    assert following(f"LOG:  redo starts at 0/4000028\n{STOPPED.format(what)}") == "2026-11-22T07:14:40.326448Z"


def test_no_transaction_that_is_not_there() -> None:
    assert following("LOG:  last completed transaction was at log time 2026-11-22 07:14:37.75978+00\n") is None


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            "LOG:  last completed transaction was at log time 2026-11-22 07:14:40.373157+00\n"
            "FATAL:  recovery ended before configured recovery target was reached\n",
            "The archive of main ends with the transaction of 2026-11-22T07:14:40.373157Z, so that nothing tells what "
            "was at NOON.",
        ),
        (
            "FATAL:  recovery ended before configured recovery target was reached\n",
            "The archive of main ends without a transaction after the backup, so that nothing tells what was at NOON.",
        ),
        (
            "FATAL:  the database system is starting up\nPANIC:  could not write: No space left on device\n",
            "The scratch cluster was not recovered: could not write: No space left on device.",
        ),
        (
            "FATAL:  the database system is starting up\n",
            "The scratch cluster was not recovered: its log does not say why.",
        ),
    ],
)
def test_why_it_was_not_recovered(log: str, expected: str) -> None:
    assert why_not_recovered(log, "main", "NOON") == expected
