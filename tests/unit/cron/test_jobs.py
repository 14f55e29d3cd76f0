# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _job
from ansible_collections.shipshape.webapp.plugins.module_utils._cron.jobs import Job, read_jobs
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from tests.unit.cron.options import job


def definition(**options: Any) -> dict[str, Any]:
    (read,) = read_jobs([job(**options)])
    assert read.definition is not None
    return dict(json.loads(read.definition))


def test_definition_is_what_the_program_reads() -> None:
    read = definition(
        name="cleanup",
        at="@daily",
        user="holibot",
        run=["node", "x.js", 5, True],
        directory="/srv/holibot/current",
        environment_file="/srv/holibot/.env",
        environment={"A": "b c # d", "B": 5, "C": False},
        timeout="10m",
        grace="0s",
        random_delay="2h",
        keep_logs=7,
        on_failure=["tell", "me"],
    )
    assert read == {
        "name": "cleanup",
        "at": "0 0 * * *",
        "user": "holibot",
        "argv": ["node", "x.js", "5", "true"],
        "directory": "/srv/holibot/current",
        "environment_file": "/srv/holibot/.env",
        "environment": {"A": "b c # d", "B": "5", "C": "false"},
        "timeout": 600,
        "grace": 0,
        "random_delay": 7200,
        "keep_logs": 7,
        "lock": "cleanup",
        "on_failure": ["tell", "me"],
    }
    assert list(read) == [field.name for field in fields(_job.Job)]


def test_text_is_for_the_shell() -> None:
    assert definition(run="echo 100% | cat")["argv"] == ["/bin/sh", "-c", "echo 100% | cat"]


def test_a_day_is_a_day_and_a_lock_can_be_shared() -> None:
    read = definition(timeout="1d", lock="shared")
    assert (read["timeout"], read["lock"]) == (86400, "shared")


@pytest.mark.parametrize(("mail_to", "expected"), [(None, ""), ("root,ops@example.com", "root,ops@example.com")])
def test_line_of_cron(mail_to: str | None, expected: str) -> None:
    (read,) = read_jobs([job(name="cleanup", at="0 9 * * MON", user="holibot", mail_to=mail_to)])
    assert read.line == (
        "# Ansible: shipshape.webapp cron_jobs\n"
        f'MAILTO="{expected}"\n'
        "0 9 * * 1 root /usr/local/lib/shipshape/job cleanup\n"
    )


def test_job_that_is_to_go_needs_nothing_but_its_name() -> None:
    assert read_jobs([job(name="gone", state="absent", at=None, run=None)]) == [Job("gone")]


_OF_NAMES = "has to consist of at most 60 of a-z, 0-9, _ and -, and to begin with a letter or digit."
_OF_DURATIONS = "has to be a whole number with s, m, h or d, such as 30m."
_RUNS: tuple[object, ...] = (None, "", " \n", "a\0", [], ["a", None], ["a", "\0"], ["", "a"], {}, 5)
_OF_RUN = "run has to be a text for the shell, or a list of a program and its arguments."


@pytest.mark.parametrize(
    ("options", "told"),
    [
        *(({"name": name}, f"name {_OF_NAMES}") for name in ("", "A", "-a", "a.b", "a b", "a/b", "a\n", "a" * 61)),
        *(({"name": name, "state": "absent"}, f"name {_OF_NAMES}") for name in ("../passwd", "--now")),
        ({"at": None}, 'at has to have five fields, such as "0 3 * * *", or be a name such as @daily.'),
        ({"at": "0 0 30 2 *"}, "at can never come true: no month that it names has a day 30."),
        *(({"run": run}, _OF_RUN) for run in _RUNS),
        *(({"user": user}, "user has to be the name of a user.") for user in ("", "a b", "a\nb", "5")),
        ({"directory": "srv"}, "directory has to be an absolute path."),
        ({"directory": "/srv\n"}, "directory has to be an absolute path."),
        ({"environment_file": ".env"}, "environment_file has to be an absolute path."),
        *(
            ({"environment": environment}, "environment has to consist of names of variables and plain values.")
            for environment in ({"A B": "x"}, {"5A": "x"}, {"A": None}, {"A": ["x"]}, {"A": "\0"}, {"A\n": "x"})
        ),
        *(
            ({"timeout": timeout}, f"timeout {_OF_DURATIONS}")
            for timeout in ("", "0s", "5", "-5s", "1.5h", "5 m", "5M")
        ),
        ({"grace": "x"}, f"grace {_OF_DURATIONS}"),
        ({"random_delay": "1w"}, f"random_delay {_OF_DURATIONS}"),
        *(({"keep_logs": days}, "keep_logs has to be a number of days, at least 1.") for days in (0, -1, 10**6)),
        ({"lock": "../x"}, f"lock {_OF_NAMES}"),
        *(
            ({"mail_to": mail}, "mail_to has to be an address or a local user, or several with commas between them.")
            for mail in ("", 'a"b', "a\n* * * * * root x", "a@b@c", "a b")
        ),
        ({"on_failure": [""]}, "on_failure has to be a list of a program and its arguments."),
    ],
)
def test_bad_option_is_refused_with_its_place(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_jobs([job(name="first"), job(**{"name": "second", **options})])
    assert caught.value.details["problems"] == [f"jobs[1].{told}"]


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_jobs([job(name="a", timeout="x", at="x"), job(name="b"), job(name="a", state="absent"), job(name="B")])
    assert [problem.split(" ")[0] for problem in caught.value.details["problems"]] == [
        "jobs[0].at",
        "jobs[0].timeout",
        "jobs[2].name",
        "jobs[3].name",
    ]
