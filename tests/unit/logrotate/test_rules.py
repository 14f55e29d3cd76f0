# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._logrotate.rules import (
    HEADER,
    Owner,
    is_looked_at_hourly,
    refuse_invalid,
    text_of,
)
from tests.unit.logrotate.declared import rule

USUAL = [
    *("daily", "rotate 14", "missingok", "notifempty", "compress", "delaycompress", "nodateext", "copytruncate"),
]


def lines(su: Owner | None = None, **options: Any) -> list[str]:
    """What stands in the block of a rule."""
    text = text_of(rule(**options), su)
    assert text.startswith(HEADER)
    assert text.endswith("\n}\n")
    return [line.strip() for line in text.splitlines()[2:-1]]


def test_rule_by_itself_says_everything() -> None:
    assert text_of(rule(), None).splitlines()[1] == '"/srv/app/*.log" {'
    assert lines() == USUAL


def test_logs_are_quoted_on_one_line() -> None:
    text = text_of(rule(paths=["/srv/the logs/*.log", "/srv/b.log"]), None)

    assert text.splitlines()[1] == '"/srv/the logs/*.log" "/srv/b.log" {'


@pytest.mark.parametrize(
    ("options", "added", "removed"),
    [
        ({"frequency": "weekly"}, ["weekly"], ["daily"]),
        ({"size": "10M"}, ["size 10M"], ["daily"]),
        ({"min_size": "1k", "max_size": "1G"}, ["minsize 1k", "maxsize 1G"], []),
        ({"keep": 3, "max_age": 30}, ["rotate 3", "maxage 30"], ["rotate 14"]),
        ({"compress": False}, ["nocompress"], ["compress"]),
        ({"delay_compress": False}, ["nodelaycompress"], ["delaycompress"]),
        ({"missing_ok": False, "not_empty": False}, ["nomissingok", "ifempty"], ["missingok", "notifempty"]),
        ({"date_ext": True}, ["dateext", "dateformat -%Y%m%d-%H%M%S"], ["nodateext"]),
        ({"copytruncate": False}, ["nocopytruncate", "create"], ["copytruncate"]),
        (
            {"copytruncate": False, "create": {"mode": "0640", "owner": None, "group": None}},
            ["nocopytruncate", "create 0640"],
            ["copytruncate"],
        ),
        (
            {"copytruncate": False, "create": {"mode": "0640", "owner": "app", "group": "adm"}},
            ["nocopytruncate", "create 0640 app adm"],
            ["copytruncate"],
        ),
        ({"su": Owner("app", "adm")}, ["su app adm"], []),
        ({"after": "one\n  two\n"}, ["sharedscripts", "postrotate", "one", "two", "endscript"], []),
    ],
)
def test_each_option_has_its_lines(options: dict[str, Any], added: list[str], removed: list[str]) -> None:
    assert sorted(lines(**options)) == sorted([*(line for line in USUAL if line not in removed), *added])


def test_script_stands_between_its_words() -> None:
    assert lines(after="one\ntwo")[-5:] == ["sharedscripts", "postrotate", "one", "two", "endscript"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (text_of(rule(frequency="hourly"), None), True),
        (text_of(rule(size="10M"), None), True),
        (text_of(rule(max_size="10M"), None), True),
        (text_of(rule(min_size="10M"), None), False),
        (text_of(rule(frequency="weekly"), None), False),
        (text_of(rule(paths=["/srv/hourly/size.log"]), None), False),
        (text_of(rule(frequency="hourly"), None)[len(HEADER) :], False),
    ],
)
def test_rules_that_once_a_day_is_too_seldom_for(text: str, expected: bool) -> None:
    assert is_looked_at_hourly(text) is expected


def problems(*rules: Any) -> list[str]:
    """What is wrong with the rules, all of it in the message, too."""
    with pytest.raises(InvalidInput) as caught:
        refuse_invalid(rules)
    found: list[str] = caught.value.details["problems"]
    assert all(problem in caught.value.message for problem in found)
    return found


PATH = "has to be an absolute path of a log, without quotes, braces, \\ or #."
REACH = "is where the service logrotate cannot write"
AGAIN = "also matches what was rotated already, such as"
SIZE = "has to be a number of bytes above 0, such as 500k, 10M or 1G."
NAME = "rules[0].name has to begin with a lower case letter or a digit, and hold no more than those, _ and -."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        *(({"name": name}, NAME) for name in ("", "App", "a.b", "a/b", "-a", "a\n", "x" * 61, "app~")),
        ({"paths": None}, "rules[0].paths has to name at least one log."),
        ({"paths": []}, "rules[0].paths has to name at least one log."),
        *(
            ({"paths": [path]}, f"rules[0].paths[0] {PATH}")
            for path in (
                "srv/x.log",
                "~/x.log",
                "/srv/x/",
                "/srv//x",
                "/srv/../x",
                '/srv/"x',
                "/srv/'x",
                "/a\\b",
                "/a\n",
            )
        ),
        *(({"paths": ["/a.log", path]}, f"rules[0].paths[1] {PATH}") for path in ("/srv/{a,b}", "/#", "/srv/.", "/")),
        *(
            ({"paths": [path]}, f"rules[0].paths[0] {REACH}")
            for path in ("/tmp/x.log", "/var/tmp/x.log", "/usr/local/x.log", "/etc/x.log", "/boot/x.log")
        ),
        *(
            ({"paths": [f"/srv/{name}"]}, f"rules[0].paths[0] {AGAIN} {seen}: ")
            for name, seen in (
                ("*", "app.1"),
                ("app.*", "app.app.1"),
                ("app.log*", "app.logapp.1"),
                ("*.gz", "app.gz.1.gz"),
                ("*.?", "app.a.1"),
                ("*.[0-9]", "app.a.1"),
                ("app*0", "appapp0-20260131-000000"),
            )
        ),
        *(({"size": size}, f"rules[0].size {SIZE}") for size in ("10 MB", "0", "M", "10m", "1.5M", "-1", "10MB", "")),
        *(({word: "0k"}, f"rules[0].{word} {SIZE}") for word in ("min_size", "max_size")),
        (
            {"size": "1k", "frequency": "daily", "max_size": "1M"},
            "rules[0].size decides alone when to rotate: leave out frequency and max_size, or use max_size instead.",
        ),
        (
            {"min_size": "1M", "max_size": "1023k"},
            "rules[0].max_size is less than min_size, so that it would never count.",
        ),
        ({"keep": 0}, "rules[0].keep has to be at least 1."),
        ({"max_age": 0}, "rules[0].max_age has to be at least 1."),
        (
            {"create": {"mode": "0640", "owner": None, "group": None}},
            "rules[0].create has no effect with copytruncate, which keeps the file: set copytruncate to false.",
        ),
        *(
            (
                {"copytruncate": False, "create": {"mode": mode, "owner": None, "group": None}},
                'rules[0].create.mode has to be a quoted octal number such as "0640".',
            )
            for mode in ("0999", "416", "640", "rw", "01640", "0640 x")
        ),
        *(
            (
                {"copytruncate": False, "create": {"mode": "0640", "owner": owner, "group": group}},
                "rules[0].create takes an owner and a group, or neither.",
            )
            for owner, group in (("app", None), (None, "app"))
        ),
        (
            {"copytruncate": False, "create": {"mode": "0640", "owner": "a b", "group": "app"}},
            "rules[0].create.owner has to be the name of a user or a group.",
        ),
        *(
            ({"su": {"user": "app", "group": "app", word: name}}, f"rules[0].su.{word} has to be the name of a user or")
            for word, name in (("user", "app\n}"), ("group", "-x"), ("user", ""))
        ),
        *(({"after": script}, "rules[0].after is empty: leave it out.") for script in ("", " \n")),
        *(({"after": script}, "rules[0].after has to be text without") for script in ("a\0", "a\rb", "a\x1b[0m")),
        *(
            ({"after": script}, "rules[0].after has a line that begins with endscript, which would end it")
            for script in ("a\nendscript\n}", "  endscripts", "endscript")
        ),
    ],
)
def test_what_would_be_misread_is_refused(options: dict[str, Any], told: str) -> None:
    [problem] = problems(rule(**options))
    assert problem.startswith(told)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"name": "0a_b-c"},
        {"name": "x" * 60},
        {
            "paths": [
                "/srv/the logs/[a-c]*.log",
                "/srv/ä/?.txt",
                "/var/tmpfile.log",
                "/tmpfile.log",
                "/srv/*/current/app-*.log",
            ]
        },
        {"min_size": "1M", "max_size": "1M"},
        {"min_size": "1M", "max_size": "1G", "frequency": "monthly"},
        {"size": "1"},
        {"keep": 1, "max_age": 1},
        {"copytruncate": False, "create": {"mode": "0640", "owner": "app", "group": "www-data"}},
        {"su": {"user": "app", "group": "adm"}},
        {"after": "true # endscript\n\tpkill -HUP x"},
        # What is to go needs only its name.
        {"state": "absent", "paths": None},
        {"state": "absent", "paths": ["x"], "keep": 0, "after": ""},
    ],
)
def test_what_is_right_is_not_refused(options: dict[str, Any]) -> None:
    refuse_invalid([rule(**options)])


def test_all_problems_are_told_at_once_with_their_places() -> None:
    assert problems(rule(keep=0), rule(paths=["x"]), rule(name="B")) == [
        "rules[0].keep has to be at least 1.",
        f"rules[1].paths[0] {PATH}",
        NAME.replace("[0]", "[2]"),
        "rules has app twice.",
    ]
