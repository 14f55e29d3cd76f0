# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""As whom logrotate is to work in the directories of logs. This module is private to the collection."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import Owner, Rule
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FileFacts, Paths


@dataclass(frozen=True)
class Logs:
    """What there is of a rule now: its logs, and the directories that have or will have them."""

    files: Mapping[str, FileFacts]
    directories: Mapping[str, FileFacts]


def observe_logs(rule: Rule, paths: Paths) -> Logs:
    """Look at all that the patterns of a rule match."""
    patterns = rule.paths or []
    return Logs(
        _facts(patterns, paths, "file"),
        _facts([posixpath.dirname(pattern) for pattern in patterns], paths, "dir"),
    )


def _facts(patterns: Sequence[str], paths: Paths, kind: str) -> dict[str, FileFacts]:
    found = {path: paths.facts(path) for pattern in patterns for path in paths.find(pattern)}
    return {path: facts for path, facts in found.items() if facts and facts.type == kind}


def owner_of(rule: Rule, logs: Logs) -> Owner | None:
    """As whom logrotate rotates: as is said, or as the directories have it; as itself where they are root's alone."""
    if rule.su:
        return Owner(**rule.su)
    demanded = {_demanded(facts): None for facts in logs.directories.values()}
    return next(iter(demanded), None)


def _demanded(directory: FileFacts) -> Owner | None:
    """Who works there as root could be led elsewhere by whoever else may write there, so that logrotate refuses to."""
    if directory.owner != "root":
        return Owner(directory.owner, directory.group)
    if directory.mode & stat.S_IWGRP and directory.group != "root":
        return Owner("root", directory.group)
    return None


def problems_of_owners(place: str, rule: Rule, logs: Logs) -> Iterator[str]:
    """Why there is nobody as whom logrotate could rotate all logs of the rule."""
    demanded = {path: _demanded(facts) for path, facts in logs.directories.items()}
    if not rule.su:
        for path, facts in logs.directories.items():
            if facts.mode & stat.S_IWOTH:
                yield (
                    f"{place}: every user can write to {path}, where logrotate does nothing as root: take that right"
                    " away (chmod o-w), or say as whom with su."
                )
        if len(set(demanded.values())) > 1:
            told = ", ".join(f"{path}: {owner or 'root root'}" for path, owner in demanded.items())
            yield f"{place}: its directories have different owners ({told}): make a rule for each, or name one with su."
    su = owner_of(rule, logs)
    if su is None or su.user == "root":
        return
    owner = (rule.create or {}).get("owner")
    if owner not in (None, su.user):
        yield f"{place}: create gives logs to {owner}, which logrotate cannot do as {su.user}: name {su.user}."
    for path, facts in logs.files.items() if rule.copytruncate else ():
        if not _may_write(su, facts):
            yield (
                f"{place}: {path} belongs to {facts.owner}, and {su.user}, as whom logrotate rotates in that directory,"
                f" may not write to it: give it to {su.user}, or say with su as whom else."
            )


def _may_write(su: Owner, facts: FileFacts) -> bool:
    if facts.owner == su.user:
        wanted = stat.S_IRUSR | stat.S_IWUSR
    elif facts.group == su.group:
        wanted = stat.S_IRGRP | stat.S_IWGRP
    else:
        wanted = stat.S_IROTH | stat.S_IWOTH
    return facts.mode & wanted == wanted
