# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.command import Command
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Unobserved
from tests.unit.smoke.on_host import given, observed, problems

SAY = "import os, sys; sys.stdout.write(sys.argv[1]); sys.stderr.write(sys.argv[2]); sys.exit(int(sys.argv[3]))"


def saying(stdout: str = "", stderr: str = "", code: int = 0) -> list[str]:
    return [sys.executable, "-c", SAY, stdout, stderr, str(code)]


def test_program_that_ends_well_is_observed() -> None:
    seen = observed(Command(), {"cmd": saying("yes\n")})

    assert 0 < seen.values["ms"] < 60_000
    assert {name: seen.values[name] for name in ("rc", "stdout", "stderr")} == {
        "rc": 0,
        "stdout": "yes\n",
        "stderr": "",
    }
    assert seen.told == f"{sys.executable} ended with exit code 0"


def test_program_that_fails_is_observed_without_its_arguments() -> None:
    seen = observed(Command(), {"cmd": saying("hunter2", "first\nnpm ERR! missing: express\n\n", 3)})

    assert (seen.values["rc"], seen.values["stdout"]) == (3, "hunter2")
    assert seen.told == f"{sys.executable} ended with exit code 3: npm ERR! missing: express"


def test_long_line_is_cut() -> None:
    told = observed(Command(), {"cmd": saying("", "x" * 1000, 1)}).told

    assert told == f"{sys.executable} ended with exit code 1: {'x' * 200}…"


@pytest.mark.parametrize(
    ("cmd", "words"),
    [
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c d\" e\\ f", "a  b c d e f\n"),
        ("echo $HOME * | cat; # x", "$HOME * | cat; # x\n"),
        (["echo", "a  b", 7, 1.5], "a  b 7 1.5\n"),
    ],
)
def test_text_is_split_and_not_given_to_a_shell(cmd: object, words: str) -> None:
    assert observed(Command(), cmd).values["stdout"] == words


def test_program_runs_where_and_with_what_it_is_told(tmp_path: Path) -> None:
    script = tmp_path / "check.sh"
    script.write_text("#!/bin/sh\npwd\necho $CANARY $PORT ${PATH:+path}\n")
    script.chmod(0o755)

    seen = observed(Command(), {"cmd": "./check.sh", "chdir": str(tmp_path), "env": {"CANARY": "hunter2", "PORT": 80}})

    assert seen.values["stdout"] == f"{tmp_path}\nhunter2 80 path\n"
    assert "CANARY" not in os.environ


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        (
            {"cmd": ["no-such-program", "hunter2"]},
            "no-such-program, or the interpreter that its first line names, is not installed on this host.",
        ),
        ({"cmd": ["/etc/passwd", "hunter2"]}, "/etc/passwd cannot be run: Permission denied."),
        ({"cmd": "true", "chdir": "/no/such"}, "true cannot be run in /no/such: there is no such directory."),
        (
            {"cmd": "sleep 30", "env": {"SECRET": "hunter2"}, "timeout": "100ms"},
            "sleep was not done after 0.1 seconds and was stopped.",
        ),
    ],
)
def test_program_that_cannot_be_observed_is_told(argument: dict[str, Any], told: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Unobserved) as caught:
        observed(Command(), argument)

    assert (caught.value.message, caught.value.details) == (told, {})
    assert time.monotonic() - begun < 10


def test_something_is_always_expected() -> None:
    kind = Command()

    assert kind.default(given(kind, "true")) == {"rc": 0}
    assert given(kind, "true")["timeout"] == 60
    assert (kind.only_reads({}), kind.is_each, kind.is_alone) == (False, False, False)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("echo 'hunter2", "cmd: this cannot be split into words: No closing quotation."),
        ("", "cmd: give a program and its arguments, as a text or as a list of texts."),
        ({"cmd": []}, "cmd: give a program and its arguments, as a text or as a list of texts."),
        ({"cmd": ["echo", ["x"]]}, "cmd: give a program and its arguments, as a text or as a list of texts."),
        ({"cmd": 7}, "cmd: give a program and its arguments, as a text or as a list of texts."),
        ({"cmd": "true", "env": {"A": ["hunter2"]}}, "env: every value is a text or a number."),
        ({"cmd": "true", "env": {"A": True}}, "env: every value is a text or a number."),
    ],
)
def test_what_is_no_command_is_refused(argument: object, told: str) -> None:
    assert problems(Command(), argument) == [told]
