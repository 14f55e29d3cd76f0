# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of logs. This module is private to the collection."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import (
    Observed,
    Setting,
    Unobserved,
    World,
    excerpt,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.path import regex_problem
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.pm2 import (
    PM2_OPTIONS,
    instances,
    pm2_problems,
    unknown_application,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Paths, Position

_PATTERNS = ("require", "forbid", "count")

# Forbidden lines and names of files that are shown, and how many characters of a line.
_EXAMPLES = 3

# Where an application of PM2 writes what nobody is to read.
_NOWHERE = "/dev/null"


class Log:
    """Reads the lines of files, or only those that are new."""

    name = "log"
    options: Mapping[str, Option] = {
        "path": Option("list"),
        "pm2": Option(),
        **PM2_OPTIONS,
        "since": Option(choices=("now", "last")),
        **{name: Option("list", default=()) for name in _PATTERNS},
    }
    shorthand = "path"
    is_each = False
    observes: Sequence[str] = ("files", "counts", "missing", "forbidden", "examples", "in_order")
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """Which files, and whether the patterns are regular expressions."""
        paths = options["path"]
        if (paths is None) == (options["pm2"] is None):
            yield "Give either path, or the name of an application in pm2."
        for path in paths or ():
            if not (isinstance(path, str) and path.startswith("/")):
                yield "path: give absolute paths only."
        yield from pm2_problems(options)
        for name in _PATTERNS:
            for pattern in options[name]:
                problem = regex_problem(pattern) if isinstance(pattern, str) else "this is no text."
                if problem:
                    yield f"{name}: {problem}"

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That there is a log, in which all stands that must, and nothing that must not."""
        return {"files": {"ge": 1}, "missing": [], "forbidden": 0}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> Mapping[str, Position] | None:
        """Where the files ended by then, if only what is new is to be read."""
        if options["since"] != "now":
            return None
        return _ends(world.paths, _found(_patterns(options, setting, world), world.paths))

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What stands in the files; one that is there and cannot be read is an error."""
        patterns = _patterns(options, setting, world)
        found = _found(patterns, world.paths)
        ends = _ends(world.paths, found)
        since = _since(options["since"], setting, mark)
        paths = _with_lines_of_their_own(found, since, world.paths)
        reading = _Reading(options)
        for path in paths:
            for line in world.paths.lines(path, since.get(path)):
                reading.take(line)
        values = {"files": len(paths), **reading.values()}
        # What was written while the files were read is read again the next time.
        remember = {path: asdict(end) for path, end in ends.items()} if options["since"] == "last" else {}
        return Observed(values, _told(patterns, paths, values["examples"]), remember)


class _Reading:
    """What the lines have shown so far."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._required, self._forbidden, self._counted = (
            [(text, re.compile(text)) for text in options[name]] for name in _PATTERNS
        )
        self._is_missing = dict(self._required)
        self._in_order = 0
        self._counts = Counter({text: 0 for text, _pattern in self._counted})
        self._number = 0
        self._examples: list[str] = []

    def take(self, line: str) -> None:
        """Look for everything in one line."""
        if self._is_missing:
            for text in [text for text, pattern in self._is_missing.items() if pattern.search(line)]:
                del self._is_missing[text]
        self._follow(line)
        for _text, pattern in self._forbidden:
            if pattern.search(line):
                self._number += 1
                if len(self._examples) < _EXAMPLES:
                    self._examples.append(excerpt(line))
                break
        for text, pattern in self._counted:
            if pattern.search(line):
                self._counts[text] += 1

    def _follow(self, line: str) -> None:
        """Go on to the next required pattern for as many as stand in this line one after the other."""
        at = 0
        while self._in_order < len(self._required):
            match = self._required[self._in_order][1].search(line, at)
            if not match:
                return
            at, self._in_order = match.end(), self._in_order + 1

    def values(self) -> dict[str, Any]:
        """All of it."""
        return {
            "counts": dict(self._counts),
            "missing": list(self._is_missing),
            "forbidden": self._number,
            "examples": self._examples,
            "in_order": self._in_order == len(self._required),
        }


def _patterns(options: Mapping[str, Any], setting: Setting, world: World) -> list[str]:
    """The paths that are meant, of which each can stand for several files."""
    if options["pm2"] is None:
        return list(options["path"])
    found, known = instances(options["pm2"], options, setting, world)
    if not found:
        raise Unobserved(unknown_application(options["pm2"], known))
    return sorted({path for one in found for path in one.logs} - {_NOWHERE})


def _found(patterns: Iterable[str], paths: Paths) -> list[str]:
    """The files, without the directories that a pattern happens to match."""
    found = [(pattern, path) for pattern in patterns for path in paths.find(pattern)]
    return list(dict.fromkeys(path for pattern, path in found if path == pattern or _is_file(path, paths)))


def _is_file(path: str, paths: Paths) -> bool:
    facts = paths.facts(path)
    return facts is not None and facts.type == "file"


def _ends(paths: Paths, found: Iterable[str]) -> dict[str, Position]:
    ends = {path: paths.end(path) for path in found}
    return {path: end for path, end in ends.items() if end}


def _since(word: str | None, setting: Setting, mark: Mapping[str, Position] | None) -> Mapping[str, Position]:
    """From where each file is to be read; a file that is not among them is read as a whole."""
    if word == "last":
        return {path: Position(**place) for path, place in setting.remembered.items()}
    if word == "now" and mark is None:
        raise Unobserved(
            "Where the log ended when the suite began could not be seen, so that nobody can tell what is new: see that"
            " its name is known from the beginning, and run this again."
        )
    return mark or {}


def _with_lines_of_their_own(found: Sequence[str], since: Mapping[str, Position], paths: Paths) -> list[str]:
    """The files to be read, without those that are another one put aside: the lines of these come with that one's.

    A file that is just being put aside is one of them, although for a moment there is none of its name.
    """
    moved = [path for path in since if path not in found and _is_beside(path, since[path], paths)]
    return [*(path for path in found if not _is_of_another(path, since, paths)), *moved]


def _is_of_another(path: str, since: Mapping[str, Position], paths: Paths) -> bool:
    if path in since and paths.continues(path, since[path]):
        return False
    return any(paths.continues(path, position) for position in since.values())


def _is_beside(path: str, position: Position, paths: Paths) -> bool:
    return any(paths.continues(other, position) for other in paths.find(f"{path}*"))


def _told(patterns: Sequence[str], paths: Sequence[str], examples: Sequence[str]) -> str:
    if not paths:
        return f"There is no log at {', '.join(patterns) or 'any place that PM2 knows'}."
    others = f" and {len(paths) - _EXAMPLES} more" if len(paths) > _EXAMPLES else ""
    read = f"Read {', '.join(paths[:_EXAMPLES])}{others}"
    return f"{read}: {examples[0]}" if examples else f"{read}."
