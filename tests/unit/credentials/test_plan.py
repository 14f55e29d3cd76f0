# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    NEW,
    Change,
    Credential,
    Declared,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import (
    Wanted,
    outcome,
    plan_changes,
    without_row,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

MAIN = Credential(1, "main", "gemini", 100, has_key=True, endpoint="http://a", rate_limit=5)
CUSTOM = Credential(2, "custom", "gemini", 77, has_key=True)
FAST = Credential(3, "fast", "groq", 100, has_key=True)
ODD = Credential(4, "odd", "gemini", None, has_key=True)
OTHER = Credential(5, "other", "nobody", 100, has_key=True)
OWN = Credential(6, "own", "gemini", 10, is_global=False, user=3, has_key=True)
ALL = [MAIN, CUSTOM, FAST, ODD, OTHER, OWN]

PRIORITIES = {"gemini": 10, "groq": 20}


def planned(present: list[Credential], default: int | None = 100, **wanted: Any) -> list[Change]:
    return plan_changes(present, Wanted(**wanted), default)


def priorities(changes: list[Change]) -> dict[str, Any]:
    assert all(change.before and change.after for change in changes)
    assert all(list(change.values) == ["priority"] for change in changes)
    return {change.after.name: change.after.priority for change in changes if change.after}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"custom": 10, "main": 10, "fast": 20, "odd": 10}),
        ({"only_default": True}, {"main": 10, "fast": 20}),
        ({"only_default": True, "default": 77}, {"custom": 10}),
        ({"only_default": True, "default": None}, {"odd": 10}),
    ],
)
def test_priorities_of_providers(options: dict[str, Any], expected: dict[str, int]) -> None:
    changes = planned(ALL, priorities=PRIORITIES, **options)

    assert priorities(changes) == expected
    assert [change.before for change in changes] == [one for name in expected for one in ALL if one.name == name]
    assert planned(outcome(ALL, changes), priorities=PRIORITIES, **options) == []


BOTH = {"key": "k", "secret": "s"}
DECLARED = replace(MAIN, is_same={"key": True, "secret": True})


@pytest.mark.parametrize(
    ("credential", "state", "given", "values"),
    [
        (MAIN, "present", {}, {}),
        (MAIN, "present", {"provider": "gemini", "endpoint": "http://a", "rate_limit": 5, "global": True}, {}),
        (MAIN, "present", {"endpoint": "http://b", "rate_limit": 6}, {"endpoint": "http://b", "rate_limit": 6}),
        (MAIN, "present", {"provider": "groq"}, {"provider": "groq"}),
        (MAIN, "active", {}, {}),
        (MAIN, "inactive", {}, {"active": False}),
        (replace(MAIN, is_active=False), "active", {}, {"active": True}),
        (replace(MAIN, is_active=False), "present", {}, {}),
        (MAIN, "present", {"user": 3}, {"global": False, "user": 3}),
        (OWN, "present", {"user": 3}, {}),
        (replace(OWN, user="3"), "present", {"user": 3}, {}),
        (OWN, "present", {"user": 4}, {"user": 4}),
        (OWN, "present", {"global": True}, {"global": True, "user": None}),
        (OWN, "present", {"global": False}, {}),
        (DECLARED, "present", BOTH, {}),
        (replace(MAIN, is_same={"key": False, "secret": True}), "present", {"key": "k", "secret": "s"}, {"key": "k"}),
        (
            replace(MAIN, is_same={"key": True, "secret": False}),
            "present",
            {"key": "k", "secret": "s"},
            {"secret": "s"},
        ),
        (replace(MAIN, is_same={"key": None}), "present", {"key": "k"}, {}),
        (MAIN, "present", {"key": "k"}, {}),
    ],
)
def test_declared_credential_gets_what_differs(
    credential: Credential, state: str, given: dict[str, Any], values: dict[str, Any]
) -> None:
    changes = planned([credential, FAST], credentials=[Declared(credential.name, state, given)])

    assert [change.values for change in changes] == ([values] if values else [])
    after = outcome([credential, FAST], changes)[0]
    shown = {"active": after.is_active, "global": after.is_global, "user": after.user, "provider": after.provider}
    for word, value in values.items():
        assert {**shown, "endpoint": after.endpoint, "rate_limit": after.rate_limit}.get(word, value) == value


def test_keys_that_nothing_tells_of_are_sent_if_asked_for() -> None:
    present = replace(MAIN, is_same={"key": None, "secret": True})
    declared = Declared("main", values={"key": "k", "secret": "s"})

    [change] = planned([present], credentials=[declared], update_keys=True)

    assert change.values == {"key": "k"}


@pytest.mark.parametrize(("key", "has_key"), [("k", True), ("", False)])
def test_other_key_is_a_key(key: str, has_key: bool) -> None:
    [change] = planned(
        [replace(MAIN, has_key=not has_key, is_same={"key": False})],
        credentials=[Declared("main", values={"key": key})],
    )

    assert change.after
    assert change.after.has_key is has_key


@pytest.mark.parametrize(
    ("given", "options", "priority"),
    [
        ({"priority": 5}, {}, 5),
        # It is this credential's own, and no matter of the default.
        ({"priority": 5}, {"only_default": True, "default": 1}, 5),
        ({"provider": "groq"}, {}, 20),
        ({"provider": "groq"}, {"only_default": True}, 20),
        ({"provider": "groq"}, {"only_default": True, "default": 1}, 100),
        ({"provider": "unknown"}, {}, 100),
    ],
)
def test_priority_of_a_declared_credential(given: dict[str, Any], options: dict[str, Any], priority: int) -> None:
    changes = planned([MAIN], priorities=PRIORITIES, credentials=[Declared("main", values=given)], **options)

    assert outcome([MAIN], changes)[0].priority == priority


@pytest.mark.parametrize("state", ["present", "active", "inactive"])
@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, Credential(NEW, "new", "groq", 20, has_key=False)),
        ({"priority": 7, "key": "k"}, Credential(NEW, "new", "groq", 7, has_key=True)),
        ({"provider": "unknown"}, Credential(NEW, "new", "unknown", 100, has_key=False)),
        (
            {"user": 3, "endpoint": "http://a", "rate_limit": 1, "secret": "s"},
            Credential(
                NEW, "new", "groq", 20, is_global=False, user=3, endpoint="http://a", rate_limit=1, has_key=False
            ),
        ),
        ({"global": True}, Credential(NEW, "new", "groq", 20, has_key=False)),
    ],
)
def test_missing_credential_is_made(state: str, given: dict[str, Any], after: Credential) -> None:
    declared = Declared("new", state, {"provider": "groq", **given})
    # The default is for what is there.
    [change] = planned([], priorities=PRIORITIES, credentials=[declared], only_default=True)

    assert change.before is None
    assert change.after == replace(after, is_active=state != "inactive")
    assert change.action == "created"
    assert given.items() <= change.values.items()
    assert None not in change.values.values()
    assert change.values.get("active") == {"active": True, "inactive": False}.get(state)


def test_credential_is_taken_away() -> None:
    declared = [Declared("main", "absent"), Declared("gone", "absent")]

    assert planned([MAIN, FAST], credentials=declared, priorities={"gemini": 1}) == [Change(MAIN, None)]
    assert outcome([MAIN, FAST], [Change(MAIN, None)]) == [FAST]


def test_what_is_there_changes_before_what_is_made() -> None:
    declared = [Declared("new", values={"provider": "x"}), Declared("main", "absent")]

    actions = [change.action for change in planned([MAIN, FAST], credentials=declared, priorities=PRIORITIES)]

    assert actions == ["deleted", "updated", "created"]


def refused(present: list[Credential], **wanted: Any) -> list[str]:
    with pytest.raises(InvalidInput) as told:
        planned(present, **wanted)
    found: list[str] = told.value.details["problems"]
    return found


def test_declarations_that_cannot_be_are_refused_together() -> None:
    twice = replace(FAST, id=9, name="main")
    declared = [Declared("main", "absent"), Declared("new"), Declared("gone", "absent")]

    assert refused([MAIN, twice], credentials=declared) == [
        "main: 2 credentials have this name (id 1, 9): rename all but one of them.",
        "new: there is no credential of this name: give the provider, so that it can be made.",
    ]


def test_equal_names_that_nobody_declares_are_no_matter() -> None:
    twice = replace(FAST, id=9, name="main")

    assert [change.after for change in planned([MAIN, twice], priorities=PRIORITIES)] == [
        replace(MAIN, priority=10),
        replace(twice, priority=20),
    ]


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        ({"priorities": {"gemini": 10, "groq": 20}}, []),
        ({}, []),
        (
            {"priorities": {"gemini": 10, "grok": 20}},
            [
                "grok: no credential is of this provider. Did you mean groq?",
                "fast is of the provider groq, which has no priority. Did you mean grok?",
            ],
        ),
        ({"priorities": {"gemini": 10, "grok": 20}, "strict": False}, []),
        (
            {"priorities": {"gemini": 1, "groq": 2, "x": 3}, "credentials": [Declared("n", values={"provider": "x"})]},
            [],
        ),
        ({"priorities": {"gemini": 10}, "credentials": [Declared("fast", "absent")]}, []),
    ],
)
def test_strict(options: dict[str, Any], problems: list[str]) -> None:
    wanted = {"strict": True, **options}
    if problems:
        assert refused([MAIN, FAST], **wanted) == problems
    else:
        planned([MAIN, FAST], **wanted)


def test_strict_without_any_credential() -> None:
    assert refused([], priorities={"gemini": 1}, strict=True) == ["gemini: no credential is of this provider."]


def test_providers_without_a_row() -> None:
    assert without_row([MAIN, FAST], {"b": 1, "groq": 2, "a": 3}) == ["b", "a"]
