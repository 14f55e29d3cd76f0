# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _command
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands, succeeded
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed

# Long enough for a shell to start its children, on a busy machine too.
STARTED = 0.7


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    """Where a test's program writes the number of its child, which does not outlive the test."""
    path = tmp_path / "pid"
    yield path
    if path.exists() and is_alive(int(path.read_text())):
        os.kill(int(path.read_text()), signal.SIGKILL)


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A dead process whose new parent does not ask for it.
    return state not in "ZX"


def has_ended(process: int) -> bool:
    deadline = time.monotonic() + 5
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize(
    "argument",
    ["", " ", "a b", "'", '"', "$HOME", "`id`", "*", "~", "a\nb", "a\\nb", "-n", "--", ";", "&&", "ü€", "%s", "\x01"],
)
def test_argument_arrives_as_it_is(argument: str) -> None:
    argv = [sys.executable, "-c", "import json, sys; json.dump(sys.argv[1:], sys.stdout)", argument, argument]

    completed = HostCommands().run(argv)

    assert json.loads(completed.stdout) == [argument, argument]
    assert (completed.argv, completed.code, completed.stderr) == (tuple(argv), 0, "")


def test_environment_reaches_the_child_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    before = dict(os.environ)

    completed = HostCommands().run(["env", "-0"], env={"PGPASSWORD": "s3cret word", "LANGUAGE": "fr"})

    environment = dict(entry.split("=", 1) for entry in completed.stdout.split("\0") if entry)
    assert environment["PGPASSWORD"] == "s3cret word"
    assert environment["INHERITED"] == "yes"
    assert (environment["LC_ALL"], environment["LANGUAGE"]) == ("C.UTF-8", "fr")
    assert dict(os.environ) == before


@pytest.mark.parametrize("path", [None, "/nowhere", ""])
def test_programs_of_administrators_are_found(monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)

    found = HostCommands().run(["printenv", "PATH"]).stdout.strip().split(":")

    assert found[0] == (path or "/usr/local/sbin")
    assert {"/usr/sbin", "/sbin", "/usr/bin", "/bin"} <= set(found)
    # An empty entry means the directory that one happens to be in.
    assert "" not in found


def test_own_path_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "env"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert HostCommands().run(["env"]).stdout == "mine\n"


@pytest.mark.parametrize("text", ["", "a\nb", "ü€\n", "x" * 300_000])
def test_stdin_is_what_was_given(text: str) -> None:
    assert HostCommands().run(["cat"], stdin=text).stdout == text


def test_program_that_ignores_its_stdin_does_no_harm() -> None:
    assert HostCommands().run(["true"], stdin="x" * 300_000).code == 0


def test_output_that_is_no_utf8_is_replaced() -> None:
    completed = HostCommands().run(["sh", "-c", r"printf 'a\377b'; printf '\200' >&2"])

    assert (completed.stdout, completed.stderr) == ("a\ufffdb", "\ufffd")


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9)])
def test_exit_code_is_told(script: str, code: int) -> None:
    completed = HostCommands().run(["sh", "-c", f"echo out; echo err >&2; {script}"])

    assert (completed.code, completed.stdout, completed.stderr) == (code, "out\n", "err\n")


def test_directory_is_the_given_one(tmp_path: Path) -> None:
    assert HostCommands().run(["pwd", "-P"], cwd=str(tmp_path)).stdout == f"{tmp_path.resolve()}\n"


def test_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"npm cannot be run in {tmp_path}/gone: there is no such directory"):
        HostCommands().run(["npm", "ci"], cwd=f"{tmp_path}/gone")


def test_missing_program_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    with pytest.raises(
        CommandError, match="nosuchprogram, or the interpreter that its first line names, is not installed"
    ) as caught:
        HostCommands().run(["nosuchprogram", "--all"])

    assert caught.value.details == {"argv": ["nosuchprogram", "--all"]}


def test_file_that_is_no_program_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("#!/bin/sh\n")

    with pytest.raises(CommandError, match="notes cannot be run: Permission denied"):
        HostCommands().run([f"{tmp_path}/notes"])


def test_argument_that_no_program_can_take_is_told() -> None:
    with pytest.raises(CommandError, match="echo cannot be run"):
        HostCommands().run(["echo", "a\0b"])


def test_program_in_time_is_not_stopped() -> None:
    assert HostCommands().run(["echo", "done"], timeout=60).stdout == "done\n"


def test_late_program_is_stopped_and_told() -> None:
    with pytest.raises(CommandError, match=r"sleep was not done after 0\.1 seconds and was stopped") as caught:
        HostCommands().run(["sleep", "600"], timeout=0.1)

    assert caught.value.details == {"argv": ["sleep", "600"]}


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("sleep 600 & echo $! >$PID_FILE; wait", id="program and child"),
        pytest.param("sleep 600 & echo $! >$PID_FILE", id="child whose program has ended, with the output open"),
        pytest.param(
            "sh -c 'trap \"\" TERM; echo $$ >$PID_FILE; exec sleep 600' >/dev/null 2>&1 & wait",
            id="child that ignores the request and has closed the output",
        ),
        pytest.param("trap '' TERM; echo $$ >$PID_FILE; exec sleep 600", id="program that ignores the request"),
    ],
)
def test_late_program_is_stopped_with_what_it_started(
    pid_file: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(_command, "_GRACE", 0.2)

    with pytest.raises(CommandError, match="was stopped"):
        HostCommands().run(["sh", "-c", script], env={"PID_FILE": str(pid_file)}, timeout=STARTED)

    assert has_ended(int(pid_file.read_text()))


def test_late_program_may_clean_up(tmp_path: Path) -> None:
    script = "trap 'echo cleaned >cleaned; exit' TERM; while :; do sleep 0.05; done"

    with pytest.raises(CommandError):
        HostCommands().run(["sh", "-c", script], cwd=str(tmp_path), timeout=STARTED)

    assert (tmp_path / "cleaned").read_text() == "cleaned\n"


def test_program_is_stopped_when_the_module_is(pid_file: Path) -> None:
    def interrupt(*_: object) -> None:
        raise Interrupted("Stopped.")

    def interrupt_once_started() -> None:
        while not pid_file.exists() or not pid_file.read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        threading.Thread(target=interrupt_once_started).start()
        with pytest.raises(Interrupted):
            HostCommands().run(["sh", "-c", "sleep 600 & echo $! >$PID_FILE; wait"], env={"PID_FILE": str(pid_file)})
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert has_ended(int(pid_file.read_text()))


def test_service_that_a_program_started_is_left_alone(pid_file: Path) -> None:
    script = "sleep 600 >/dev/null 2>&1 </dev/null & echo $! >$PID_FILE"

    HostCommands().run(["sh", "-c", script], env={"PID_FILE": str(pid_file)}, timeout=60)

    assert is_alive(int(pid_file.read_text()))


def test_succeeded_gives_back_what_ended_well() -> None:
    completed = Completed(("true",), 0, "", "a warning")

    assert succeeded(completed, "Nothing") is completed


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        ("out\n", "reading\nno such table\n\n", "no such table"),
        ("reading\nno such table\n", " \n", "no such table"),
        ("", "", "it said nothing"),
    ],
)
def test_succeeded_tells_what_could_not_be_done(stdout: str, stderr: str, said: str) -> None:
    completed = Completed(("sqlite3", "a.db"), 1, stdout, stderr)

    with pytest.raises(CommandError) as caught:
        succeeded(completed, "The backup of a.db")

    assert caught.value.message == f"The backup of a.db failed: sqlite3 ended with exit code 1: {said}"
    assert caught.value.details == {"argv": ["sqlite3", "a.db"], "stdout": stdout, "stderr": stderr}
