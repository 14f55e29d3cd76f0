# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the callback timeline shows of results, as lines. This plugin util is private to the collection."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# What only moves data about on the controller.
_SILENT = frozenset(
    {
        *("set_fact", "set_stats", "include_tasks", "import_tasks", "include_role", "import_role", "include_vars"),
        *("meta", "assert", "add_host", "group_by", "validate_argument_spec"),
    }
)

_MARKS = {"passed": "✓", "failed": "✗", "error": "!", "inconclusive": "?"}

_PHASE, _HOST, _NAME = 10, 12, 58
# A name is not broken into pieces that are shorter.
_LEAST = 20
_INDENT = " " * 20

_CENSORED = "What it said is not shown, as it could hold secrets."

# Of what a program says last, so many lines tell why it failed.
_LAST_LINES = 10


def is_silent(action: str) -> bool:
    """Whether a task is of no interest unless it fails."""
    return action.rpartition(".")[2] in _SILENT


def phase_and_name(name: str) -> tuple[str, str]:
    """The phase before the bar, and the rest; tasks of a role have its name before both."""
    told = name.rpartition(" : ")[2]
    phase, separator, rest = told.partition(" | ")
    return (phase.replace("_", " "), rest) if separator else ("", told)


def elapsed(seconds: float) -> str:
    """As a clock shows it."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """How long something took."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 100 else elapsed(seconds)


def lines(width: int | None, since: float, phase: str, mark: str, host: str, name: str, *more: str) -> Iterator[str]:
    """One task on one host, in lines that fit; in one where nobody says how wide they may be."""
    begin = f"{elapsed(since):>6}  {phase:<{_PHASE}} {mark} {host:<{_HOST}} "
    rest = "  ".join(text for text in more if text)
    room = _NAME if width is None else max(min(_NAME, width - len(begin) - len(rest) - 1), _LEAST)
    first, *others = [name] if width is None else textwrap.wrap(name, room) or [""]
    yield f"{begin}{first:<{room}} {rest}".rstrip()
    yield from (f"{' ' * len(begin)}{other}" for other in others)


def moving(since: float, phase: str, mark: str, name: str, far: str, width: int) -> str:
    """What is under way, in a line that never breaks and always shows how far it is."""
    begin = f"{elapsed(since):>6}  {phase:<{_PHASE}} {mark} "
    room = max(width - len(begin) - len(far) - 3, 0)
    return f"{begin}{name if len(name) <= room else f'{name[: max(room - 1, 0)]}…'}  {far}"[: width - 1]


def progress(seconds: float, expected: float | None) -> str:
    """How far something is that goes on."""
    if not expected or expected < 1:
        return span(seconds)
    part = min(seconds / expected, 0.99)
    return f"{part * 100:.0f} %, {span(seconds)} of about {span(expected)}"


def details(result: Mapping[str, Any]) -> Iterator[str]:
    """What there is to see of a result besides that it went well."""
    for step in result.get("steps") or ():
        how = "kept from an earlier release" if step.get("is_restored") else span(step.get("seconds") or 0)
        yield f"{_INDENT}{step.get('run')}: {how}"
    for check in result.get("checks") or ():
        if isinstance(check, Mapping) and check.get("outcome") in _MARKS:
            took = f"{check['ms']:.0f} ms" if check.get("ms") is not None else ""
            yield f"{_INDENT}{_MARKS[check['outcome']]} {check.get('name')}  {took}".rstrip()


def problem(result: Mapping[str, Any], width: int) -> Iterator[str]:
    """Why something failed, in lines that fit."""
    errors = str(result.get("stderr") or result.get("module_stderr") or "")
    unsaid = _CENSORED if "censored" in result else "" if errors else "It is not known why."
    said = result.get("msg") or unsaid
    texts = [str(text) for text in said] if isinstance(said, (list, tuple)) else str(said).splitlines()
    for text in [*texts, *errors.splitlines()[-_LAST_LINES:]]:
        yield from textwrap.wrap(text, max(width, len(_INDENT) + 40), initial_indent=_INDENT, subsequent_indent=_INDENT)


def last_screen(summary: Sequence[str], report: str, width: int) -> Iterator[str]:
    """What a deployment came to, in lines that fit but for what is to be copied."""
    verdict, *facts = summary
    told = [*textwrap.wrap(verdict, width), *facts, f"Report: {report}"]
    rule = "─" * min(width, max(map(len, told)))
    yield rule
    yield from told
    yield rule
