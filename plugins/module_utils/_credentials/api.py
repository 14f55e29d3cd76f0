# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials behind the admin API of an application. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_client import Client
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_keys import Shown, compared_by, shown_in
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_proof import IMPLIED, undone
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_rows import (
    Row,
    credential_of,
    field_problems,
    id_of,
    id_problems,
    is_id,
    json_of,
    rows_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import (
    Change,
    Credential,
    Declared,
    Id,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import ATTRIBUTES, SECRETS
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import HttpSession, Request, Response, Trust

# What rows are made of, by the words of the options.
FIELDS: Mapping[str, str] = {
    "id": "id",
    "name": "name",
    "provider": "provider",
    "priority": "priority",
    "key": "apiKey",
    "secret": "apiSecret",
    "endpoint": "endpoint",
    "rate_limit": "rateLimit",
    "active": "isActive",
    "global": "isGlobal",
    "user": "userId",
}


@dataclass(frozen=True)
class Api:
    """The API as the user describes it."""

    # Of the collection.
    url: str
    # Those of the identity, all of them.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    trust: Trust = field(default_factory=Trust)
    timeout: float = 10
    update_method: str = "PUT"
    # Where the list stands in the answer, as dotted names; None is the answer itself.
    items: str | None = None
    # With a name for each of FIELDS.
    fields: Mapping[str, str] = field(default_factory=lambda: FIELDS)
    # What of all options nobody may see, in every form in which it may come back.
    secrets: Sequence[str] = field(default=(), repr=False)


class ApiBackend:
    """What the API lists and lets be changed; it undoes nothing."""

    default_priority: int | None = 100
    undoes = False

    def __init__(self, api: Api, session: HttpSession) -> None:
        self.key_is_compared_by: str | None = None
        self._api = api
        self._client = Client(session, headers=api.headers, timeout=api.timeout, secrets=api.secrets)
        self._rows: dict[Id, Row] = {}

    @contextmanager
    def session(self, *, check_mode: bool) -> Iterator[None]:
        """Nothing over HTTP keeps others out."""
        yield

    def credentials(self, declared: Sequence[Declared]) -> list[Credential]:
        """All of them, with what the API tells of the keys of the declared ones."""
        rows = self._listed(self._words_of(declared))
        self._rows = {id_of(row, self._api.fields): row for row in rows}
        shown = [self._shown(row, word) for row in rows for word in SECRETS]
        self._client.conceal(one.text for one in shown if one.is_whole and one.text)
        credentials = [credential_of(row, self._api.fields) for row in rows]
        keys = {one.name: _keys_of(one) for one in declared}
        of_row = [
            {word: (self._shown(row, word), key) for word, key in keys.get(credential.name, {}).items()}
            for row, credential in zip(rows, credentials)
        ]
        compared = [shown for of_one in of_row for shown, _key in of_one.values()]
        self.key_is_compared_by = compared_by(compared or [self._shown(row, "key") for row in rows])
        return [
            replace(credential, is_same={word: shown.is_same(key) for word, (shown, key) in of_one.items()})
            for credential, of_one in zip(credentials, of_row)
        ]

    def listing(self, provider: str | None = None) -> list[Credential]:
        """What the application lists, in its order; of one provider if asked for."""
        return [credential_of(row, self._api.fields) for row in self._listed((), provider)]

    def apply(self, changes: Sequence[Change]) -> Iterator[Change]:
        """Send one request for each change, and look whether the first and all have done what they should."""
        done: list[Change] = []
        for change in changes:
            response = self._send(change)
            try:
                done.append(self._with_id(change, response))
                # What the API does to one it does to all, so that it is stopped after the first.
                if len(done) in (1, len(changes)):
                    self._prove(done)
            except ShipshapeError as error:
                # Whatever comes of looking at it.
                error.details["changed"] = True
                raise
            yield done[-1]

    def _send(self, change: Change) -> Response:
        if change.before is None:
            sample = next(iter(self._rows.values()), {})
            return self._client.ask("POST", self._address(), self._body(_made_of(change), sample))
        address = self._address(change.before.id)
        if change.after is None:
            return self._client.ask("DELETE", address)
        return self._client.ask(self._api.update_method, address, self._update(change, change.before.id))

    def _with_id(self, change: Change, response: Response) -> Change:
        if change.before or not change.after:
            return change
        return replace(change, after=replace(change.after, id=self._id_of_created(response, change.after.name)))

    def _prove(self, done: Sequence[Change]) -> None:
        fields = self._api.fields
        now = {str(id_of(row, fields)): row for row in self._listed(())}
        before = {str(own_id): row for own_id, row in self._rows.items()}
        for change in done:
            credential = change.before or change.after
            own_id = str(credential.id) if credential else ""
            for problem in undone(change, before.get(own_id), now.get(own_id), fields):
                raise ShipshapeError(f"The API has answered with success, but {problem}")

    def _listed(self, wanted: Sequence[str], provider: str | None = None) -> list[Row]:
        url = self._address(provider=provider)
        response = self._client.ask("GET", url)
        try:
            rows = rows_of(response, self._api.items)
            problems = list(field_problems(rows, self._api.fields, wanted)) or list(id_problems(rows, self._api.fields))
            if problems:
                raise ShipshapeError(" ".join(problems))
        except ShipshapeError as error:
            raise ShipshapeError(f"{Request('GET', url)}: {error.message}") from None
        return rows

    def _words_of(self, declared: Sequence[Declared]) -> list[str]:
        """Those of which the rows must tell: what nobody shows cannot be compared. Keys are seldom shown."""
        given = {word for one in declared for word in one.values}
        given |= {"active" for one in declared if one.state in ("active", "inactive")}
        given |= {word for word, name in self._api.fields.items() if name != FIELDS[word]}
        return [word for word in FIELDS if word in given and word not in SECRETS]

    def _shown(self, row: Row, word: str) -> Shown:
        return shown_in(row, self._api.fields[word], word)

    def _id_of_created(self, response: Response, name: str) -> Id:
        answer = json_of(response)
        own, called = self._api.fields["id"], self._api.fields["name"]
        inner = answer.values() if isinstance(answer, Mapping) else ()
        rows = [row for row in (*inner, answer) if isinstance(row, Mapping) and is_id(row.get(own))]
        for row in rows:
            if row.get(called, name) == name:
                return id_of(row, self._api.fields)
        for credential in self.listing():
            if credential.name == name:
                return credential.id
        raise ShipshapeError(
            f"{Request('POST', self._address())} was answered with {response.status}, but the API does not list the"
            f" new credential {name}."
        )

    def _update(self, change: Change, own_id: Id) -> dict[str, Any]:
        row = self._rows[own_id]
        if self._api.update_method == "PATCH":
            return self._body(change.values, row)
        # Without what the application itself counts and dates, which is older here than there by now.
        words = [word for word in FIELDS if word != "id" and self._api.fields[word] in row]
        kept = [word for word in words if word not in SECRETS or self._shown(row, word).is_whole]
        return self._body({**{word: row[self._api.fields[word]] for word in kept}, **change.values}, row)

    def _body(self, values: Mapping[str, Any], row: Row) -> dict[str, Any]:
        """The values by the API's names, with flags as numbers where the row has them so."""
        named = {self._api.fields[word]: value for word, value in values.items()}
        return {
            name: int(value) if isinstance(value, bool) and _is_number(row.get(name)) else value
            for name, value in named.items()
        }

    def _address(self, own_id: Id | None = None, *, provider: str | None = None) -> str:
        parts = urlsplit(self._api.url)
        path = parts.path if own_id is None else f"{parts.path.rstrip('/')}/{quote(str(own_id), safe='')}"
        query = [parts.query, "" if provider is None else urlencode({"provider": provider})]
        return urlunsplit(parts._replace(path=path, query="&".join(filter(None, query)), fragment=""))


def _keys_of(declared: Declared) -> dict[str, str]:
    return {word: declared.values[word] for word in SECRETS if declared.values.get(word) is not None}


def _made_of(change: Change) -> dict[str, Any]:
    """What a new credential is made of, with what an application might else choose by itself."""
    implied = {word: getattr(change.after, ATTRIBUTES.get(word, word)) for word in ("name", *IMPLIED)}
    return {**implied, **change.values}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
