# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds that see what a test tells them to, in a world whose clock moves by pauses alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Union, cast

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Observed, Setting, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import Verdict
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.run import Terms, carry_out
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.suite import read_suite
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    FileState,
    Http,
    HttpSession,
    Request,
    Response,
    Trust,
)
from ansible_collections.shipshape.webapp.plugins.modules.smoke_check import this_world

NOW = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)

# What is seen: values, or what is raised.
Seen = Union[Mapping[str, Any], BaseException]


@dataclass
class Look:
    """One look, and with what."""

    at: float
    kind: str
    options: Mapping[str, Any]
    setting: Setting
    mark: Any


@dataclass
class Stage:
    """A world of one test: what each thing shows, one time after the other, and what became of it."""

    shows: Mapping[str, Sequence[Seen]] = field(default_factory=dict)
    # How long a look takes.
    takes: float = 0.0
    stops_at: float | None = None
    now: float = 0.0
    looks: list[Look] = field(default_factory=list)
    marked: list[tuple[float, str]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    sessions: list[object] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    unwritable: Sequence[str] = ()

    def asked(self) -> list[str]:
        """What was looked at, in order."""
        return [look.options["what"] for look in self.looks]

    def times(self, what: str) -> list[float]:
        """When it was looked at."""
        return [look.at for look in self.looks if look.options["what"] == what]

    def see(self, look: Look) -> Observed:
        self.looks.append(look)
        self.now += self.takes
        what = str(look.options["what"])
        shown = self.shows.get(what, [{}])
        found = shown[min(len(self.times(what)), len(shown)) - 1]
        if isinstance(found, BaseException):
            raise found
        remember = found.get("remember", {})
        values = {name: found.get(name) for name in Probe.observes if name in found or name != "value"}
        return Observed({**values, "status": found.get("status", 200)}, f"asked {what}", remember)

    def world(self) -> World:
        """The ports, of which kinds here use none but the clock."""
        return replace(
            this_world(),
            http=_Http(self),
            files=_Files(self),
            now=lambda: NOW,
            clock=lambda: self.now + 5000,
        )

    def run(self, checks: Sequence[object], **terms: Any) -> Verdict:
        """The verdict on a suite, which must be in order; variables and settings are given by name."""
        identities = terms.pop("identities", {})
        variables = terms.pop("variables", {})
        suite = read_suite(checks, KINDS, Setting(), identities, variables)
        known = Terms(Setting(), terms.pop("remembered", {}), terms.pop("recorded", {}), **terms)
        return carry_out(suite, known, self.world(), FakeCrew(self))


class FakeCrew:
    """Does one after the other as if it were side by side: all begin at the same time, and the longest counts."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.sizes: list[int] = []

    def together(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        begun, ends, results = self._stage.now, [self._stage.now], []
        for task in tasks:
            self._stage.now = begun
            results.append(task())
            ends.append(self._stage.now)
        self._stage.now = max(ends)
        return results

    @contextmanager
    def turn(self, *, at_last: bool = False) -> Iterator[None]:
        if not at_last:
            self._stop()
        yield

    def pause(self, seconds: float) -> None:
        self._stop()
        self._stage.pauses.append(seconds)
        self._stage.now += seconds
        self._stop()

    def _stop(self) -> None:
        if self._stage.stops_at is not None and self._stage.now >= self._stage.stops_at:
            raise Interrupted("Stopped.")


class _Session:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self._asked = 0

    def ask(self, request: Request, **_how: Any) -> Response:
        self._asked += 1
        return Response(200 + self._asked, {}, b"")


class _Http:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def session(self, trust: Trust) -> HttpSession:
        self._stage.sessions.append(_Session())
        return cast(HttpSession, self._stage.sessions[-1])

    volley = cast(Any, Http).volley


class _Files:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def read(self, path: str) -> FileState | None:
        content = self._stage.files.get(path)
        return None if content is None else FileState(content, Access(), 0, 0)

    def write(self, path: str, content: bytes, access: Access) -> None:
        if path in self._stage.unwritable:
            raise FileError(f"{path} cannot be written.")
        self._stage.files[path] = content
        self._stage.modes[path] = access.mode


class Probe:
    """Looks at what it is told to."""

    name = "probe"
    options: Mapping[str, Option] = {
        "what": Option(is_required=True),
        "get": Option(),
        "with": Option("any"),
        "password": Option(),
        "number": Option("whole"),
    }
    shorthand = "what"
    is_each = True
    observes: Sequence[str] = ("status", "json", "value", "count", "ms")
    is_alone = False
    reads = True
    stage: Stage

    def problems(self, options: Mapping[str, Any]) -> Iterable[str]:
        return ["what: this is wrong."] if options["what"] == "wrong" else []

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"status": 200}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        return self.reads

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> Any:
        stage = _stage_of(world)
        stage.marked.append((stage.now, options["what"]))
        shown = stage.shows.get(f"mark of {options['what']}", [{}])[0]
        if isinstance(shown, BaseException):
            raise shown
        return f"mark of {options['what']}"

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        stage = _stage_of(world)
        return stage.see(Look(stage.now, self.name, options, setting, mark))


class Change(Probe):
    """One that may change something."""

    name = "change"
    reads = False


class Loud(Probe):
    """One that disturbs the others."""

    name = "loud"
    is_each = False
    is_alone = True


class Sanitize(Probe):
    """One with a name that it fills in by itself."""

    name = "sanitize"


KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (Probe(), Change(), Loud(), Sanitize())}


def _stage_of(world: World) -> Stage:
    return cast(_Files, world.files)._stage


def failed(**values: Any) -> Mapping[str, Any]:
    """What fails by default."""
    return {"status": 500, **values}
