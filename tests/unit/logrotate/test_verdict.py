# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What logrotate 3.21 (Debian 12) and 3.22 (Debian 13) really said."""

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.verdict import (
    Saying,
    new_complaints,
    sentence,
)

DEBUG = (
    "warning: logrotate in debug mode does nothing except printing debug messages!  Consider using verbose mode (-v)"
    " instead if this is not what you want.\n\nreading config file /etc/logrotate.conf\nincluding /etc/logrotate.d\n"
)
INSECURE = (
    'skipping "/srv/g/a.log" because parent directory has insecure permissions (It\'s world writable or writable by'
    ' group which is not "root") Set "su" directive in config file to tell logrotate which user/group should be used'
    " for rotation."
)
NOT_SO_GOOD = [
    ("error: r:3 unknown option 'dayly' -- ignoring line\n", ["r:3 unknown option 'dayly' -- ignoring line"]),
    ("warning: r:3 unknown option 'dayly' -- ignoring line\n", ["r:3 unknown option 'dayly' -- ignoring line"]),
    (
        "error: r:2 bad rotation count 'x3'\nerror: found error in /srv/ok/*.log , skipping\n"
        "error: found error in file r, skipping\n",
        ["r:2 bad rotation count 'x3'"],
    ),
    ("error: found error in file r, skipping\n", ["found error in file r, skipping"]),
    (f"error: {INSECURE}\n", [INSECURE]),
    (
        "warning: Potentially dangerous mode on r: 0666\n"
        "error: Ignoring r because it is writable by group or others.\n",
        ["Potentially dangerous mode on r: 0666", "Ignoring r because it is writable by group or others."],
    ),
    # Not everything that is passed over is wrong.
    ("Ignoring dir because it's not a regular file.\n  log /srv/ok/*.log does not exist -- skipping\n", []),
    ("considering log /srv/error: x.log\n", []),
    ("", []),
]


@pytest.mark.parametrize(("words", "expected"), NOT_SO_GOOD)
def test_complaints_are_read_from_the_words(words: str, expected: list[str]) -> None:
    assert Saying(DEBUG + words).complaints() == expected


def test_new_is_what_was_not_said_before_as_often() -> None:
    one, other = "error: r:3 one\n", "error: z:1 other\n"

    assert new_complaints(Saying(one + other), Saying(other)) == ["r:3 one"]
    assert new_complaints(Saying(one + other), Saying(other + one)) == []
    assert new_complaints(Saying(other + other), Saying(other)) == ["z:1 other"]
    assert new_complaints(Saying(""), Saying(other)) == []


@pytest.mark.parametrize(
    "pattern",
    [
        'rotating pattern: "/srv/ok/*.log"  after 1 days (3 rotations)\nempty log files are rotated\n',
        'rotating pattern: "/srv/ok/*.log" after 1 days empty log files are rotated, (3 rotations)\n',
    ],
)
def test_rule_is_there_if_its_logs_are_named(pattern: str) -> None:
    said = Saying(DEBUG + pattern)

    assert said.has('"/srv/ok/*.log"')
    assert not said.has('"/srv/ok/*.log" "/srv/b.log"')
    assert not said.has('"/srv/b.log"')
    assert not Saying(f"considering {pattern}").has('"/srv/ok/*.log"')


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        ("new:3 unknown user 'x'", "/d/new:3: unknown user 'x'."),
        ("elsewhere:3 unknown user 'x'", "elsewhere:3 unknown user 'x'."),
        ("/etc/logrotate.conf:3 unknown option", "/etc/logrotate.conf:3 unknown option."),
        (INSECURE, INSECURE),
        (
            "stat of /srv/x.log failed: No such file or directory",
            "/srv/x.log is not there: set missing_ok, or have it there first.",
        ),
        (
            "old:1 duplicate log entry for /srv/a.log",
            "/srv/a.log would be rotated by /d/new and by /d/old, of which logrotate leaves one out: keep one of them.",
        ),
        (
            "new:2 duplicate log entry for /srv/a.log",
            "/srv/a.log would be rotated by /d/new and by /d/old, of which logrotate leaves one out: keep one of them.",
        ),
        # Twice in one file.
        (
            "third:5 duplicate log entry for /srv/3.log",
            "/srv/3.log would be rotated by /d/third, of which logrotate leaves one out: keep one of them.",
        ),
    ],
)
def test_sentence_names_the_file_and_what_to_do(complaint: str, expected: str) -> None:
    texts = {"new": '"/srv/a*.log" {\n}\n', "old": "/srv/*a.log {\n}\n", "third": "/srv/3.log {\n}\n"}

    assert sentence(complaint, "/d", texts) == expected
