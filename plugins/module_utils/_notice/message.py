# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a deployment. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# A message is read on a phone, and chats cut what is longer.
_LINES = 60


def subject(summary: Sequence[str]) -> str:
    """One line: the verdict."""
    return " ".join(summary[0].split())[:200]


def text(
    summary: Sequence[str], changes: Sequence[str], how_to_use: Sequence[str], known: Sequence[str], report: str | None
) -> str:
    """All of it, in sections that are left out where nothing is known."""
    lines = [*summary]
    lines += _section("What has changed", changes)
    lines += _section("How to use it", how_to_use)
    lines += _section("Known", known)
    lines += _section("Report", [report] if report else [])
    shown = lines if len(lines) <= _LINES else [*lines[:_LINES], f"({len(lines) - _LINES} more lines)"]
    return "\n".join(shown) + "\n"


def chat(told: str, extra: Mapping[str, Any]) -> bytes:
    """The body for a webhook, as Slack, Mattermost, Rocket.Chat and Discord's Slack address take it."""
    # What a commit says must not call everybody in the channel.
    harmless = told.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": harmless, **extra}, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from ("", f"{title}:", *(f"- {line}" for line in lines))
