# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What logrotate says, and of what. This module is private to the collection.

Its exit code says nothing: an unknown option is left out and still a success, in 3.22 with a mere warning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.language import is_matched, patterns


class RulesError(ShipshapeError):
    """logrotate would not do what the rules say; `problems` are sentences."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(
            f"logrotate would not do this: {count}, nothing was changed. {' '.join(problems)}", problems=list(problems)
        )


@dataclass(frozen=True)
class Saying:
    """All that logrotate said of a configuration."""

    words: str

    def complaints(self) -> list[str]:
        """What it does not like."""
        found = _COMPLAINT.findall(self.words)
        # Each error is followed by what is left out because of it.
        return [one for one in found if not one.startswith("found error in ")] or found

    def has(self, logs: str) -> bool:
        """Whether it has a rule of just these logs."""
        return f"\nrotating pattern: {logs}" in f"\n{self.words}"


_COMPLAINT = re.compile(r"^(?:error|warning): (?!logrotate in debug mode )(.*?)\s*$", re.MULTILINE)
_PLACE = re.compile(r"([^\s:/]+):([0-9]+) (.*)")
_DUPLICATE = re.compile(r"duplicate log entry for (.*)")
_MISSING = re.compile(r"stat of (.*) failed: No such file or directory")


def new_complaints(after: Saying, before: Saying) -> list[str]:
    """What it says now and did not say before, as often as it says it."""
    return list((Counter(after.complaints()) - Counter(before.complaints())).elements())


def sentence(complaint: str, directory: str, texts: Mapping[str, str]) -> str:
    """A complaint that tells where it is about what, with the files of the directory by their names."""
    missing = _MISSING.fullmatch(complaint)
    if missing:
        return f"{missing[1]} is not there: set missing_ok, or have it there first."
    place = _PLACE.fullmatch(complaint)
    if not place or place[1] not in texts:
        return _ended(complaint)
    file, line, message = place.groups()
    duplicate = _DUPLICATE.fullmatch(message)
    if not duplicate:
        return _ended(f"{directory}/{file}:{line}: {message}")
    log = duplicate[1]
    others = [name for name in texts if name != file and any(is_matched(log, one) for one in patterns(texts[name]))]
    return duplicated(log, [f"{directory}/{name}" for name in sorted({file, *others[:1]})])


def duplicated(log: str, files: Sequence[str]) -> str:
    """The sentence for a log that two files are about."""
    return f"{log} would be rotated by {' and by '.join(files)}, of which logrotate leaves one out: keep one of them."


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
