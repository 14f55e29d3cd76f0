# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the credentials as they are declared. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.backend import Backend
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import NEW, Change, Credential
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.order import (
    doubts,
    in_order,
    line,
    listed,
    order_of,
    some,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import (
    SECRETS,
    Wanted,
    outcome,
    plan_changes,
    without_row,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result

# What a line of the diff does not show by itself.
_UNSEEN = ("key", "secret", "endpoint", "rate_limit")


def ensure_credentials(
    wanted: Wanted,
    place: str,
    *,
    backend: Backend,
    prove: Callable[[Sequence[Credential]], None] | None,
    check_mode: bool,
) -> Result:
    """Change what differs; `prove` asks the application afterwards, and raises ShipshapeError if it says otherwise."""
    with backend.session(check_mode=check_mode):
        present = backend.credentials(wanted.credentials)
        changes = plan_changes(present, wanted, backend.default_priority)
        done = changes if check_mode else _carried_out(changes, backend)
    # Of the plan also where it is carried out, so that a check and a real run show the same.
    planned = in_order(outcome(present, changes))
    before, after, order = in_order(present), _with_ids(planned, done), order_of(planned)
    if prove and not (check_mode and changes):
        _proved(prove, after, changes)
    lacking = without_row(after, wanted.priorities)
    has_keys = any(word in each.values for each in wanted.credentials for word in SECRETS)
    compared_by = backend.key_is_compared_by if has_keys else None
    return Result(
        changed=bool(changes),
        data={
            "before": [listed(credential) for credential in before],
            "after": [listed(credential) for credential in after],
            "first": order.first,
            "fallbacks": order.fallbacks,
            "ties": [asdict(tie) for tie in order.ties],
            "passed_over": [{"name": name, "why": why} for name, why in order.passed_over],
            "without_row": lacking,
            "counts": {"before": len(before), "after": len(after)},
            "changes": _told(changes),
            **({"key_compared_by": compared_by} if compared_by else {}),
        },
        diff=Diff(_lines(before, {}), _lines(after, _unseen(changes)), place),
        warnings=[
            *doubts(after, order),
            *([f"No credential is of the provider: {some(lacking)}."] if lacking else []),
            *_keyless(changes),
            *([compared_by] if compared_by else []),
        ],
    )


def _carried_out(changes: Sequence[Change], backend: Backend) -> list[Change]:
    done: list[Change] = []
    try:
        # One by one, so that after a failure it is known which are done.
        for change in backend.apply(changes):
            done.append(change)  # noqa: PERF402 (an extend would lose those before the failure)
    except ShipshapeError as error:
        if backend.undoes:
            raise
        pending = changes[len(done) :]
        failed = pending[0] if pending else changes[-1]
        raise ShipshapeError(
            f"{len(done)} of {len(changes)} changes are done. {_name(failed)} was not {failed.action}: {error.message}"
            " Another run goes on from there.",
            # The one that failed may be done nevertheless, which its error says.
            **{"changed": bool(done), **error.details, "changes": _told(done), "pending": _told(pending)},
        ) from error
    return done


def _proved(
    prove: Callable[[Sequence[Credential]], None], after: Sequence[Credential], changes: Sequence[Change]
) -> None:
    try:
        prove(after)
    except ShipshapeError as error:
        error.details.update(changed=bool(changes), changes=_told(changes))
        raise


def _with_ids(credentials: Sequence[Credential], done: Sequence[Change]) -> list[Credential]:
    made = {change.after.name: change.after.id for change in done if change.after and not change.before}
    return [
        replace(credential, id=made[credential.name]) if credential.id == NEW else credential
        for credential in credentials
    ]


def _told(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [
        {
            "name": _name(change),
            "provider": (change.after or change.before or _NOBODY).provider,
            "action": change.action,
            "fields": list(change.values),
        }
        for change in changes
    ]


_NOBODY = Credential(NEW, "", "", None)


def _name(change: Change) -> str:
    return (change.after or change.before or _NOBODY).name


def _unseen(changes: Sequence[Change]) -> Mapping[str, str]:
    """By name, which changes of a credential nobody would see."""
    fields = {_name(change): [word for word in change.values if word in _UNSEEN] for change in changes if change.before}
    return {name: f" (other {', '.join(words)})" for name, words in fields.items() if words}


def _lines(credentials: Sequence[Credential], notes: Mapping[str, str]) -> str:
    return "".join(f"{line(credential)}{notes.get(credential.name, '')}\n" for credential in credentials)


def _keyless(changes: Sequence[Change]) -> Iterator[str]:
    names = [_name(change) for change in changes if not change.before and not change.values.get("key")]
    if names:
        yield f"Made without a key, so that the application cannot use it: {some(names)}."
