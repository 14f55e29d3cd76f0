# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has become of deployments and releases, as the journal of an application tells it.

This module is private to the collection. A journal is a file of lines that is only ever added to. Each line is an
object in JSON with the moment (`at`), the deployment, and what became of that (`event`) or of a release (`state`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

NAME = "deployments.jsonl"

# What becomes of a release: it was live when it is good, and has passed its watch window.
BUILDING, READY, LIVE, GOOD, BAD = "building", "ready", "live", "good", "bad"

# What becomes of a deployment.
BEGUN, PHASE, ENDED, TAKEN_OVER = "begun", "phase", "ended", "taken over"


@dataclass(frozen=True)
class Journal:
    """The lines of a journal, the oldest first."""

    lines: Sequence[Mapping[str, Any]] = ()

    def states(self) -> dict[str, str]:
        """What became last of each release; that which was told of last stands last."""
        found: dict[str, str] = {}
        for line in self._of_releases():
            found.pop(line["release"], None)
            found[line["release"]] = line["state"]
        return found

    def live(self) -> str | None:
        """The release that went live last."""
        return next((line["release"] for line in self._newest_first() if line["state"] in (LIVE, GOOD)), None)

    def live_since(self) -> str | None:
        """When the live release went live."""
        live = self.live()
        since = None
        for line in self._newest_first():
            if line["release"] == live and line["state"] in (LIVE, GOOD):
                since = line["at"]
            elif line["state"] in (LIVE, GOOD):
                break
        return since

    def live_by(self) -> str | None:
        """The deployment by which the live release became so."""
        went = (line.get("deployment") for line in self._newest_first() if line["state"] in (LIVE, GOOD))
        return next(went, None)

    def attested(self, deployment: str | None) -> list[dict[str, Any]]:
        """What people have confirmed of it; of what was confirmed twice, the last."""
        found = {}
        for line in self.lines:
            if "attested" in line and line.get("deployment") == deployment:
                found[line["attested"]] = {"name": line["attested"], "who": line.get("by"), "when": line["at"]}
        return [*found.values()]

    def chores(self) -> dict[str, dict[str, Any]]:
        """When each chore was done last, and by whom."""
        return {line["chore"]: {"who": line.get("by"), "when": line["at"]} for line in self.lines if "chore" in line}

    def deployments(self, most: int) -> list[dict[str, Any]]:
        """The last ones, the newest first: what each was, who began it when, and how it ended."""
        found: dict[str, dict[str, Any]] = {}
        for line in self.lines:
            if line.get("event") == BEGUN:
                began = {"deployment": line["deployment"], "what": line.get("phase"), "by": line.get("by")}
                found[line["deployment"]] = {**began, "began": line["at"], "ended": None, "verdict": None}
            elif line.get("event") in (ENDED, TAKEN_OVER) and line["deployment"] in found:
                verdict = line.get("verdict") if line["event"] == ENDED else f"died in the phase {line.get('phase')}"
                found[line["deployment"]].update(ended=line["at"], verdict=verdict)
        return [*found.values()][::-1][:most]

    def good(self) -> list[str]:
        """The releases that are good, the one that became so last first."""
        states = self.states()
        found = [line["release"] for line in self._newest_first() if line["state"] == GOOD]
        return [release for release in dict.fromkeys(found) if states[release] in (LIVE, GOOD)]

    def ready(self) -> list[str]:
        """The releases that were built, the one that became ready last first."""
        return [line["release"] for line in self._newest_first() if line["state"] == READY]

    def details(self, release: str) -> Mapping[str, Any]:
        """All that was told of a release when it became ready."""
        return next((line for line in self._newest_first() if (line["release"], line["state"]) == (release, READY)), {})

    def with_state(self, release: str, state: str) -> Journal:
        """The journal once this is told, too."""
        return Journal([*self.lines, {"release": release, "state": state}])

    def unfinished(self) -> Mapping[str, Any] | None:
        """The last line of the deployment that began last, unless that has ended."""
        told = [line for line in self.lines if line.get("event")]
        return told[-1] if told and told[-1]["event"] != ENDED else None

    def _of_releases(self) -> list[Mapping[str, Any]]:
        return [line for line in self.lines if line.get("release") and line.get("state")]

    def _newest_first(self) -> list[Mapping[str, Any]]:
        return self._of_releases()[::-1]


def read_journal(content: bytes) -> Journal:
    """The journal that a file holds; a line that a crash has cut off tells nothing."""
    return Journal([line for text in content.splitlines() if (line := _line(text))])


def journal_line(now: datetime, **facts: Any) -> bytes:
    """One line for the end of the file; what is None is left out."""
    told = {"at": stamp(now), **{word: value for word, value in facts.items() if value is not None}}
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def stamp(moment: datetime) -> str:
    """A moment as the journal has it."""
    return f"{moment.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _line(text: bytes) -> Mapping[str, Any] | None:
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) and "at" in told else None
