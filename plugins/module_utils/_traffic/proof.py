# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nginx says of the flags, and backends of themselves. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import HttpError
from ansible_collections.shipshape.webapp.plugins.module_utils._plain_http import get
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import (
    Application,
    Backend,
    Question,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.flags import State, folder, groups_of
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Network

# Each worker of nginx remembers files by itself.
_TIMES = 4

# An nginx that is being restarted takes a moment.
_PATIENCE = 2.0
_PAUSE = 0.1

# How long a backend may take that is to be called healthy.
_ANSWER = 3.0


def disagreement(
    application: Application,
    state: State,
    *,
    network: Network,
    clock: Callable[[], float],
    pause: Callable[[float], None],
) -> str | None:
    """What nginx says other than the flags, if it does; raises HttpError, with the reason refused, if it does not run.

    The flags are read anew for every request, so that the first answer has to be right.
    """
    deadline = clock() + _PATIENCE
    for _time in range(_TIMES):
        said = _said(application, network)
        while said is None and clock() < deadline:
            pause(_PAUSE)
            said = _said(application, network)
        problem = "nginx gives no answer" if said is None else _difference(application, state, *said)
        if problem:
            return problem
    return None


def _said(application: Application, network: Network) -> tuple[int, str] | None:
    place = ("127.0.0.1", application.status_port)
    try:
        status, text = get(network, place, "/traffic", host=application.status_host, timeout=_PATIENCE)
    except HttpError as error:
        if error.reason == "refused":
            raise
        return None
    return (status, text) if status else None


def _difference(application: Application, state: State, status: int, text: str) -> str | None:
    try:
        said = json.loads(text)
        group, maintenance = said["group"], said["maintenance"]
    except (ValueError, TypeError, KeyError):
        return f"nginx does not say where traffic goes, but answers {status}"
    groups = groups_of(application, state) or [group]
    if group in groups and maintenance == folder(state.maintenance):
        return None
    return f"nginx still takes the group {group}, with maintenance {maintenance}"


def sick(backends: Sequence[Backend], health: Question | None, *, network: Network) -> list[str]:
    """Why these are not healthy; nothing is said of those that are."""
    found = []
    for backend in backends:
        try:
            if health is None:
                with network.connect(backend.host, backend.port, timeout=_ANSWER):
                    continue
            place = (backend.host, backend.port)
            status, _text = get(network, place, health.path, host=health.host, timeout=_ANSWER)
        except HttpError as error:
            found.append(error.message)
        else:
            if not 200 <= status < 300:
                answers = f"answers {status}" if status else "answers with something else than HTTP"
                found.append(f"{backend} {answers} at {health.path}.")
    return found
