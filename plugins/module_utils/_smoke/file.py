# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of files and directories. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._database.sqlite import SIDES
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FileFacts, Paths

_UNKNOWN = ("type", "mode", "owner", "group", "size", "age_s", "writable", "locked_by")


class File:
    """Looks at a file without opening it; of several that match a pattern, at the newest."""

    name = "file"
    options: Mapping[str, Option] = {"path": Option(is_required=True), "by": Option()}
    shorthand = "path"
    is_each = True
    observes: Sequence[str] = ("exists", *_UNKNOWN)
    is_alone = False

    def problems(self, options: Mapping[str, Any]) -> Iterator[str]:
        """A path that depends on where the module happens to run."""
        if not options["path"].startswith("/"):
            yield "path: give an absolute path."

    def default(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """That it is there."""
        return {"exists": True}

    def only_reads(self, options: Mapping[str, Any]) -> bool:
        """Always."""
        return True

    def mark(self, options: Mapping[str, Any], setting: Setting, world: World) -> None:
        """Nothing."""

    def observe(self, options: Mapping[str, Any], setting: Setting, world: World, mark: Any) -> Observed:
        """What the system says of it."""
        path = newest(world.paths, options["path"])
        facts = world.paths.facts(path) if path else None
        if path is None or facts is None:
            return Observed({"exists": False, **dict.fromkeys(_UNKNOWN)}, f"There is nothing at {options['path']}.")
        user = options["by"]
        values = {
            "exists": True,
            "type": facts.type,
            "mode": f"{facts.mode:04o}",
            "owner": facts.owner,
            "group": facts.group,
            "size": facts.size,
            "age_s": round(world.now().timestamp() - facts.modified, 3),
            "writable": facts.is_writable if user is None else _may_write(user, path, setting, world),
            "locked_by": [str(holder) for holder in world.file_locks.locking([path, *(path + end for end in SIDES)])],
        }
        return Observed(values, f"{path} is a {values['type']} of {facts.owner}:{facts.group}, mode {values['mode']}.")


def newest(paths: Paths, pattern: str) -> str | None:
    """The file that is meant by this path or pattern, or None if there is none."""
    found = [(facts.modified, path) for path in paths.find(pattern) if (facts := _of_interest(paths, path, pattern))]
    return max(found)[1] if found else None


def _of_interest(paths: Paths, path: str, pattern: str) -> FileFacts | None:
    # What stands beside a database of SQLite is newer than the database itself.
    return None if path != pattern and path.endswith(SIDES) else paths.facts(path)


def _may_write(user: str, path: str, setting: Setting, world: World) -> bool:
    """As the system itself decides it, which knows of groups, access lists, and what is mounted read-only."""
    try:
        tested = world.commands.run(["runuser", "-u", user, "--", "test", "-w", path], timeout=setting.timeout)
    except CommandError as error:
        raise Unobserved(f"Whether {user} may write {path} could not be tested. {error.message}") from None
    if tested.stderr:
        raise Unobserved(
            f"Whether {user} may write {path} could not be tested, which only root can do: {tested.stderr.strip()}."
        )
    return tested.code == 0
