# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of which web sites a browser lets in. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import web
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Response

_ORIGIN = re.compile(r"https?://[^/?#\s@]+|null")

# What a browser sends to any server without asking first.
_SIMPLE_METHODS = ("GET", "HEAD", "POST")
_SIMPLE_HEADERS = ("accept", "accept-language", "content-language", "cookie")
_SIMPLE_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


class Cors:
    """Asks as a browser does for a page of another site, first whether it may and then really."""

    name = "cors"
    options: Mapping[str, Option] = {**web.REQUEST_OPTIONS, "allow": Option("list"), "deny": Option("list")}
    shorthand = "get"
    is_each = False
    observes = ("allowed", "leaked", "statuses")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the request and the origins."""
        yield from web.request_problems(options)
        if not options["allow"] and not options["deny"]:
            yield "Give an origin in allow, in deny, or in both."
        for name in ("allow", "deny"):
            for origin in options[name] if isinstance(options[name], list) else []:
                if not isinstance(origin, str) or not ("${" in origin or _ORIGIN.fullmatch(origin)):
                    yield f"{name}: an origin is a scheme and a host alone, such as https://app.example.com."

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That the right ones are let in, and the wrong ones are not."""
        return {"allowed": True, "leaked": False}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """As the method is meant."""
        return web.only_reads(options)

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What is answered to each origin."""
        request = web.request_of(options, setting, world)
        allow, deny = options["allow"] or [], options["deny"] or []
        if not allow:
            _must_be_well(request, web.ask(request, options, setting, world))
        statuses: dict[str, dict[str, int]] = {}
        refused: list[str] = []
        leaking: list[str] = []
        for origin in [*allow, *deny]:
            asked = (_preflight(request, origin), _with_origin(request, origin))
            answers = [web.ask(each, options, setting, world) for each in asked]
            statuses[origin] = {"preflight": answers[0].status, "request": answers[1].status}
            told = [_told(*pair) for pair in zip(asked, answers)]
            if origin in allow:
                is_let = (_lets_preflight(asked[0], answers[0]), _lets(origin, answers[1]))
                refused += [sentence for sentence, is_right in zip(told, is_let) if not is_right]
            else:
                leaking += [sentence for sentence, answer in zip(told, answers) if _lets(origin, answer)]
        first = [*refused, *leaking, *told][0]
        return Observed({"allowed": not refused, "leaked": bool(leaking), "statuses": statuses}, first)


def _must_be_well(request: Request, response: Response) -> None:
    """A server that fails for everybody keeps out everybody, which proves nothing; for a wrong origin alone it may."""
    if response.status >= 500:
        raise Unobserved(f"Without an origin, {web.evidence(request, response)}")


def _with_origin(request: Request, origin: str) -> Request:
    return replace(request, headers=web.merged(request.headers, {"Origin": origin}))


def _preflight(request: Request, origin: str) -> Request:
    """What a browser asks before it sends this."""
    headers = {"Origin": origin, "Access-Control-Request-Method": request.method}
    names = sorted(name.lower() for name, value in request.headers.items() if not _is_simple(name.lower(), value))
    if names:
        headers["Access-Control-Request-Headers"] = ",".join(names)
    return Request("OPTIONS", request.url, headers)


def _is_simple(name: str, value: str) -> bool:
    if name == "content-type":
        return value.partition(";")[0].strip().lower() in _SIMPLE_TYPES
    return name in _SIMPLE_HEADERS


def _lets(origin: str, response: Response) -> bool:
    return response.headers.get("access-control-allow-origin") in (origin, "*")


def _lets_preflight(request: Request, response: Response) -> bool:
    """Whether a browser would go on, which it does without asking if method and headers are simple."""
    method, headers = (request.headers.get(f"Access-Control-Request-{what}", "") for what in ("Method", "Headers"))
    if method in _SIMPLE_METHODS and not headers:
        return True
    methods, names = (_listed(response.headers.get(f"access-control-allow-{what}")) for what in ("methods", "headers"))
    return (
        200 <= response.status < 300
        and _lets(request.headers["Origin"], response)
        and (method in _SIMPLE_METHODS or method.lower() in methods or "*" in methods)
        # The star does not stand for this one.
        and all(
            name in names or ("*" in names and name != "authorization") for name in filter(None, headers.split(","))
        )
    )


def _listed(header: str | None) -> list[str]:
    return [word.strip().lower() for word in (header or "").split(",")]


def _told(request: Request, response: Response) -> str:
    said = {name: value for name, value in response.headers.items() if name.startswith("access-control-allow-")}
    shown = ", ".join(f"{name}: {value}" for name, value in said.items()) or "no header that lets anybody in"
    return f"{request} with Origin: {request.headers['Origin']} answered {response.status} with {shown}"
