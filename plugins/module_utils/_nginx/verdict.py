# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nginx and gixy say of a configuration, and whom it concerns. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.configuration import Configuration
from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.language import Directive, Word


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where, as far as that is known."""

    severity: str
    message: str
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.message}"

    @property
    def is_grave(self) -> bool:
        """Whether nginx could not go on with this, or would leave out a server."""
        return self.severity in _GRAVE or self.message.startswith(_CONFLICT)


class SitesError(ShipshapeError):
    """A configuration cannot be used, or nginx did not take it."""

    def __init__(self, message: str, problems: Sequence[Problem] = (), *, restored: bool = False) -> None:
        super().__init__(message, problems=[asdict(problem) for problem in problems], restored=restored)


_GRAVE = ("emerg", "alert", "crit", "error")
_CONFLICT = "conflicting server name "

# "nginx: [emerg] ..." or, where nothing else is known yet, as in its log: "2026/11/21 23:09:20 [emerg] 75#75: ...".
_SAID = re.compile(r"(?:nginx: |\S+ \S+ )\[(?P<severity>\w+)\] (?:(?P<pid>\d+)#\d+: )?(?:\*\d+ )?(?P<message>.+)")
_PLACE = re.compile(r"(?P<message>.+) in (?P<file>/\S+):(?P<line>\d+)")


def problems_of(said: str, configuration: Configuration, is_own: Callable[[str], bool]) -> list[Problem]:
    """What nginx has said, with the place of each, which it does not always name itself."""
    found = (_SAID.fullmatch(line.strip()) for line in said.splitlines())
    problems = [placed(one["severity"], one["message"], configuration, is_own) for one in found if one]
    # It says the same to the terminal and to its log, which may both lead here; two servers can have the same name.
    return [
        one for index, one in enumerate(problems) if one.message.startswith(_CONFLICT) or one not in problems[:index]
    ]


def placed(severity: str, message: str, configuration: Configuration, is_own: Callable[[str], bool]) -> Problem:
    """What nginx has said, with the place that it names, or else that of the words it quotes."""
    place = _PLACE.fullmatch(message)
    if place:
        return Problem(severity, place["message"], place["file"], int(place["line"]))
    found = next(_places(message, configuration, is_own), None)
    return Problem(severity, message, *(found or (None, None)))


def _places(message: str, configuration: Configuration, is_own: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
    """Where the words of a message stand: those of this application first, and what is the same before what is like."""
    own_first = sorted(configuration.directives, key=lambda one: not is_own(one.file))
    for is_meant in _readings(message, configuration):
        yield from ((one.file, word.line) for one in own_first for word in one.arguments if is_meant(one, word))


def _readings(message: str, configuration: Configuration) -> list[Callable[[Directive, Word], bool]]:
    address = re.search(r"\bbind\(\) to (\S+) failed", message)
    if address:
        host, _colon, port = address[1].rpartition(":")
        every = ("0.0.0.0", "[::]")  # noqa: S104 - compared with, not listened on
        names = {address[1], *((port, f"*:{port}") if host in every else ()), *((host,) if port == "80" else ())}
        return [lambda one, word: one.name == "listen" and word.text in names]
    quoted = re.search(r'"([^"]+)"', message)
    if not quoted:
        return []
    text = quoted[1]
    if message.startswith(_CONFLICT):
        # The last one is the one that nginx leaves out, whichever it is.
        return [lambda one, word: one.name == "server_name" and word.text.lower() == text]
    if message.endswith(" variable"):
        return [lambda _one, word: re.search(rf"\$\{{?{re.escape(text)}\b", word.text) is not None]
    return [
        lambda _one, word: text in (word.text, configuration.path(word.text)),
        lambda _one, word: word.text.endswith((f"={text}", f":{text}")) or f"={text}:" in word.text,
    ]


def problems_of_log(lines: Iterable[str], pid: int) -> list[str]:
    """What the process of this number has said in its log that it could not go on with."""
    found = (_SAID.fullmatch(line.strip()) for line in lines)
    return [one["message"] for one in found if one and one["pid"] == str(pid) and one["severity"] in _GRAVE[:2]]


def is_final(message: str) -> bool:
    """Whether nginx has given up with this; it tries several times to get an address."""
    return not message.startswith("bind() to ")


def problems_of_gixy(said: str) -> list[Problem]:
    """The findings of gixy, as it prints them for programs; raises ValueError for anything else."""
    return [
        Problem(
            f"gixy {str(one.get('severity', '')).lower()}".strip(),
            f"{one['summary'].rstrip('.')} ({one['plugin']}): {one.get('reason') or one.get('description') or ''}",
            one.get("file"),
            one.get("line"),
        )
        for one in json.loads(said or "[]")
    ]


def judged(problems: Sequence[Problem], before: Sequence[Problem], is_own: Callable[[str], bool]) -> list[Problem]:
    """The problems that are new with the change, or concern this application anyway."""
    known = Counter((one.severity, one.message) for one in before)
    new = []
    for one in problems:
        key = (one.severity, one.message)
        if known[key] and not (one.is_grave and one.file and is_own(one.file)):
            known[key] -= 1
        else:
            new.append(one)
    return new


def told(problems: Sequence[Problem]) -> str:
    """All of them as one text."""
    return " ".join(f"{str(problem).rstrip('.')}." for problem in problems)
