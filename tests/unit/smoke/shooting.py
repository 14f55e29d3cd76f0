# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The world as checks see it that send many requests at once: servers that answer by a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Observed, Setting, World
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    HttpSession,
    Request,
    Response,
    Shot,
    Trust,
)
from ansible_collections.shipshape.webapp.plugins.modules.smoke_check import this_world

URL = "http://h/x"

# A server: what it answers to a request, or the reason why it does not.
Server = Callable[[Request], "Response | str"]


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    """An answer; names of headers are written with _ here."""
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, ms=5.0)


class Http:
    """Asks a server that is a function, and remembers how."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.sessions: list[Trust] = []
        self.asked: list[tuple[Request, bool, float]] = []
        self.volleys: list[tuple[list[Request], dict[str, Any]]] = []
        self.pauses: list[float] = []

    def session(self, trust: Trust) -> HttpSession:
        self.sessions.append(trust)
        return self

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        self.asked.append((request, follows, timeout))
        found = self._server(request)
        assert isinstance(found, Response)
        return found

    def volley(self, requests: Sequence[Request], **how: Any) -> tuple[list[Shot], float]:
        self.volleys.append((list(requests), how))
        return [self._shot(self._server(request)) for request in requests], 0.5

    def _shot(self, found: Response | str) -> Shot:
        if isinstance(found, str):
            return Shot(None, 9999.0, {}, found)
        return Shot(found.status, found.ms, found.headers)

    def world(self) -> World:
        return replace(this_world(), http=self, clock=lambda: 0.0, pause=self.pauses.append)


def observe(kind: Kind, http: Http, setting: Setting | None = None, **options: Any) -> Observed:
    """What the kind sees with these options, which must be right."""
    values, told = read(kind.options, options, kind.name)
    assert [*told, *kind.problems(values)] == []
    mark = kind.mark(values, setting or Setting(), http.world())
    assert mark is None
    seen = kind.observe(values, setting or Setting(), http.world(), mark)
    assert list(seen.values) == list(kind.observes)
    return seen


def problems(kind: Kind, **options: Any) -> list[str]:
    """What is wrong with these options."""
    values, told = read(kind.options, options, kind.name)
    return [*told, *([] if told else kind.problems(values))]


def in_turn(*answers: Response | str) -> Server:
    """A server that gives these answers, the last one for ever."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]
