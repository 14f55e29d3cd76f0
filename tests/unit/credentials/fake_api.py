# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API that says what a test wants, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import Api, ApiBackend
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response

URL = "http://localhost:4000/api/admin/credentials"


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer; a text is sent as it is, everything else as JSON."""
    content = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html; charset=utf-8" if isinstance(body, str) else "application/json"
    return Response(status, {"content-type": kind, **(headers or {})}, content.encode())


def row(own_id: int | str, name: str, provider: str, priority: object, **others: object) -> dict[str, Any]:
    """A row as the API lists it."""
    plain = {"id": own_id, "name": name, "provider": provider, "priority": priority}
    return {**plain, "isActive": True, "isGlobal": True, "userId": None, **others}


GEMINI = row(1, "main", "gemini", 100)
GROQ = row(2, "fast", "groq", 100)


class FakeApi:
    """Keeps rows, and is an HttpSession."""

    def __init__(self, *rows: Mapping[str, Any], answers: Callable[[Request], Response | None] | None = None) -> None:
        self.rows = {str(each["id"]): dict(each) for each in rows}
        self.asked: list[Request] = []
        self.timeouts: list[float] = []
        self._answers = answers

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        assert not follows
        self.asked.append(request)
        self.timeouts.append(timeout)
        told = self._answers(request) if self._answers else None
        return told or self._do(request)

    def sent(self) -> list[tuple[str, str, Any]]:
        """The method, the end of the address and the body of all that is no GET."""
        return [
            (request.method, request.url[len(URL) :], json.loads(request.body) if request.body else None)
            for request in self.asked
            if request.method != "GET"
        ]

    def _do(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        own_id, body = unquote(parts.path.rpartition("/")[2]), json.loads(request.body or b"null")
        if request.method == "GET":
            wanted = parse_qs(parts.query).get("provider", [None])[0]
            rows = [each for each in self.rows.values() if wanted in (None, each["provider"])]
            return answer(sorted(rows, key=lambda each: each["priority"]))
        if request.method == "POST":
            number = len(self.rows) + 1
            self.rows[str(number)] = {"id": number, **body}
            return answer({"id": number}, 201)
        if request.method == "DELETE":
            del self.rows[own_id]
            return answer("", 204)
        self.rows[own_id].update(body)
        return answer(self.rows[own_id])


def backend(session: FakeApi, **options: Any) -> ApiBackend:
    """The backend that asks it."""
    return ApiBackend(replace(Api(URL, {"Authorization": "Bearer t0ken-canary"}), **options), session)
