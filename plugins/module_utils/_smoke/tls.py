# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of TLS: the certificate, and which old versions are still spoken. This module is private to the collection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.tcp import address_problems, host_and_port, shown
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Handshake, Trust

_PORT = 443
_OLD = ("1.0", "1.1")
_DAY = 86400


class Tls:
    """Shakes hands as any client does, and then as clients of long ago."""

    name = "tls"
    options: Mapping[str, Option] = {
        "address": Option(),
        "host": Option(),
        "port": Option("whole"),
        # For which the certificate is to be, if the server is reached by another.
        "name": Option(),
    }
    shorthand = "address"
    is_each = True
    observes: Sequence[str] = ("trusted", "days_left", "version", "names", "legacy", "reason")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """What keeps the address from being one."""
        return address_problems(options, needs_port=False)

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it is believed, stays so for two weeks, and nothing old is spoken."""
        return {"trusted": True, "days_left": {"ge": 14}, "legacy": []}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What the server shows, whether it is believed or not."""
        host, port = host_and_port(options, _PORT)
        # Whether it is believed is what is asked here, so that is looked at even if other checks are told not to.
        verified, anyone = replace(setting.trust, is_verified=True), Trust(is_verified=False)

        def shake(version: str | None, trust: Trust) -> Handshake | HttpError:
            try:
                return world.network.handshake(
                    host, port, timeout=setting.timeout, trust=trust, name=options.get("name"), version=version
                )
            except HttpError as error:
                return error

        main = shake(None, verified)
        if isinstance(main, HttpError) and main.reason != "version":
            raise main
        old = {version: shake(version, anyone) for version in _OLD}
        spoken = [version for version, look in old.items() if isinstance(look, Handshake)]
        if spoken and isinstance(main, HttpError):
            # Such a server shows its certificate in what it speaks.
            main = shake(spoken[-1], verified)
        if isinstance(main, HttpError):
            raise main
        unseen = [look.message for look in old.values() if isinstance(look, HttpError) and look.reason != "version"]
        days_left = math.floor((main.expires - world.now().timestamp()) / _DAY)
        values = {
            "trusted": main.distrust is None,
            "days_left": days_left,
            "version": main.version,
            "names": list(main.names),
            # What could not be looked at is not known to be absent.
            "legacy": None if unseen else spoken,
            "reason": main.distrust,
        }
        return Observed(values, _told(shown("tls", host, port), main, days_left, spoken, unseen))


def _told(place: str, main: Handshake, days: int, spoken: Sequence[str], unseen: Sequence[str]) -> str:
    names = ", ".join(main.names) or "nobody"
    told = f"{place} speaks {main.version} and shows a certificate for {names}, with {days} days left"
    told += f": {main.distrust}" if main.distrust else "."
    if spoken:
        told += f" It speaks TLS {' and '.join(spoken)}: disable that."
    if unseen:
        told += f" Whether it speaks all old versions could not be looked at: {' '.join(unseen)}"
    return told
