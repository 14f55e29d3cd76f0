# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared of rules, what is wrong with it, and how logrotate is told.

This module is private to the collection.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput

# The first line of what is this collection's.
HEADER = "# Ansible: shipshape.webapp logrotate_rules\n"


@dataclass(frozen=True)
class Owner:
    """As whom logrotate works in a directory."""

    user: str
    group: str

    def __str__(self) -> str:
        """As logrotate takes it."""
        return f"{self.user} {self.group}"


@dataclass(frozen=True)
class Rule:
    """What one file of logrotate's is to say."""

    name: str
    state: str
    paths: Sequence[str] | None
    frequency: str | None
    size: str | None
    min_size: str | None
    max_size: str | None
    keep: int
    max_age: int | None
    compress: bool
    delay_compress: bool
    date_ext: bool
    copytruncate: bool
    create: Mapping[str, str | None] | None
    su: Mapping[str, str] | None
    missing_ok: bool
    not_empty: bool
    after: str | None

    @property
    def is_wanted(self) -> bool:
        """Whether there is to be such a rule."""
        return self.state == "present"

    @property
    def logs(self) -> str:
        """The paths as logrotate takes them."""
        return " ".join(f'"{path}"' for path in self.paths or [])


def text_of(rule: Rule, su: Owner | None) -> str:
    """The file, which leaves nothing open that the main configuration could say otherwise."""
    return f"{HEADER}{rule.logs} {{\n{''.join(f'    {line}' + chr(10) for line in _lines(rule, su))}}}\n"


def is_looked_at_hourly(text: str) -> bool:
    """Whether a rule of this collection's says what once a day is too seldom for."""
    return text.startswith(HEADER) and re.search(r"^    (?:hourly|size .*|maxsize .*)$", text, re.MULTILINE) is not None


def _lines(rule: Rule, su: Owner | None) -> Iterator[str]:
    if su:
        yield f"su {su}"
    yield f"size {rule.size}" if rule.size else rule.frequency or "daily"
    if rule.min_size:
        yield f"minsize {rule.min_size}"
    if rule.max_size:
        yield f"maxsize {rule.max_size}"
    yield f"rotate {rule.keep}"
    if rule.max_age:
        yield f"maxage {rule.max_age}"
    yield "missingok" if rule.missing_ok else "nomissingok"
    yield "notifempty" if rule.not_empty else "ifempty"
    yield "compress" if rule.compress else "nocompress"
    yield "delaycompress" if rule.delay_compress else "nodelaycompress"
    yield "dateext" if rule.date_ext else "nodateext"
    if rule.date_ext:
        # Without the time, a log would be rotated once a day at most.
        yield "dateformat -%Y%m%d-%H%M%S"
    yield "copytruncate" if rule.copytruncate else "nocopytruncate"
    if not rule.copytruncate:
        yield " ".join(["create", *filter(None, _created(rule))])
    if rule.after:
        yield "sharedscripts"
        yield "postrotate"
        yield from rule.after.strip("\n").split("\n")
        yield "endscript"


def _created(rule: Rule) -> list[str | None]:
    """Mode, owner and group of a new log."""
    return [(rule.create or {}).get(word) for word in ("mode", "owner", "group")]


def refuse_invalid(rules: Sequence[Rule]) -> None:
    """Tell all at once what is wrong with the rules by themselves."""
    problems = [problem for number, rule in enumerate(rules) for problem in _problems(f"rules[{number}]", rule)]
    names = [rule.name for rule in rules]
    problems += [f"rules has {name} twice." for name in dict.fromkeys(names) if names.count(name) > 1]
    if problems:
        raise InvalidInput("logrotate_rules", problems)


def _problems(place: str, rule: Rule) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,59}", rule.name):
        yield f"{place}.name has to begin with a lower case letter or a digit, and hold no more than those, _ and -."
    if rule.is_wanted:
        yield from _problems_of_paths(place, rule.paths or [])
        yield from _problems_of_sizes(place, rule)
        yield from _problems_of_files(place, rule)
        if rule.after is not None:
            yield from _problems_of_script(f"{place}.after", rule.after)


def _problems_of_paths(place: str, paths: Sequence[str]) -> Iterator[str]:
    if not paths:
        yield f"{place}.paths has to name at least one log."
    for number, path in enumerate(paths):
        here = f"{place}.paths[{number}]"
        if not _PATH.fullmatch(path) or posixpath.normpath(path) != path:
            yield f"{here} has to be an absolute path of a log, without quotes, braces, \\ or #."
        elif path.startswith(_OUT_OF_REACH):
            yield (
                f"{here} is where the service logrotate cannot write (it has a /tmp of its own, and /usr, /boot and"
                " /etc are read-only to it): log elsewhere, such as below /var/log or /srv."
            )
        elif own := _rotated_again(path):
            yield f"{here} also matches what was rotated already, such as {own}: end it as the logs do, as in *.log."


def _rotated_again(pattern: str) -> str | None:
    name = posixpath.basename(pattern)
    log = re.sub(r"\[[^]]*\]|\?", "a", name.replace("*", "app"))
    rotated = [f"{log}.1", f"{log}.1.gz", f"{log}-20260131-000000"]
    return next((one for one in rotated if fnmatchcase(one, name)), None)


def _problems_of_sizes(place: str, rule: Rule) -> Iterator[str]:
    bytes_of = {}
    for word in ("size", "min_size", "max_size"):
        size = getattr(rule, word)
        if size is None:
            continue
        bytes_of[word] = _bytes(size)
        if not bytes_of[word]:
            yield f"{place}.{word} has to be a number of bytes above 0, such as 500k, 10M or 1G."
    others = [word for word in ("frequency", "min_size", "max_size") if getattr(rule, word) is not None]
    if rule.size is not None and others:
        yield f"{place}.size decides alone when to rotate: leave out {' and '.join(others)}, or use max_size instead."
    if 0 < bytes_of.get("max_size", 0) < bytes_of.get("min_size", 0):
        yield f"{place}.max_size is less than min_size, so that it would never count."
    for word in ("keep", "max_age"):
        number = getattr(rule, word)
        if number is not None and number < 1:
            yield f"{place}.{word} has to be at least 1."


def _bytes(size: str) -> int:
    found = re.fullmatch(r"([0-9]{1,12})([kMG]?)", size)
    return int(found[1]) * 1024 ** " kMG".index(found[2] or " ") if found else 0


def _problems_of_files(place: str, rule: Rule) -> Iterator[str]:
    if rule.create is not None and rule.copytruncate:
        yield f"{place}.create has no effect with copytruncate, which keeps the file: set copytruncate to false."
    mode, owner, group = _created(rule)
    # YAML reads an unquoted 0640 as the number 416.
    if mode is not None and not re.fullmatch(r"0[0-7]{3}", mode):
        yield f'{place}.create.mode has to be a quoted octal number such as "0640".'
    if (owner is None) != (group is None):
        yield f"{place}.create takes an owner and a group, or neither."
    su = rule.su or {}
    for word, name in (("create.owner", owner), ("create.group", group), *((f"su.{key}", su[key]) for key in su)):
        if name is not None and not _NAME.fullmatch(name):
            yield f"{place}.{word} has to be the name of a user or a group."


def _problems_of_script(place: str, script: str) -> Iterator[str]:
    if not script.strip():
        yield f"{place} is empty: leave it out."
    if re.search(r"[\0-\b\v-\x1f\x7f]", script):
        yield f"{place} has to be text without control characters."
    if re.search(r"^\s*endscript", script, re.MULTILINE):
        yield f"{place} has a line that begins with endscript, which would end it for logrotate."


_PATH = re.compile(r"/[^\0-\x1f\x7f\"'\\{}#]+")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?")
_OUT_OF_REACH = ("/tmp/", "/var/tmp/", "/usr/", "/boot/", "/etc/")  # noqa: S108 - they are refused, not used
