# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mark of a deployment in the graphs of a monitoring service, as the service documents the request.

This module is private to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """What a mark is about."""

    title: str
    text: str
    changes: Sequence[str]
    revision: str


@dataclass(frozen=True)
class Post:
    """A request that makes a mark."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


def _datadog(given: Mapping[str, Any], event: Event) -> Post:
    """An event, of which Datadog shows the first 4000 characters."""
    tags = [*(given.get("tags") or []), *([f"version:{event.revision}"] if event.revision else [])]
    body = {"title": event.title[:100], "text": event.text[:4000], "tags": tags, "alert_type": "info"}
    return _post(f"{_base(given, 'https://api.datadoghq.com')}/api/v1/events", "DD-API-KEY", given, body)


def _newrelic(given: Mapping[str, Any], event: Event) -> Post:
    """A deployment of an application that is monitored by APM, which has to have a revision."""
    body = {
        "deployment": {
            "revision": event.revision or "unknown",
            "description": event.title,
            "changelog": "\n".join(event.changes),
            "user": "shipshape",
        }
    }
    base = _base(given, "https://api.newrelic.com")
    return _post(f"{base}/v2/applications/{given['application']}/deployments.json", "Api-Key", given, body)


def _base(given: Mapping[str, Any], default: str) -> str:
    return str(given.get("url") or default).rstrip("/")


def _post(url: str, header: str, given: Mapping[str, Any], body: Mapping[str, Any]) -> Post:
    text = json.dumps(body, ensure_ascii=False)
    return Post(url, {header: str(given["key"])}, text.encode("utf-8", "backslashreplace"))


SERVICES: Mapping[str, Callable[[Mapping[str, Any], Event], Post]] = {"datadog": _datadog, "newrelic": _newrelic}


def marker(given: Mapping[str, Any], event: Event) -> Post:
    """The request that makes the mark with the service that is declared."""
    return SERVICES[given["service"]](given, event)


def problems_of_marker(at: str, given: Mapping[str, Any]) -> Iterator[str]:
    """What of it cannot be sent, a sentence each."""
    if not str(given.get("url") or "https://").startswith(("http://", "https://")):
        yield f"{at}.url: give an address that begins with https://."
    # Lines of a header are separated by their ends.
    if not given["key"] or not given["key"].isascii() or not given["key"].isprintable():
        yield f"{at}.key: this is no key."
    if given["service"] == "newrelic" and not str(given.get("application") or "").isdigit():
        yield f"{at}.application: give the number of the application in New Relic."
