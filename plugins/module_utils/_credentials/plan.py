# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What brings the credentials from what they are to what is declared. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    NEW,
    Change,
    Credential,
    Declared,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.order import in_order
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

# Where a credential holds what a word of the option stands for; of a key and a secret it is known only if they differ.
ATTRIBUTES = {
    "provider": "provider",
    "priority": "priority",
    "endpoint": "endpoint",
    "rate_limit": "rate_limit",
    "active": "is_active",
    "global": "is_global",
    "user": "user",
}
SECRETS = ("key", "secret")


@dataclass(frozen=True)
class Wanted:
    """What the user has declared."""

    # By provider, in their order.
    priorities: Mapping[str, int] = field(default_factory=dict)
    credentials: Sequence[Declared] = ()
    only_default: bool = False
    strict: bool = False
    update_keys: bool = False


def plan_changes(present: Sequence[Credential], wanted: Wanted, default_priority: int | None) -> list[Change]:
    """What is to be done, in this order. Raises InvalidInput."""
    by_name: dict[str, list[Credential]] = {}
    for credential in present:
        by_name.setdefault(credential.name, []).append(credential)
    _refuse_if(_declaration_problems(wanted.credentials, by_name))
    declared = {each.name: each for each in wanted.credentials}
    changes = [
        change
        for credential in in_order(present)
        for change in _changes_of(credential, declared.get(credential.name), wanted, default_priority)
    ]
    changes += [
        _made(each, wanted, default_priority)
        for each in wanted.credentials
        if each.state != "absent" and each.name not in by_name
    ]
    if wanted.strict and wanted.priorities:
        _refuse_if(_provider_problems(outcome(present, changes), wanted.priorities))
    return changes


def outcome(present: Sequence[Credential], changes: Sequence[Change]) -> list[Credential]:
    """All credentials as they are after the changes."""
    after = {change.before.id: change.after for change in changes if change.before}
    kept = [after.get(credential.id, credential) for credential in present]
    made = [change.after for change in changes if not change.before]
    return [credential for credential in (*kept, *made) if credential]


def without_row(credentials: Sequence[Credential], priorities: Mapping[str, int]) -> list[str]:
    """The providers that have a priority and no credential."""
    there = {credential.provider for credential in credentials}
    return [provider for provider in priorities if provider not in there]


def _changes_of(
    credential: Credential, declared: Declared | None, wanted: Wanted, default_priority: int | None
) -> Iterator[Change]:
    if declared and declared.state == "absent":
        yield Change(credential, None)
        return
    target = _target(declared) if declared else {}
    provider = target.get("provider", credential.provider)
    if not wanted.only_default or credential.priority == default_priority:
        target = {**_priority_of(provider, wanted), **target}
    values = {word: value for word, value in target.items() if _differs(credential, word, value, wanted)}
    if values:
        yield Change(credential, _after(credential, values), values)


def _made(declared: Declared, wanted: Wanted, default_priority: int | None) -> Change:
    target = _target(declared)
    given = {**_priority_of(target["provider"], wanted), **target}
    values = {word: value for word, value in given.items() if value is not None}
    blank = Credential(NEW, declared.name, target["provider"], default_priority, has_key=False)
    return Change(None, _after(blank, values), values)


def _target(declared: Declared) -> dict[str, Any]:
    """What is given, and what follows from that."""
    activity = {"active": {"active": True}, "inactive": {"active": False}}.get(declared.state, {})
    if declared.values.get("user") is not None:
        return {"global": False, **declared.values, **activity}
    nobodys = {"user": None} if declared.values.get("global") else {}
    return {**declared.values, **nobodys, **activity}


def _priority_of(provider: str, wanted: Wanted) -> dict[str, int]:
    return {"priority": wanted.priorities[provider]} if provider in wanted.priorities else {}


def _differs(credential: Credential, word: str, value: Any, wanted: Wanted) -> bool:
    if word in SECRETS:
        is_same = credential.is_same.get(word)
        return wanted.update_keys if is_same is None else not is_same
    present = getattr(credential, ATTRIBUTES[word])
    # Whoever writes 5 for a user may mean the text.
    return str(present) != str(value) if word == "user" else bool(present != value)


def _after(credential: Credential, values: Mapping[str, Any]) -> Credential:
    visible = {ATTRIBUTES[word]: value for word, value in values.items() if word in ATTRIBUTES}
    has_key = bool(values["key"]) if "key" in values else credential.has_key
    return replace(credential, **visible, has_key=has_key)


def _declaration_problems(declared: Sequence[Declared], by_name: Mapping[str, Sequence[Credential]]) -> Iterator[str]:
    for each in declared:
        present = by_name.get(each.name, ())
        if len(present) > 1:
            ids = ", ".join(str(credential.id) for credential in present)
            yield f"{each.name}: {len(present)} credentials have this name (id {ids}): rename all but one of them."
        if not present and each.state != "absent" and "provider" not in each.values:
            yield f"{each.name}: there is no credential of this name: give the provider, so that it can be made."


def _provider_problems(after: Sequence[Credential], priorities: Mapping[str, int]) -> Iterator[str]:
    there = {credential.provider: credential.name for credential in after}
    for provider in without_row(after, priorities):
        hint = f" {did_you_mean(provider, there)}" if there else ""
        yield f"{provider}: no credential is of this provider.{hint}"
    for provider, name in there.items():
        if provider not in priorities:
            yield (f"{name} is of the provider {provider}, which has no priority. {did_you_mean(provider, priorities)}")


def _refuse_if(problems: Iterator[str]) -> None:
    told = list(problems)
    if told:
        raise InvalidInput("The credentials", told)
