# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flags by which nginx decides, and what is armed. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import Application

GREEN, MAINTENANCE = "green", "maintenance"


def drain_of(batch: str) -> str:
    """The flag that takes a batch out."""
    return f"drain-{batch}"


def folder(is_on: bool) -> str:
    """Where a flag stands, beside the record of what is armed."""
    return "on" if is_on else "off"


@dataclass(frozen=True)
class Armed:
    """An act that is taken back unless it is confirmed in time, and what became of it if it was taken back."""

    id: str
    # Which start of the host this was in: timers do not outlive it.
    boot: str
    flag: str
    # Where the flag goes back to.
    was: str
    act: str
    since: str
    until: str
    reverted: str = ""
    because: str = ""

    def as_text(self) -> str:
        """A line for each word, which a shell reads as well as people do."""
        return "".join(f"{word} {value}\n" for word, value in asdict(self).items() if value)

    def as_armed(self) -> dict[str, str]:
        """What users are told while it is armed."""
        return {word: getattr(self, word) for word in ("act", "since", "until")}

    def as_reverted(self) -> dict[str, str | None]:
        """What users are told once it is taken back; when and why stand there unless the disk was full."""
        return {"act": self.act, "since": self.since, "at": self.reverted or None, "because": self.because or None}


def read_armed(text: str) -> Armed:
    """The reverse of as_text; ValueError where it is none."""
    words: Mapping[str, Any] = dict(line.partition(" ")[::2] for line in text.splitlines())
    try:
        return Armed(**words)
    except TypeError as error:
        raise ValueError("words are missing or unknown") from error


@dataclass(frozen=True)
class Flags:
    """All flags of one application as they are, and what is armed or was taken back at last."""

    on: Sequence[str] = ()
    armed: Armed | None = None
    reverted: Armed | None = None

    def turned(self, flag: str, is_on: bool) -> tuple[str, ...]:
        """The flags that are on once this one is turned."""
        return tuple(sorted({*self.on, flag} if is_on else {*self.on} - {flag}))


@dataclass(frozen=True)
class State:
    """Where traffic goes by the flags."""

    live: str | None
    drained: Sequence[str]
    maintenance: bool
    armed: Armed | None

    def as_returned(self) -> dict[str, Any]:
        """What users are told."""
        armed = self.armed.as_armed() if self.armed else None
        return {"live": self.live, "drained": list(self.drained), "maintenance": self.maintenance, "armed": armed}

    def __str__(self) -> str:
        words = [
            *([f"{self.live} is live"] if self.live else []),
            *(f"{batch} is drained" for batch in self.drained),
            f"maintenance is {folder(self.maintenance)}",
        ]
        return ", ".join(words)

    def as_text(self) -> str:
        """The same to be compared."""
        armed = f"{self.armed.act} is armed\n" if self.armed else ""
        return f"{self}\n".replace(", ", "\n") + armed


def state_of(application: Application, flags: Flags) -> State:
    """What these flags mean to the application."""
    live = "green" if GREEN in flags.on else "blue"
    drained = [batch for batch in application.batches if drain_of(batch) in flags.on]
    return State(live if application.slots else None, drained, MAINTENANCE in flags.on, flags.armed)


def groups_of(application: Application, state: State) -> list[str]:
    """The groups of which nginx must say that it takes one; any will do where there are none."""
    if state.live:
        return [state.live]
    if application.batches:
        return [f"without_{batch}" for batch in state.drained] or ["all"]
    return []


def after_reboot(application: Application, flags: Flags) -> str:
    """What a start of the host leaves, as a sentence."""
    armed = flags.armed
    if armed is None:
        return f"The flags outlive a reboot, after which {state_of(application, flags)}."
    left = state_of(application, Flags(on=flags.turned(armed.flag, armed.was == folder(True))))
    return f"A reboot takes back what is armed ({armed.act}) before nginx starts, after which {left}."


def named(backends: Iterable[object]) -> str:
    """Some addresses in a sentence."""
    return ", ".join(map(str, backends))
