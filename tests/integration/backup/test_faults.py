# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is known to go wrong with backups is made to go wrong, with the real modules, servers and programs.

Whatever the fault, the run ends in a sentence, or does its work all the same. Nothing is left of it, and the backups
that were there are as they were, to the bit; the first of them was proved by restoring it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.integration.backup import faults_backup, faults_prune, faults_restore
from tests.integration.backup.faults import BOTH, FAULTS, LINES, Fault
from tests.integration.backup.faults_live import Live

# Each declares its faults when it is imported.
TABLES = (faults_backup, faults_restore, faults_prune)


@pytest.mark.parametrize("line", LINES)
def test_every_line_has_a_fault(line: str) -> None:
    assert [str(fault) for fault in FAULTS if line in fault.lines and fault.platforms]


def test_every_fault_is_one_of_the_lines(record_testsuite_property: Callable[[str, object], None]) -> None:
    assert {line for fault in FAULTS for line in fault.lines} <= set(LINES)
    assert all(set(fault.platforms) <= set(BOTH) for fault in FAULTS)
    names = [str(fault) for fault in FAULTS]
    assert len(names) == len(set(names))
    record_testsuite_property("lines of the list of faults", len(LINES))
    record_testsuite_property("faults, each of one engine", len(FAULTS))


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault(fault: Fault, lives: Mapping[str, Live]) -> None:
    live = lives[fault.engine]
    try:
        fault.check(live)
    finally:
        live.reset()
