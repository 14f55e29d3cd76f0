# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _command
from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands, child
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._types import FILE, Completed

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

    assert completed.succeeded("Nothing") is completed


@pytest.mark.parametrize(
    ("stdout", "stderr", "said"),
    [
        ("out\n", "reading\nno such table\n\n", "no such table"),
        ("reading\nno such table\n", " \n", "no such table"),
        # What comes after it is advice that helps nobody, or holds what is in the database.
        (
            "",
            "age: error: no identity matched\nage: report unexpected errors at home\n",
            "age: error: no identity matched",
        ),
        ("", "SET\nERROR:  duplicate key\nDETAIL:  Key (email)=(a@b.c) already exists.\n", "ERROR:  duplicate key"),
        ("", "LOG:  starting\n  FATAL:  no memory\nLOG:  shut down\n", "FATAL:  no memory"),
        ("", "no mirrors, terrors or errors\nlast\n", "last"),
        ("", "", "it said nothing"),
    ],
)
def test_succeeded_tells_what_could_not_be_done(stdout: str, stderr: str, said: str) -> None:
    completed = Completed(("sqlite3", "a.db"), 1, stdout, stderr)

    with pytest.raises(CommandError) as caught:
        completed.succeeded("The backup of a.db")

    assert caught.value.message == f"The backup of a.db failed: sqlite3 ended with exit code 1: {said}"
    assert caught.value.details == {"argv": ["sqlite3", "a.db"], "stdout": stdout, "stderr": stderr}


# A private file in memory.

SECRET = "s3cret p@ss"


def nobody(action: Callable[[], str]) -> str:
    """What the action gives for a user without rights."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads (pytest-xdist has one), whose locks the child would inherit. It takes none.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = os.fork()
    if not process:
        told = "nothing"
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            told = action()
        finally:
            os.write(writer, told.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(process, 0)
    return told


@pytest.mark.parametrize("content", ["", SECRET, "a\nb\n", "ü€", "x" * 3_000_000, "caf\udce9"])
def test_private_file_is_what_was_given(content: str) -> None:
    completed = HostCommands().run(["sha256sum", FILE], file=content)

    assert (completed.argv, completed.code) == (("sha256sum", FILE), 0)
    assert completed.stdout.split()[0] == hashlib.sha256(os.fsencode(content)).hexdigest()


@pytest.mark.parametrize(
    ("argv", "env"),
    [
        (["sh", "-c", 'cat "$1"', "sh", FILE], {}),
        (["sh", "-c", 'cat "${1#--defaults-file=}"', "sh", f"--defaults-file={FILE}"], {}),
        (["sh", "-c", f"cat {FILE}; test -r {FILE}"], {}),
        (["sh", "-c", 'cat "$PGPASSFILE"'], {"PGPASSFILE": FILE}),
        (["sh", "-c", 'cat "${CONF#file:}"'], {"CONF": f"file:{FILE}"}),
        # By a child's child.
        (["sh", "-c", 'sh -c "cat $1"; true', "sh", FILE], {}),
    ],
)
def test_private_file_is_wherever_its_path_is_asked_for(argv: list[str], env: dict[str, str]) -> None:
    assert HostCommands().run(argv, env=env, file=SECRET).stdout == SECRET


def test_private_file_can_be_read_again_and_again() -> None:
    assert HostCommands().run(["cat", FILE, FILE], file=SECRET).stdout == SECRET * 2


def test_private_file_is_in_memory_alone_and_nowhere_else() -> None:
    script = """
import os, pathlib, stat, sys
path = sys.argv[1]
print(os.readlink("/proc/self/fd/" + path.rpartition("/")[2]))
print(stat.filemode(os.stat(path).st_mode), os.stat(path).st_uid == os.geteuid())
print([name for name in ("cmdline", "environ") if sys.argv[2][::-1] in pathlib.Path("/proc/self", name).read_text()])
"""
    completed = HostCommands().run([sys.executable, "-c", script, FILE, SECRET[::-1]], file=SECRET)

    # libpq wants a plain file that only its owner can read.
    assert completed.stdout.splitlines() == ["/memfd:shipshape (deleted)", "-rw------- True", "[]"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_private_file_is_closed_to_other_users() -> None:
    with child(["cat", FILE, "-"], {}, SECRET) as arguments:
        [descriptor] = arguments["pass_fds"]
        process = subprocess.Popen(**arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.read(len(SECRET)) == SECRET.encode()
    path = f"/proc/{process.pid}/fd/{descriptor}"

    def read() -> str:
        try:
            return Path(path).read_text()
        except PermissionError:
            return "refused"

    assert Path(path).read_text() == SECRET
    assert nobody(read) == "refused"
    process.communicate()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_private_file_is_closed_to_a_program_of_another_user() -> None:
    completed = HostCommands().run(["setpriv", "--reuid", "65534", "--clear-groups", "cat", FILE], file=SECRET)

    assert (completed.code, completed.stdout) == (1, "")
    assert "Permission denied" in completed.stderr


def test_private_file_goes_to_its_program_alone() -> None:
    with child(["true"], {}, SECRET):
        listed = subprocess.run(
            ["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True, check=True
        )

    assert "memfd" not in listed.stdout


@pytest.mark.parametrize(
    ("argv", "content"), [(["true"], SECRET), (["nosuchprogram"], SECRET), (["a\0b"], SECRET), (["true"], "\ud800")]
)
def test_private_file_does_not_stay_open(argv: list[str], content: str) -> None:
    before = os.listdir("/proc/self/fd")

    with contextlib.suppress(CommandError):
        HostCommands().run(argv, file=content)

    assert os.listdir("/proc/self/fd") == before


def test_private_file_that_cannot_be_told_does_not_tell_what_it_was_to_hold() -> None:
    with pytest.raises(CommandError, match="cat cannot be run") as caught:
        HostCommands().run(["cat", FILE], file=f"{SECRET}\ud800")

    assert SECRET not in caught.value.message + str(caught.value.details)


def test_path_without_a_file_is_told() -> None:
    with pytest.raises(CommandError, match="cat cannot be run"):
        HostCommands().run(["cat", FILE])


def test_late_program_with_a_private_file_is_stopped_with_what_it_started(pid_file: Path) -> None:
    script = "sleep 600 & echo $! >$PID_FILE; wait"

    with pytest.raises(CommandError, match="was stopped"):
        HostCommands().run(["sh", "-c", script, FILE], env={"PID_FILE": str(pid_file)}, file=SECRET, timeout=STARTED)

    assert has_ended(int(pid_file.read_text()))


# Which programs are there.


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["sh"], "sh"),
        (["nosuchprogram", "cat", "sh"], "cat"),
        (["/bin/sh"], "/bin/sh"),
        (["/nowhere/sh", "sh"], "sh"),
        (["nosuchprogram"], None),
        (["/etc/passwd"], None),
        ([], None),
    ],
)
def test_the_first_program_that_is_there_is_found(asked: list[str], found: str | None) -> None:
    assert HostCommands().find(*asked) == found


@pytest.mark.parametrize("path", [None, "/nowhere"])
def test_what_can_be_run_is_found(monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    if path is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", path)

    assert HostCommands().find("env") == "env"
    assert HostCommands().run(["env"]).code == 0


def test_command_is_shown_without_the_mark_of_its_file() -> None:
    with pytest.raises(CommandError) as failed:
        HostCommands().run(["no-such-program", f"--file={FILE}"], file="secret")
    assert failed.value.details["argv"] == ["no-such-program", "--file=(a private file)"]
