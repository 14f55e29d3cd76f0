# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that nobody gets in without credentials. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import web
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, World
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request

_REFUSED = (401, 403)


class AuthRequired:
    """Asks without credentials, and with such as must be refused."""

    name = "auth_required"
    options: Mapping[str, Option] = {
        "paths": Option("list", is_required=True),
        "reject": Option("list", default=()),
        "method": Option(default="GET", choices=tuple(verb.upper() for verb in web.VERBS)),
        "timeout": Option("duration"),
    }
    shorthand = "paths"
    is_each = False
    observes = ("open", "statuses")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the addresses and the headers."""
        paths, reject = (value if isinstance(value, list) else [] for value in (options["paths"], options["reject"]))
        if options["paths"] == []:
            yield "paths: name at least one."
        yield from (problem for path in paths for problem in web.address_problems("paths", path))
        for number, headers in enumerate(reject):
            name = f"reject[{number}]"
            if not isinstance(headers, Mapping) or not headers:
                yield f"{name}: this is no mapping of headers."
            else:
                yield from web.header_problems(name, headers)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That every path refuses."""
        return {"open": []}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """As the method is meant."""
        return web.only_reads({options["method"].lower(): ""})

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What is not refused with 401 or 403 is open.

        So is a path that redirects, does not exist or fails: it has not shown that it asks for credentials.
        """
        statuses: dict[str, int] = {}
        told: dict[str, str] = {}
        for path in options["paths"]:
            for name, headers in (("", {}), *_named(options["reject"])):
                request = Request(options["method"], web.address_of(path, setting.base_url), web.texts(headers))
                # A session of its own, because a cookie of the scenario's would be a credential.
                response = world.http.session(setting.trust).ask(request, timeout=web.timeout_of(options, setting))
                statuses[f"{path}{name}"] = response.status
                told[f"{path}{name}"] = web.evidence(request, response)
        open_ones = [name for name, status in statuses.items() if status not in _REFUSED]
        return Observed({"open": open_ones, "statuses": statuses}, told[[*open_ones, *told][0]])


def _named(reject: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each with the name that it has in the results, which is not what is in it."""
    return [(f" with reject[{number}] ({', '.join(headers)})", headers) for number, headers in enumerate(reject)]
