# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An application's API, asked as one identity. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import masked
from ansible_collections.shipshape.webapp.plugins.module_utils._types import HttpSession, Request, Response

_LONGEST = 200
_NOTHING_THERE = {
    "GET": "Give the address of the collection in api.url.",
    "POST": "The application lists credentials at api.url, but takes no new ones there.",
}
_GONE = "Either the credential is gone by now, or the application has it at another address than api.url and its id."
_NO_METHOD = "The application does not take this method there: see api.url, and for changes api.update_method."


class Client:
    """Says in a sentence why whatever is no success is none, without any secret."""

    def __init__(
        self, session: HttpSession, *, headers: Mapping[str, str], timeout: float, secrets: Iterable[str]
    ) -> None:
        self._session = session
        self._headers = headers
        self._timeout = timeout
        self._secrets = set(filter(None, secrets))

    def ask(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Response:
        """The answer, if it is a success. Raises ShipshapeError."""
        headers = {"Accept": "application/json", "Content-Type": "application/json", **self._headers}
        request = Request(method, url, headers, None if body is None else json.dumps(body).encode())
        try:
            response = self._session.ask(request, timeout=self._timeout)
        except HttpError as error:
            if method != "GET" and error.reason in ("timeout", "connection"):
                error.add("Whether it was carried out nevertheless is not known.")
                error.details["changed"] = True
            raise
        if 200 <= response.status < 300:
            return response
        raise ShipshapeError(f"{request} was answered with {self._refusal(request, response)}")

    def conceal(self, secrets: Iterable[str]) -> None:
        """Mask these too in what the API says."""
        self._secrets.update(form for secret in secrets for form in (secret, json.dumps(secret)[1:-1]))

    def _refusal(self, request: Request, response: Response) -> str:
        status = response.status
        if 300 <= status < 400:
            return (
                f"{status}, which leads to {self._masked(_target(request, response))}. That is not followed, because"
                " the identity is meant for the address in api.url alone: give there where the API really is."
            )
        if status in (401, 403):
            return f"{status}: {self._about_identity(status)}"
        advice = {404: _NOTHING_THERE.get(request.method, _GONE), 405: _NO_METHOD}.get(status)
        return f"{status}: {self._said(response)}{f' {advice}' if advice else ''}"

    def _about_identity(self, status: int) -> str:
        if not self._headers:
            return "it wants to know who asks. Give bearer, basic or headers in api."
        if status == 403:
            return "the identity in api may not do this. Give that of an administrator."
        return "the identity in api is not accepted. Give a bearer, basic or headers that are valid."

    def _said(self, response: Response) -> str:
        said = self._masked(" ".join(response.body.decode(errors="replace").split()))
        shown = "".join(letter for letter in said[:_LONGEST] if letter.isprintable())
        return f"{shown}{'…' if len(said) > _LONGEST else '.'}" if shown else "it says nothing more."

    def _masked(self, text: str) -> str:
        # What is part of a longer one must not break it up.
        found: str = masked(text, sorted(self._secrets, key=len, reverse=True))
        return found


def _target(request: Request, response: Response) -> str:
    """Where a redirect leads, without what can be secret in an address."""
    try:
        url = urljoin(request.url, response.headers.get("location", ""))
    except ValueError:
        return "no valid URL"
    return str(Request("", url)).strip()
