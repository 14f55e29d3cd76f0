# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.owners import (
    Logs,
    observe_logs,
    owner_of,
    problems_of_owners,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import Owner
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FileFacts
from tests.unit.logrotate.declared import rule

SU = {"user": "other", "group": "adm"}


def facts(owner: str, group: str, mode: int) -> FileFacts:
    return FileFacts(type="dir", mode=mode, owner=owner, group=group, size=0, modified=0, is_writable=True)


def file(owner: str, group: str, mode: int) -> FileFacts:
    return replace(facts(owner, group, mode), type="file")


class Disk(HostPaths):
    """What paths of a pattern there are."""

    def __init__(self, **kinds: str) -> None:
        self._kinds = {f"/{name.replace('_', '/')}": kind for name, kind in kinds.items()}

    def find(self, pattern: str) -> list[str]:
        return [path for path in self._kinds if path == pattern or pattern == f"{path.rpartition('/')[0]}/*"]

    def facts(self, path: str) -> FileFacts | None:
        return replace(facts("app", "app", 0o755), type=self._kinds[path]) if path in self._kinds else None


@pytest.mark.parametrize(
    ("directories", "su", "expected"),
    [
        ([], None, None),
        ([], SU, Owner("other", "adm")),
        ([("root", "root", 0o755)], None, None),
        ([("root", "root", 0o755)], SU, Owner("other", "adm")),
        # Only what is root's group may write to it, so that nobody leads root elsewhere.
        ([("root", "root", 0o775)], None, None),
        ([("root", "adm", 0o755)], None, None),
        ([("root", "adm", 0o2775)], None, Owner("root", "adm")),
        ([("app", "adm", 0o700)], None, Owner("app", "adm")),
        ([("app", "app", 0o775)], None, Owner("app", "app")),
        ([("app", "app", 0o775)] * 2, None, Owner("app", "app")),
        ([("app", "app", 0o775)], SU, Owner("other", "adm")),
    ],
)
def test_owner_is_whose_the_directory_is(
    directories: list[Any], su: dict[str, str] | None, expected: Owner | None
) -> None:
    logs = Logs({}, {f"/{number}": facts(*one) for number, one in enumerate(directories)})

    assert owner_of(rule(su=su), logs) == expected
    assert list(problems_of_owners("rules[0]", rule(su=su), logs)) == []


@pytest.mark.parametrize(
    ("directories", "logs", "options", "expected"),
    [
        (
            {"/open": ("root", "root", 0o1777)},
            {},
            {},
            "rules[3]: every user can write to /open, where logrotate does nothing as root: take that right away (chmod"
            " o-w), or say as whom with su.",
        ),
        (
            {"/a": ("app", "app", 0o755), "/b": ("root", "root", 0o755)},
            {},
            {},
            "rules[3]: its directories have different owners (/a: app app, /b: root root): make a rule for each, or"
            " name one with su.",
        ),
        (
            {"/a": ("app", "app", 0o755)},
            {},
            {"copytruncate": False, "create": {"mode": "0640", "owner": "root", "group": "root"}},
            "rules[3]: create gives logs to root, which logrotate cannot do as app: name app.",
        ),
        *(
            (
                {"/a": ("app", "app", 0o755)},
                {"/a/x.log": log},
                {},
                f"rules[3]: /a/x.log belongs to {log[0]}, and app, as whom logrotate rotates in that directory, may not"
                " write to it: give it to app, or say with su as whom else.",
            )
            for log in (("root", "root", 0o644), ("root", "app", 0o640), ("root", "app", 0o606), ("app", "app", 0o466))
        ),
    ],
)
def test_whom_nobody_can_rotate_for_is_told(
    directories: dict[str, Any], logs: dict[str, Any], options: dict[str, Any], expected: str
) -> None:
    there = Logs(
        {path: file(*one) for path, one in logs.items()},
        {path: facts(*one) for path, one in directories.items()},
    )

    assert list(problems_of_owners("rules[3]", rule(**options), there)) == [expected]


@pytest.mark.parametrize(
    ("directory", "log", "options"),
    [
        (("app", "app", 0o755), ("app", "app", 0o600), {}),
        (("app", "app", 0o755), ("root", "app", 0o660), {}),
        (("app", "app", 0o755), ("root", "root", 0o666), {}),
        # Who renames needs to write to the directory only.
        (("app", "app", 0o755), ("root", "root", 0o600), {"copytruncate": False}),
        (
            ("app", "app", 0o755),
            ("app", "app", 0o600),
            {"copytruncate": False, "create": {"mode": "0640", "owner": "app", "group": "adm"}},
        ),
        # Root may do all of it.
        (("root", "root", 0o755), ("app", "app", 0o600), {}),
        (("root", "adm", 0o775), ("app", "app", 0o600), {}),
        (
            ("root", "adm", 0o775),
            ("app", "app", 0o600),
            {"copytruncate": False, "create": {"mode": "0640", "owner": "app", "group": "adm"}},
        ),
        (("root", "root", 0o1777), ("app", "app", 0o600), {"su": {"user": "app", "group": "app"}}),
    ],
)
def test_what_works_is_not_refused(directory: Any, log: Any, options: dict[str, Any]) -> None:
    there = Logs({"/a/x.log": file(*log)}, {"/a": facts(*directory)})

    assert list(problems_of_owners("rules[0]", rule(**options), there)) == []


def test_logs_are_files_and_their_directories_those_that_are_there() -> None:
    paths = Disk(a="dir", a_x="file", a_y="dir", b="file")

    logs = observe_logs(rule(paths=["/a/*", "/b/x.log", "/c/x.log"]), paths)

    assert (list(logs.files), list(logs.directories)) == (["/a/x"], ["/a"])
