# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply; with a place that undoes nothing, as an API is, and one that undoes all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    NEW,
    Change,
    Credential,
    Declared,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import Wanted
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.usecase import ensure_credentials
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    ChecksFailed,
    HttpError,
    Interrupted,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

MAIN = Credential(1, "main", "gemini", 100, has_key=True)
FAST = Credential(2, "fast", "groq", 100, has_key=True)
OFF = Credential(3, "off", "openai", 100, is_active=False, has_key=True)


class Kept:
    """Credentials that are kept in memory."""

    default_priority: int | None = 100
    undoes = False
    key_is_compared_by: str | None = None

    def __init__(
        self, *credentials: Credential, fails_at: int | None = None, error: ShipshapeError | None = None
    ) -> None:
        self.kept = {credential.id: credential for credential in credentials}
        self.fails_at, self.error = fails_at, error
        self.sessions: list[bool] = []
        self.declared: Sequence[Declared] = ()
        self.is_open = False

    @contextmanager
    def session(self, *, check_mode: bool) -> Iterator[None]:
        self.sessions.append(check_mode)
        self.is_open = True
        yield
        self.is_open = False

    def credentials(self, declared: Sequence[Declared]) -> list[Credential]:
        assert self.is_open
        self.declared = declared
        return list(self.kept.values())

    def apply(self, changes: Sequence[Change]) -> Iterator[Change]:
        assert self.is_open
        assert self.sessions[-1] is False
        for number, change in enumerate(changes):
            if number == self.fails_at:
                assert self.error
                raise self.error
            if change.before:
                self.kept.pop(change.before.id)
            if change.after:
                # Whoever makes ids by chance makes some that come first.
                own_id = change.before.id if change.before else number - 100
                self.kept[own_id] = replace(change.after, id=own_id)
                yield replace(change, after=self.kept[own_id])
            else:
                yield change


def done(kept: Kept, *, check_mode: bool = False, prove: Any = None, **wanted: Any) -> Result:
    return ensure_credentials(Wanted(**wanted), "the place", backend=kept, prove=prove, check_mode=check_mode)


DECLARED = [
    Declared("new", values={"provider": "gemini", "key": "canary"}),
    Declared("off", "absent"),
    Declared("main", values={"endpoint": "http://a"}),
]
WANTED: dict[str, Any] = {"priorities": {"gemini": 10, "groq": 20, "mistral": 30}, "credentials": DECLARED}


def test_all_that_is_returned() -> None:
    kept = Kept(FAST, MAIN, OFF)

    result = done(kept, **WANTED)

    assert result.changed
    shown = {"global": True, "user": None, "has_key": True}
    main = {"id": 1, "name": "main", "provider": "gemini", "priority": 100, "active": True, **shown}
    fast = {"id": 2, "name": "fast", "provider": "groq", "priority": 100, "active": True, **shown}
    off = {"id": 3, "name": "off", "provider": "openai", "priority": 100, "active": False, **shown}
    assert result.data == {
        "before": [main, fast, off],
        "after": [
            {**main, "priority": 10},
            {**main, "id": -97, "name": "new", "priority": 10},
            {**fast, "priority": 20},
        ],
        "first": "main",
        "fallbacks": ["new", "fast"],
        "ties": [],
        "passed_over": [],
        "without_row": ["mistral"],
        "counts": {"before": 3, "after": 3},
        "changes": [
            {"name": "main", "provider": "gemini", "action": "updated", "fields": ["priority", "endpoint"]},
            {"name": "fast", "provider": "groq", "action": "updated", "fields": ["priority"]},
            {"name": "off", "provider": "openai", "action": "deleted", "fields": []},
            {"name": "new", "provider": "gemini", "action": "created", "fields": ["priority", "provider", "key"]},
        ],
    }
    assert result.diff
    assert result.diff.path == "the place"
    assert result.diff.before == "100  gemini  main  active\n100  groq  fast  active\n100  openai  off  inactive\n"
    assert result.diff.after == (
        "10  gemini  main  active (other endpoint)\n10  gemini  new  active\n20  groq  fast  active\n"
    )
    assert result.warnings == ["No credential is of the provider: mistral."]
    assert kept.declared == DECLARED
    assert "canary" not in repr(result)


def test_check_mode_foretells_the_real_run() -> None:
    kept = Kept(FAST, MAIN, OFF)

    foretold = done(kept, check_mode=True, **WANTED)
    assert list(kept.kept.values()) == [FAST, MAIN, OFF]
    real = done(kept, **WANTED)

    # But for the id of what is not made yet.
    ids = [(told["id"], happened["id"]) for told, happened in zip(foretold.data["after"], real.data["after"])]
    assert ids == [(1, 1), (None, -97), (2, 2)]
    for result in (foretold, real):
        for credential in result.data["after"]:
            del credential["id"]
    assert foretold == real
    assert kept.sessions == [True, False]


def test_second_run_changes_nothing() -> None:
    kept = Kept(FAST, MAIN, OFF)
    wanted: dict[str, Any] = {"priorities": {"gemini": 10, "groq": 20}, "credentials": [Declared("off", "absent")]}
    done(kept, **wanted)

    again = done(kept, **wanted)

    assert again.changed is False
    assert again.data["changes"] == []
    assert again.data["before"] == again.data["after"]
    assert again.diff
    assert again.diff.before == again.diff.after


def test_facts_are_told() -> None:
    empty = Credential(4, "empty", "x", 1, has_key=False)
    twin = Credential(5, "twin", "x", 100, has_key=True)

    data = done(Kept(MAIN, empty, twin), priorities={"gemini": 100}).data

    assert data["passed_over"] == [{"name": "empty", "why": "no key"}]
    assert data["ties"] == [{"priority": 100, "names": ["main", "twin"]}]


@pytest.mark.parametrize(("given", "is_told"), [({"key": "k"}, True), ({"secret": "s"}, True), ({}, False)])
def test_how_keys_are_compared_is_told_to_those_who_declare_some(given: dict[str, str], is_told: bool) -> None:
    kept = Kept(MAIN)
    kept.key_is_compared_by = "By their ends."

    result = done(kept, credentials=[Declared("main", values=given)])

    assert result.data.get("key_compared_by") == ("By their ends." if is_told else None)
    assert ("By their ends." in result.warnings) is is_told


def test_credential_that_is_made_without_a_key_is_warned_of() -> None:
    declared = [Declared(name, values={"provider": "x", "priority": 900, **given}) for name, given in KEYLESS.items()]

    assert done(Kept(MAIN), credentials=declared).warnings == [
        "Made without a key, so that the application cannot use it: none, empty."
    ]


KEYLESS: dict[str, dict[str, str]] = {"none": {}, "empty": {"key": ""}, "some": {"key": "k"}}


def test_what_cannot_be_is_refused_before_anything_is_done() -> None:
    kept = Kept(MAIN)

    with pytest.raises(InvalidInput):
        done(kept, priorities={"gemini": 1}, credentials=[Declared("new")])

    assert kept.kept == {1: MAIN}


# A failure in the middle


def test_failure_in_the_middle_tells_how_far_it_is() -> None:
    kept = Kept(FAST, MAIN, OFF, fails_at=1, error=HttpError("PUT answered 500.", reason="connection"))

    with pytest.raises(ShipshapeError) as failed:
        done(kept, **WANTED)

    assert failed.value.message == (
        "1 of 4 changes are done. fast was not updated: PUT answered 500. Another run goes on from there."
    )
    details = failed.value.details
    assert details["changed"] is True
    assert [change["name"] for change in details["changes"]] == ["main"]
    assert [(change["name"], change["action"]) for change in details["pending"]] == [
        ("fast", "updated"),
        ("off", "deleted"),
        ("new", "created"),
    ]
    assert details["reason"] == "connection"
    kept.fails_at = None
    assert [change["name"] for change in done(kept, **{**WANTED, "update_keys": False}).data["changes"]] == [
        "fast",
        "off",
        "new",
    ]


def test_failure_at_the_first_has_changed_nothing() -> None:
    kept = Kept(MAIN, fails_at=0, error=ShipshapeError("No."))

    with pytest.raises(ShipshapeError) as failed:
        done(kept, priorities={"gemini": 1})

    assert failed.value.details["changed"] is False
    assert failed.value.message.startswith("0 of 1 changes are done. main was not updated: No.")


def test_database_that_undoes_all_tells_so_itself() -> None:
    kept = Kept(FAST, MAIN, fails_at=1, error=Interrupted("Stopped."))
    kept.undoes = True

    with pytest.raises(Interrupted) as failed:
        done(kept, priorities={"gemini": 1, "groq": 2})

    assert failed.value is kept.error
    assert failed.value.details == {}


# The proof


def test_proof_is_asked_for_after_all_is_done() -> None:
    kept = Kept(MAIN)
    asked: list[Credential] = []

    def prove(after: Sequence[Credential]) -> None:
        assert not kept.is_open
        asked.extend(after)

    made = Declared("new", values={"provider": "gemini", "priority": 5})
    done(kept, prove=prove, priorities={"gemini": 10}, credentials=[made])

    assert [(credential.id, credential.priority) for credential in asked] == [(-99, 5), (1, 10)]
    assert NEW not in [credential.id for credential in asked]


@pytest.mark.parametrize(("priority", "is_asked"), [(10, False), (100, True)])
def test_proof_in_check_mode_is_asked_for_only_if_nothing_would_change(priority: int, is_asked: bool) -> None:
    asked: list[bool] = []

    done(Kept(MAIN), check_mode=True, prove=lambda _after: asked.append(True), priorities={"gemini": priority})

    assert asked == [True] * is_asked


def test_failed_proof_tells_what_was_changed() -> None:
    def prove(_after: Sequence[Credential]) -> None:
        raise ChecksFailed("It is not so.", problems=["x"])

    for changed in (True, False):
        with pytest.raises(ChecksFailed) as failed:
            done(Kept(MAIN), prove=prove, priorities={"gemini": 10 if changed else 100})
        assert failed.value.details["changed"] is changed
        assert len(failed.value.details["changes"]) == changed
        assert failed.value.details["problems"] == ["x"]
