# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps processes running, and what it is told of them. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.shipshape.webapp.plugins.module_utils._types import Process


@dataclass(frozen=True)
class Definition:
    """A declared process, with nothing left open; two that are equal run alike."""

    # As people call it: `pm2 logs NAME` works, whatever the slot.
    name: str
    # Absolute paths without symbolic links.
    script: str
    cwd: str
    arguments: tuple[str, ...] = ()
    node: str = "node"
    node_arguments: tuple[str, ...] = ()
    instances: int = 1
    is_cluster: bool = False
    port: int | None = None
    # The path that has to answer well before the process counts as started.
    health: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    # Read by the process itself, so that neither PM2 nor the kernel ever shows what is in it.
    environment_file: str | None = None
    environment_sha256: str = field(default="", repr=False)
    # In bytes.
    memory_limit: int | None = None
    # In seconds.
    kill_timeout: float = 10
    listen_timeout: float = 30
    waits_for_ready: bool = False
    out_log: str | None = None
    error_log: str | None = None


@dataclass(frozen=True)
class Slot:
    """Where processes belong: an application, and one of its slots if it has any."""

    application: str
    name: str | None


@dataclass(frozen=True)
class Instance:
    """A process as its supervisor knows it."""

    name: str
    # 0 if it does not run.
    pid: int
    # The digest of what it was started with.
    definition: str
    release: str
    # It is not restarted if it ends.
    is_candidate: bool
    restarts: int = 0
    exit_code: int | None = None


@dataclass(frozen=True)
class Standing:
    """What a supervisor tells of one slot when it is asked."""

    instances: Sequence[Instance]
    # Whether a start of the host brings back what runs now of the application, and nothing else of it.
    is_saved: bool
    # The names of those of which it keeps anything, whether they run or not.
    remembered: Sequence[str] = ()
    warnings: Sequence[str] = ()


class Supervisor(Protocol):
    """Keeps the processes of one slot running. What it raises is CommandError or FileError."""

    name: str
    # A directory that whoever changes something holds.
    lock: str

    def full_name(self, name: str) -> str:
        """What it calls a process of this slot."""

    def clean(self) -> Sequence[str]:
        """The words that, put before a program, run it as the processes' user, with little in its environment."""

    def problems(self, definitions: Sequence[Definition]) -> Iterator[str]:
        """What of this it cannot do, a sentence each."""

    def look(self) -> Standing:
        """Ask it, once; nothing is started for that."""

    def parent(self) -> int:
        """The process whose children the started ones are; 0 if it does not run."""

    def kept(self) -> Mapping[str, Definition]:
        """What it was told last of each that it still has, by their names; nothing is started or asked for that."""

    def called(self, pid: int) -> str | None:
        """What it calls a process of whomever; None if it does not know it."""

    def foreign(self, name: str) -> str | None:
        """Who else has this name there, as the subject of a sentence; None if nobody has."""

    def start(
        self,
        definitions: Sequence[Definition],
        *,
        release: str,
        digests: Mapping[str, str],
        is_candidate: bool,
        stable: float,
    ) -> Sequence[str]:
        """Start these of a release, with digests by their names; to return says nothing of whether they run.

        The names of those that were to say by themselves that they are ready, and have not done so in time, come back.
        While they are proved, which takes their listen_timeout and `stable` seconds, none that ends is restarted, if
        that can be had.
        """

    def promote(self, names: Sequence[str]) -> None:
        """Have these restarted from now on if they end, whether they were candidates or have been started just now."""

    def stop(self, names: Sequence[str]) -> None:
        """Stop these in order and have it know them no longer; whether anything still runs is to be looked at."""

    def forget(self, names: Sequence[str]) -> None:
        """Remove what it keeps of stopped ones."""

    def save(self) -> None:
        """Have a start of the host bring back what runs now, and see that it will."""

    def members(self) -> Mapping[str, Sequence[Process]]:
        """Every process that was started for this slot, in whatever way it came to be, by the names of the definitions.

        It is what the operating system knows. What such a process has started belongs to it.
        """

    def last_words(self, name: str) -> Sequence[str]:
        """The last lines that it wrote to its log since it was started, those of errors if there are any."""

    def log(self, name: str) -> str:
        """Where people find that log: a path, or what shows it."""
