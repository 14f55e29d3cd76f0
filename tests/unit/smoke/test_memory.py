# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.memory import Memory, parse_memory
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import Outcome

BEFORE = Memory({"a": {"at": 1}, "old": {"at": 9}}, {"a": {"ms": 10.0}, "old": {"ms": 90.0}})
SEEN = [
    Outcome("a", "log", "passed", remember={"at": 2}, recorded={"ms": 20.0}),
    Outcome("b", "log", "failed", remember={"at": 3}),
    Outcome("c", "log", "passed"),
]


def test_what_was_seen_takes_the_place_of_what_was_remembered() -> None:
    after = BEFORE.after(SEEN, is_recording=False)

    assert after.remembered == {"a": {"at": 2}, "old": {"at": 9}, "b": {"at": 3}}
    assert after.recorded == BEFORE.recorded


def test_numbers_are_recorded_only_if_that_was_asked_for() -> None:
    assert BEFORE.after(SEEN, is_recording=True).recorded == {"a": {"ms": 20.0}, "old": {"ms": 90.0}}


def test_what_is_kept_is_read_again() -> None:
    memory = Memory({"ä\n": {"x": [1, None]}}, {"a": {"ms": 1.5, "n": 2}})

    assert parse_memory(memory.as_text().encode(), "/m") == memory
    assert memory.as_text().endswith("}\n")
    assert "ä" in memory.as_text()
    assert parse_memory(Memory().as_text().encode(), "/m") == Memory()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff", b"[]", b"5", b"null", b"{}", b'{"remembered": {}}', b'{"recorded": {}}'),
        b'{"remembered": [], "recorded": {}}',
        b'{"remembered": {}, "recorded": []}',
        b'{"remembered": {"a": 5}, "recorded": {}}',
        b'{"remembered": {}, "recorded": {"a": 5}}',
        b'{"remembered": {}, "recorded": {"a": {"ms": "5"}}}',
    ],
)
def test_what_is_no_memory_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_memory(content, "/m.json")

    assert caught.value.message == (
        "The memory: 1 problem, nothing was changed."
        " /m.json is no memory of smoke_check: name another file, or remove it."
    )
