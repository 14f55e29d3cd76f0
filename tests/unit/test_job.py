# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that cron starts, as a process of its own, with directories of the test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils import _job
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import parse

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, as cron has it, to take on the job's user")

PROGRAM = """
import sys
from ansible_collections.shipshape.webapp.plugins.module_utils import _job
room = sys.argv[1]
for name in ("DEFINITIONS", "LOGS", "LOCKS", "METRICS"):
    setattr(_job, name, f"{room}/{name.lower()}")
def note(level, words):
    with open(f"{room}/syslog", "a") as file:
        file.write(f"{words}\\n")
_job.syslog.syslog = note
sys.exit(_job.main(sys.argv[2:]))
"""
DAY = datetime.now().astimezone().date()


class Room:
    """The directories that the program uses, and what it leaves there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "definitions").mkdir()
        self.started: list[subprocess.Popen[str]] = []

    def define(self, name: str = "job", **options: Any) -> None:
        definition = {
            "name": name,
            "at": "0 3 * * *",
            "user": "root",
            "argv": ["true"],
            "directory": str(self.directory),
            "environment_file": None,
            "environment": {},
            "timeout": 60,
            "grace": 5,
            "random_delay": 0,
            "keep_logs": 30,
            "lock": name,
            "on_failure": [],
            **options,
        }
        (self.directory / f"definitions/{name}.json").write_text(json.dumps(definition))

    def shell(self, script: str, name: str = "job", **options: Any) -> None:
        self.define(name, argv=["/bin/sh", "-c", script], **options)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.directory), *arguments],
            env={"PYTHONPATH": os.pathsep.join(sys.path), "NOT_OF_THE_JOB": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0o077,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*(arguments or ("job",)))
        printed, _nothing = process.communicate(timeout=60)
        return process.returncode, printed

    def log(self, name: str = "job") -> str:
        return (self.directory / f"logs/{name}/{DAY.isoformat()}.log").read_text()

    def said(self, name: str = "job") -> list[str]:
        return [line for line in self.log(name).splitlines() if not line.startswith("===")]

    def metrics(self, name: str = "job") -> dict[str, float]:
        text = (self.directory / f"metrics/job_{name}.prom").read_text()
        lines = [line.removeprefix("shipshape_job_").split() for line in text.splitlines() if not line.startswith("#")]
        return {metric.replace(f'{{name="{name}"}}', ""): float(value) for metric, value in lines}


@pytest.fixture
def room(open_directory: Path) -> Iterator[Room]:
    room = Room(open_directory)
    yield room
    for process in room.started:
        process.kill()
        process.communicate()


def wait_for(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


@as_root
def test_success_prints_nothing_and_leaves_a_log_and_metrics(room: Room) -> None:
    room.shell("echo out; echo err >&2")
    before = time.time()
    assert room.run() == (0, "")
    assert re.fullmatch(
        r"=== \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} start \(process \d+\)\n"
        r"out\nerr\n=== \S+ done after \d+\.\d s\.\n",
        room.log(),
    )
    metrics = room.metrics()
    assert before <= metrics["last_start_timestamp_seconds"] <= metrics["last_success_timestamp_seconds"] <= time.time()
    assert {name: value for name, value in metrics.items() if "last_" not in name} == {
        "runs_total": 1,
        "failures_total": 0,
        "skipped_total": 0,
    }
    assert (metrics["last_exit_code"], metrics["last_duration_seconds"] < 20) == (0, True)
    assert not (room.directory / "syslog").exists()
    assert (room.directory / "logs/job").stat().st_mode & 0o777 == 0o750
    assert (room.directory / f"logs/job/{DAY}.log").stat().st_mode & 0o777 == 0o640
    assert (room.directory / "metrics/job_job.prom").stat().st_mode & 0o777 == 0o644


@as_root
def test_at_once_prints_how_it_went(room: Room) -> None:
    room.define(random_delay=10**6)
    code, printed = room.run("job", "--now")
    assert code == 0
    assert re.fullmatch(r"job: done after \d+\.\d s\.\n", printed)


@as_root
def test_failure_prints_a_line_and_the_last_twenty_of_the_log(room: Room) -> None:
    room.shell("seq 30; printf 'no end'; exit 3")
    code, printed = room.run()
    assert code == 3
    first, *rest = printed.splitlines()
    assert re.fullmatch(rf"job: failed with exit code 3 after \d+\.\d s\. The log is \S+/logs/job/{DAY}\.log\.", first)
    assert rest == [*(str(number) for number in range(12, 31)), "no end"]
    assert (room.directory / "syslog").read_text() == f"{first}\n"
    # What we say begins a line of its own.
    assert re.search(r"^no end\n=== \S+ failed with exit code 3 ", room.log(), re.MULTILINE)
    assert room.run()[0] == 3
    metrics = room.metrics()
    assert (metrics["runs_total"], metrics["failures_total"], metrics["last_exit_code"]) == (2, 2, 3)
    assert "last_success_timestamp_seconds" not in metrics


@as_root
def test_last_success_stays_known_when_a_run_fails(room: Room) -> None:
    room.define()
    room.run()
    success = room.metrics()["last_success_timestamp_seconds"]
    room.define(argv=["false"])
    room.run()
    assert room.metrics()["last_success_timestamp_seconds"] == success


@as_root
def test_end_by_a_signal_is_a_failure(room: Room) -> None:
    room.shell("kill -SEGV $$")
    code, printed = room.run()
    assert code == 139
    assert printed.startswith("job: ended by signal 11 after ")


@as_root
def test_job_has_the_rights_of_its_user_and_an_environment_of_its_own(room: Room) -> None:
    room.shell(
        "id -un; id -Gn; umask; ps -o sid= -p $$ | tr -d ' ' | grep -qx $$ && echo leads; pwd;"
        "readlink /proc/self/fd/0; echo open >/dev/stderr; env | grep -v ^PWD= | sort",
        user="nobody",
        environment={"EXTRA": "ä b # c"},
    )
    assert room.run() == (0, "")
    assert room.said() == [
        "nobody",
        "nogroup",
        "0077",
        "leads",
        str(room.directory),
        "/memfd:stdin (deleted)",
        "open",
        "EXTRA=ä b # c",
        "HOME=/nonexistent",
        "LANG=C.UTF-8",
        "LOGNAME=nobody",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL=/bin/sh",
        "USER=nobody",
    ]


@as_root
def test_environment_file_comes_before_what_the_job_says(room: Room) -> None:
    file = room.directory / ".env"
    file.write_text("A='1 # one'\nB=2\nHOME=/elsewhere\n")
    room.shell('echo "$A-$B-$HOME"', environment_file=str(file), environment={"B": "3"})
    room.run()
    assert room.said() == ["1 # one-3-/elsewhere"]


@as_root
def test_it_runs_in_the_home_unless_a_directory_is_given(room: Room) -> None:
    room.shell("pwd", directory=None)
    room.run()
    assert room.said() == [os.path.expanduser("~root")]


@as_root
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"user": "nobody-there"}, "there is no user nobody-there on this host."),
        ({"argv": ["/no/such"]}, "/no/such cannot be run: No such file or directory."),
        (
            {"directory": "{room}/current/backend"},
            "the directory {room}/current/backend cannot be entered: {room}/current does not exist.",
        ),
        (
            {"directory": "{room}/broken/backend"},
            "the directory {room}/broken/backend cannot be entered: {room}/broken is a link that leads nowhere.",
        ),
        ({"directory": "{room}/file"}, "the directory {room}/file cannot be entered: Not a directory."),
        (
            {"directory": "{room}/closed", "user": "nobody"},
            "the directory {room}/closed cannot be entered: Permission denied.",
        ),
        (
            {"environment_file": "{room}/none"},
            "the environment file {room}/none cannot be read: {room}/none does not exist.",
        ),
        (
            {"environment_file": "{room}/closed/.env", "user": "nobody"},
            "the environment file {room}/closed/.env cannot be read: Permission denied.",
        ),
        ({"environment_file": "{room}/nul"}, "the environment file {room}/nul has a NUL in a value."),
        (
            {"environment_file": "{room}/endless"},
            "the environment file {room}/endless is no plain file of at most 1024 KiB.",
        ),
        (
            {"environment_file": "{room}/large"},
            "the environment file {room}/large is no plain file of at most 1024 KiB.",
        ),
    ],
)
def test_what_keeps_a_job_from_beginning_is_one_line(room: Room, options: dict[str, Any], told: str) -> None:
    (room.directory / "broken").symlink_to("releases/9")
    (room.directory / "closed").mkdir(mode=0o700)
    (room.directory / "endless").symlink_to("/dev/zero")
    (room.directory / "large").write_bytes(b"#" * (1024 * 1024 + 1))
    for name in ("file", "closed/.env"):
        (room.directory / name).touch()
    (room.directory / "nul").write_text("A=canary\0\n")
    room.define(
        **{
            name: value.format(room=room.directory) if isinstance(value, str) else value
            for name, value in options.items()
        }
    )
    code, printed = room.run()
    line = f"not started: {told.format(room=room.directory)}"
    assert (code, printed) == (127, f"job: {line} The log is {room.directory}/logs/job/{DAY}.log.\n")
    assert room.log().endswith(f" {line}\n")
    assert room.metrics()["failures_total"] == 1


_DAMAGED = "it is damaged, so write it anew."


def test_job_that_is_not_defined_or_damaged_is_one_line(room: Room) -> None:
    path = room.directory / "definitions/job.json"
    assert room.run() == (127, f"job: not started: there is no such job ({path} does not exist).\n")
    for damaged in ("{", '{"name": 5}', "[]", "\udc80"):
        path.write_bytes(damaged.encode(errors="surrogateescape"))
        code, printed = room.run()
        assert (code, printed) == (
            127,
            f"job: not started: its definition {path} cannot be read: {_DAMAGED}\n",
        )


@pytest.mark.parametrize("arguments", [(), ("job", "--later"), ("--now",), ("job", "--now", "more"), ("--help",)])
def test_wrong_arguments_are_answered_with_the_right_ones(room: Room, arguments: tuple[str, ...]) -> None:
    process = room.start(*arguments)
    printed, _nothing = process.communicate(timeout=60)
    assert (process.returncode, printed) == (2, "Usage: job NAME [--now] | job --list\n")


@as_root
def test_second_run_is_skipped_and_counted_but_is_no_failure(room: Room) -> None:
    room.shell(f"echo $$ >{room.directory}/began; exec sleep 600", lock="shared")
    room.define("other", lock="shared")
    first = room.start("job")
    wait_for((room.directory / "began").exists)
    wait_for((room.directory / "began").read_text)
    for name in ("job", "other"):
        code, printed = room.run(name, "--now")
        assert code == 75
        assert re.fullmatch(
            rf"{name}: skipped, as the lock shared is held by job since \S+ \(process {first.pid}\)\.\n", printed
        )
        assert " skipped, as the lock" in room.log(name)
    assert room.metrics("other") == {"runs_total": 0, "failures_total": 0, "skipped_total": 1}
    assert (room.metrics()["runs_total"], room.metrics()["skipped_total"]) == (1, 1)
    first.terminate()
    assert first.wait(20) == 143
    assert room.run("other") == (0, "")


@as_root
def test_processes_keep_the_lock_when_the_program_is_killed(room: Room) -> None:
    room.shell(f"echo $$ >{room.directory}/pid; exec sleep 600")
    first = room.start("job")
    wait_for(lambda: (room.directory / "pid").exists() and (room.directory / "pid").read_text())
    first.kill()
    first.wait()
    pid = (room.directory / "pid").read_text().strip()
    try:
        assert room.run()[0] == 75
    finally:
        os.kill(int(pid), signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))
    room.define()
    assert room.run()[0] == 0


FAMILY = """
trap '' TERM
note() { echo $$ >>{room}/pids; exec sleep 600; }
setsid sh -c 'echo $$ >>{room}/pids; exec sleep 600' &
setsid setsid sh -c 'sh -c "echo \\$\\$ >>{room}/pids; exec sleep 600" & exit' &
(sh -c 'echo $$ >>{room}/pids; exec sleep 600' &)
while [ "$(wc -l <{room}/pids)" -lt 3 ]; do sleep 0.02; done
kill -STOP $(head -n 1 {room}/pids)
touch {room}/all
sleep 600
"""


def family(room: Room) -> list[str]:
    return (room.directory / "pids").read_text().split()


@as_root
def test_timeout_ends_all_processes_even_those_that_left_the_session_or_ignore_it(room: Room) -> None:
    (room.directory / "pids").touch()
    room.shell(FAMILY.replace("{room}", str(room.directory)), timeout=3, grace=1)
    code, printed = room.run()
    assert code == 124
    assert re.match(r"job: timed out, as it may take 3 s, and was ended after [4-9]\.\d s\.", printed)
    assert (room.directory / "all").exists()
    assert [pid for pid in family(room) if is_alive(pid)] == []
    assert room.metrics()["last_exit_code"] == 124


@as_root
def test_end_of_the_program_is_the_end_of_all_processes(room: Room) -> None:
    (room.directory / "pids").touch()
    room.shell(FAMILY.replace("{room}", str(room.directory)), grace=1, on_failure=["touch", f"{room.directory}/told"])
    process = room.start("job")
    wait_for((room.directory / "all").exists)
    process.terminate()
    printed, _nothing = process.communicate(timeout=20)
    assert process.returncode == 143
    assert printed.startswith("job: stopped after ")
    assert [pid for pid in family(room) if is_alive(pid)] == []
    # There is no time for more where the host goes down.
    assert not (room.directory / "told").exists()


@as_root
@pytest.mark.parametrize("first", [":", "kill -STOP $$"])
def test_grace_lets_a_job_end_by_itself_even_one_that_is_stopped(room: Room, first: str) -> None:
    room.shell(f"trap 'sleep 1; echo bye; exit 0' TERM; {first}; while :; do sleep 0.05; done", timeout=1, grace=20)
    code, printed = room.run()
    assert code == 124
    assert printed.endswith("\nbye\n")


@as_root
def test_what_a_job_leaves_behind_is_ended(room: Room) -> None:
    (room.directory / "pids").touch()
    room.shell(
        f"setsid sh -c 'echo $$ >>{room.directory}/pids; exec sleep 600' & "
        f"while [ ! -s {room.directory}/pids ]; do sleep 0.02; done; echo end"
    )
    assert room.run() == (0, "")
    assert [pid for pid in family(room) if is_alive(pid)] == []
    assert " what it left behind is ended (processes: 1).\n" in room.log()


@as_root
def test_a_signal_while_it_waits_for_its_turn_ends_it(room: Room) -> None:
    room.define(random_delay=10**6)
    process = room.start("job")
    wait_for(lambda: _catches(process.pid, signal.SIGTERM))
    process.terminate()
    assert process.communicate(timeout=20)[0] == "job: was stopped before it began.\n"
    assert process.returncode == 143
    assert not (room.directory / "logs").exists()


def _catches(pid: int, number: int) -> bool:
    found = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(found and int(found[1], 16) >> (number - 1) & 1)


@as_root
def test_who_is_told_of_a_failure_gets_facts_and_the_last_lines(room: Room) -> None:
    told = room.directory / "told"
    told.touch()
    told.chmod(0o666)
    script = f"{{ id -un; pwd; env | grep -E '^(JOB_|KEY)' | sort; cat /dev/stdin; }} >{told}"
    room.shell("seq 30; exit 3", user="nobody", environment={"KEY": "x"}, on_failure=["/bin/sh", "-c", script])
    assert room.run()[0] == 3
    lines = told.read_text().splitlines()
    assert lines[:6] == [
        "nobody",
        "/",
        "JOB_EXIT=3",
        f"JOB_LOG={room.directory}/logs/job/{DAY}.log",
        "JOB_NAME=job",
        lines[5],
    ]
    assert re.fullmatch(r"JOB_REASON=failed with exit code 3 after \d+\.\d s\.", lines[5])
    assert lines[6:] == ["KEY=x", *(str(number) for number in range(11, 31))]


@as_root
@pytest.mark.parametrize(
    ("argv", "trouble"),
    [(["false"], "failed with exit code 1"), (["/no/such"], "/no/such cannot be run: No such file or directory.")],
)
def test_trouble_with_telling_is_told_and_does_not_change_the_exit_code(
    room: Room, argv: list[str], trouble: str
) -> None:
    room.define(argv=["sh", "-c", "exit 4"], on_failure=argv)
    code, printed = room.run()
    assert code == 4
    assert printed.splitlines()[-1] == f"job: on_failure: {trouble}"
    assert room.log().endswith(f" on_failure: {trouble}\n")


@as_root
def test_nobody_is_told_of_a_success(room: Room) -> None:
    room.define(on_failure=["touch", f"{room.directory}/told"])
    room.run()
    assert not (room.directory / "told").exists()


@as_root
def test_full_disk_is_one_line_and_the_job_runs(room: Room) -> None:
    (room.directory / "logs/job").mkdir(parents=True)
    (room.directory / f"logs/job/{DAY}.log").symlink_to("/dev/full")
    (room.directory / "metrics").symlink_to("/dev/full")
    room.shell(f"seq 3; touch {room.directory}/ran; seq 4 5")
    code, printed = room.run()
    assert code == 0
    assert printed.splitlines() == [
        f"job: its log {room.directory}/logs/job/{DAY}.log cannot be written, and it runs without: "
        "No space left on device.",
        "job: its metrics cannot be written: File exists.",
    ]
    assert (room.directory / "ran").exists()
    room.shell("echo why; exit 3")
    assert room.run()[1].endswith("\nwhy\n")


@as_root
def test_old_logs_go_and_what_is_no_log_stays(room: Room) -> None:
    logs = room.directory / "logs/job"
    logs.mkdir(parents=True)
    for days in (1, 2, 3, 4, 40):
        (logs / f"{DAY - timedelta(days=days)}.log").touch()
    for name in ("2001-01-01.log.gz", "notes"):
        (logs / name).touch()
    room.define(keep_logs=2)
    room.run()
    kept = [f"{DAY - timedelta(days=days)}.log" for days in (0, 1, 2)]
    assert sorted(path.name for path in logs.iterdir()) == sorted([*kept, "2001-01-01.log.gz", "notes"])


@as_root
def test_job_that_is_removed_while_it_runs_is_watched_no_more(room: Room) -> None:
    room.shell(f"rm {room.directory}/definitions/job.json {room.directory}/metrics/job_job.prom")
    assert room.run() == (0, "")
    assert list((room.directory / "metrics").iterdir()) == []


@as_root
def test_damaged_metrics_are_begun_anew(room: Room) -> None:
    (room.directory / "metrics").mkdir()
    (room.directory / "metrics/job_job.prom").write_bytes(b"\xff{")
    room.define()
    room.run()
    assert room.metrics()["runs_total"] == 1


@as_root
def test_list_tells_how_each_job_went(room: Room) -> None:
    room.define("b", argv=["false"])
    room.define("a")
    room.run("b")
    (room.directory / "definitions/c.json").write_text("{}")
    code, printed = room.run("--list")
    assert code == 0
    never, failed, damaged = printed.splitlines()
    assert damaged == f"c\t-\tits definition {room.directory}/definitions/c.json cannot be read: {_DAMAGED}"
    assert never == "a\t0 3 * * *\tnever run"
    assert re.fullmatch(rf"b\t0 3 \* \* \*\tlast {DAY}T\S+, exit code 1", failed)


@as_root
def test_no_value_of_the_environment_file_is_in_anything_that_we_write(room: Room) -> None:
    file = room.directory / ".env"
    file.write_text("KEY='canary #7'\nBAD\n")
    room.define(environment_file=str(file), argv=["sh", "-c", "test ${#KEY} = 9 && exit 3"])
    code, printed = room.run()
    assert code == 3
    left = [path.read_text() for path in room.directory.rglob("*") if path.is_file() and path != file]
    assert not [text for text in (*left, printed) if "canary" in text]


TEXTS = st.lists(
    st.sampled_from([*"ab1_.- =:#'\"`\\\n\n\n$\té\r\ufeff\u2028", "A=", "B='", "\nexport ", "'\n", '"\n', "\\n"]),
    max_size=60,
).map("".join)


@given(text=TEXTS)
@example("A='a b # c'\nexport B=\"x\\ny\" # z\nC: d\nD=`'\"`\nE\nF='two\nlines'")
def test_environment_file_is_read_as_all_of_the_collection_reads_it(text: str) -> None:
    assert _job.parse_environment(text) == parse(text).values


def test_no_list_is_one_line_too(room: Room) -> None:
    (room.directory / "definitions").rmdir()
    assert room.run("--list") == (127, f"{room.directory}/definitions cannot be read: No such file or directory.\n")
