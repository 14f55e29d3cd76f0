# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs as the user declares them, and as the host has them. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._cron.schedule import Unfit, schedule
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

PROGRAM = "/usr/local/lib/shipshape/job"
HEADER = "# Ansible: shipshape.webapp cron_jobs\n"


@dataclass(frozen=True)
class Job:
    """One job: what its files hold, or nothing where it is to go."""

    name: str
    user: str | None = None
    definition: str | None = None
    line: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the host is to have it."""
        return self.definition is not None


def read_jobs(given: Sequence[Mapping[str, Any]]) -> list[Job]:
    """The jobs. Raises InvalidInput, which tells all problems of all of them."""
    problems: list[str] = []
    jobs = []
    for place, options in enumerate(given):
        found = list(_problems_of_name(options, given[:place]))
        if options["state"] == "present":
            found += _problems(options)
        problems += [f"jobs[{place}].{problem}" for problem in found]
        if not problems:
            jobs.append(_job(options))
    if problems:
        raise InvalidInput("cron_jobs", problems)
    return jobs


def _job(options: Mapping[str, Any]) -> Job:
    if options["state"] == "absent":
        return Job(options["name"])
    at = schedule(options["at"])
    definition = {
        "name": options["name"],
        "at": at,
        "user": options["user"],
        "argv": _argv(options["run"]),
        "directory": options["directory"],
        "environment_file": options["environment_file"],
        "environment": {name: _text(value) for name, value in options["environment"].items()},
        **{name: _seconds(options[name]) for name in ("timeout", "grace", "random_delay")},
        "keep_logs": options["keep_logs"],
        "lock": options["lock"] or options["name"],
        "on_failure": options["on_failure"],
    }
    line = f'{HEADER}MAILTO="{options["mail_to"] or ""}"\n{at} root {PROGRAM} {options["name"]}\n'
    return Job(options["name"], options["user"], json.dumps(definition, indent=2, ensure_ascii=False) + "\n", line)


def _argv(run: str | list[object]) -> list[str]:
    return ["/bin/sh", "-c", run] if isinstance(run, str) else [_text(word) for word in run]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else -1


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = r"[A-Za-z0-9._+-]+(?:@[A-Za-z0-9.-]+)?"
_ADDRESSES = re.compile(f"{_ADDRESS}(?:,{_ADDRESS})*")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_PATH = re.compile(r"/[^\0\n]*")

_OF_NAMES = "has to consist of at most 60 of a-z, 0-9, _ and -, and to begin with a letter or digit."


def _problems_of_name(options: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not _NAME.fullmatch(options["name"]):
        yield f"name {_OF_NAMES}"
    elif options["name"] in [other["name"] for other in before]:
        yield "name is that of another job, too: give each its own."


def _problems(options: Mapping[str, Any]) -> Iterator[str]:
    yield from _problems_of_schedule(options["at"])
    yield from _problems_of_run(options["run"])
    for name, (is_right, wanted) in _RULES.items():
        if options[name] is not None and not is_right(options[name]):
            yield f"{name} {wanted}"


def _problems_of_schedule(at: str | None) -> Iterator[str]:
    try:
        schedule(at or "")
    except Unfit as error:
        yield f"at {error}"


def _problems_of_run(run: object) -> Iterator[str]:
    if isinstance(run, str) and run.strip() and "\0" not in run:
        return
    if not (isinstance(run, list) and run and _are_words(run)):
        yield "run has to be a text for the shell, or a list of a program and its arguments."


def _are_words(values: Sequence[object]) -> bool:
    """Whether these can be the words of a command; the first of them, a program, cannot be empty."""
    return all(map(_is_plain, values)) and (not values or values[0] != "")


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float)) and "\0" not in str(value)


def _is_environment(values: Mapping[object, object]) -> bool:
    return all(_VARIABLE.fullmatch(str(name)) and _is_plain(value) for name, value in values.items())


_OF_PATHS = "has to be an absolute path."
_OF_DURATIONS = "has to be a whole number with s, m, h or d, such as 30m."

# What each option has to be, and the words for it.
_RULES: Mapping[str, tuple[Callable[[Any], object], str]] = {
    "user": (_USER.fullmatch, "has to be the name of a user."),
    "directory": (_PATH.fullmatch, _OF_PATHS),
    "environment_file": (_PATH.fullmatch, _OF_PATHS),
    "environment": (_is_environment, "has to consist of names of variables and plain values."),
    "timeout": (lambda text: _seconds(text) > 0, _OF_DURATIONS),
    "grace": (lambda text: _seconds(text) >= 0, _OF_DURATIONS),
    "random_delay": (lambda text: _seconds(text) >= 0, _OF_DURATIONS),
    "keep_logs": (lambda days: 1 <= days <= 36500, "has to be a number of days, at least 1."),
    "lock": (_NAME.fullmatch, _OF_NAMES),
    "mail_to": (_ADDRESSES.fullmatch, "has to be an address or a local user, or several with commas between them."),
    "on_failure": (_are_words, "has to be a list of a program and its arguments."),
}
