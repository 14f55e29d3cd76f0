# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tell people of a deployment. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import DeliveryError, InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._notice.marker import (
    Event,
    Post,
    marker,
    problems_of_marker,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._notice.message import chat, subject, text
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Mail, Mailer, Poster, Relay


@dataclass(frozen=True)
class Request:
    """What is told, and to whom."""

    summary: Sequence[str]
    changes: Sequence[str] = ()
    how_to_use: Sequence[str] = ()
    known: Sequence[str] = ()
    report: str | None = None
    webhooks: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    mail: Mapping[str, Any] | None = field(default=None, repr=False)
    markers: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    revision: str | None = None
    timeout: float = 10
    ca: str | None = None


@dataclass(frozen=True)
class Host:
    """What is needed of the host."""

    poster: Poster
    mailer: Mailer


def tell(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Tell everybody; who could not be told is a warning, as a deployment does not fail because of that."""
    problems = list(problems_of(request))
    if problems:
        raise InvalidInput("The notice of a deployment", problems)
    told = text(request.summary, request.changes, request.how_to_use, request.known, request.report)
    sent, failed = [], []
    for name, send in _ways(request, told, host):
        try:
            if not check_mode:
                send()
            sent.append(name)
        except DeliveryError as error:
            failed.append(f"{name}: {error.message}")
    data = {"subject": subject(request.summary), "text": told, "told": sent, "failed": failed}
    warnings = [f"Nobody was told by {line}" for line in failed]
    return Result(changed=bool(sent), data=data, warnings=warnings)


def problems_of(request: Request) -> Iterator[str]:
    """What of this cannot be told, or to nobody, a sentence each."""
    if not request.summary:
        yield "summary: it is empty: give the lines that deployment_record returns."
    for number, webhook in enumerate(request.webhooks, 1):
        if not str(webhook["url"]).startswith(("http://", "https://")):
            yield f"webhooks[{number}].url: give an address that begins with https://."
    for number, given in enumerate(request.markers, 1):
        yield from problems_of_marker(f"markers[{number}]", given)
    mail = request.mail or {"to": [], "sender": "-@-"}
    places = [(f"to[{number}]", address) for number, address in enumerate(mail["to"], 1)]
    for place, address in [*places, ("sender", mail["sender"])]:
        # Lines of a header are separated by their ends.
        if "@" not in address or any(sign in address for sign in "\r\n"):
            yield f"mail.{place}: this is no address of mail."


def secrets_of(request: Request) -> list[str]:
    """What nobody may see: the addresses of webhooks, the password of the relay, and the keys of services."""
    password = (request.mail or {}).get("password")
    return [
        *(str(webhook["url"]) for webhook in request.webhooks),
        *([str(password)] if password else []),
        *(str(given["key"]) for given in request.markers),
    ]


def _ways(request: Request, told: str, host: Host) -> Iterator[tuple[str, Callable[[], None]]]:
    for number, webhook in enumerate(request.webhooks, 1):
        body = chat(told, webhook.get("extra") or {})
        yield webhook.get("name") or f"webhook {number}", _posting(Post(webhook["url"], {}, body), request, host)
    event = Event(subject(request.summary), told, request.changes, request.revision or "")
    for given in request.markers:
        yield f"{given['service']}'s marker", _posting(marker(given, event), request, host)
    if request.mail:
        given = request.mail
        mail = Mail(given["sender"], given["to"], subject(request.summary), told)
        relay = Relay(
            host=given["host"],
            port=given["port"],
            security=given["security"],
            user=given.get("user"),
            password=given.get("password"),
            timeout=request.timeout,
            ca=request.ca,
        )
        yield f"mail to {', '.join(mail.to)}", lambda: host.mailer.send(mail, relay)


def _posting(post: Post, request: Request, host: Host) -> Callable[[], None]:
    return lambda: host.poster.post(post.url, post.body, timeout=request.timeout, ca=request.ca, headers=post.headers)
