# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what an HTTP server answers. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import web
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, World


class HttpCheck:
    """Asks once."""

    name = "http"
    options: Mapping[str, Option] = web.REQUEST_OPTIONS
    shorthand = "get"
    is_each = True
    observes = ("status", "ms", "headers", "json", "body", "url")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterable[str]:
        """What keeps the options from being a request."""
        return web.request_problems(options)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it succeeds."""
        return {"status": {"ge": 200, "lt": 300}}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """As the method is meant."""
        return web.only_reads(options)

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """The answer, whatever its status."""
        request = web.request_of(options, setting, world)
        response = web.ask(request, options, setting, world)
        told = web.evidence(request, response)
        if response.status in (401, 403) and setting.headers and web.is_stranger(request.url, setting):
            told += " (asked without the identity, which is shown to base_url alone)"
        return Observed(
            {
                "status": response.status,
                "ms": round(response.ms, 1),
                "headers": dict(response.headers),
                "json": web.json_of(response),
                "body": web.text_of(response),
                "url": response.url,
            },
            told,
        )
