# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _processes
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Holder, Processes, ProcessTable

PROCESSES: Processes = HostProcesses()
TABLE: ProcessTable = HostProcesses()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.db"
    path.touch()
    return path


@contextmanager
def program(
    path: Path, argv: Sequence[str] = ("sleep", "600"), *, executable: str | None = None, cwd: Path | None = None
) -> Iterator[int]:
    """The number of a process that has the file open."""
    with path.open() as file:
        process = subprocess.Popen(argv, stdin=file, executable=executable, cwd=cwd)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def test_file_that_nobody_has_open_has_no_holders(path: Path) -> None:
    assert PROCESSES.holding([str(path)]) == []
    assert PROCESSES.holding([]) == []


def test_holder_is_named(path: Path) -> None:
    with program(path) as pid:
        assert PROCESSES.holding([str(path)]) == [Holder(pid, "sleep")]
        assert [str(holder) for holder in PROCESSES.holding([str(path)])] == [f"process {pid} (sleep)"]

    assert PROCESSES.holding([str(path)]) == []


def test_holders_of_all_files_are_named_once_and_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("data.db", "data.db-wal", "other")]
    for path in paths:
        path.touch()
    with ExitStack() as stack:
        pids = [stack.enter_context(program(path)) for path in (*paths, paths[0])]

        found = PROCESSES.holding([str(paths[1]), str(paths[0]), str(paths[0]), str(tmp_path / "gone")])

    assert [holder.pid for holder in found] == sorted([pids[0], pids[1], pids[3]])


@pytest.mark.parametrize("kind", ["symbolic link", "hard link"])
def test_file_is_known_by_every_name(path: Path, kind: str) -> None:
    other = path.with_name("other")
    if kind == "hard link":
        os.link(path, other)
    else:
        other.symlink_to(path)

    with program(path) as pid:
        assert PROCESSES.holding([str(other)]) == [Holder(pid, "sleep")]
    with program(other) as pid:
        assert PROCESSES.holding([str(path)]) == [Holder(pid, "sleep")]


def test_file_that_took_the_place_of_another_is_not_that(path: Path) -> None:
    with program(path):
        new = path.with_name("new")
        new.touch()
        new.replace(path)

        assert PROCESSES.holding([str(path)]) == []


def test_own_process_is_named_if_asked_for(path: Path) -> None:
    with path.open():
        assert PROCESSES.holding([str(path)]) == []
        assert [holder.pid for holder in PROCESSES.holding([str(path)], itself=True)] == [os.getpid()]


@pytest.mark.parametrize(
    ("argv", "executable", "shown"),
    [
        (["sleep", "600", "0"], None, "sleep"),
        (["/bin/sleep", "600"], None, "sleep"),
        ([sys.executable, "server.py", "--token=s3cret"], None, "{python} server.py"),
        ([sys.executable, "-u", "-W", "ignore", "server.py", "s3cret"], None, "{python} server.py"),
        ([sys.executable, "-c", "'s3cret'; import time; time.sleep(600)"], None, "{python}"),
        (["sh", "-c", "read x; exec sleep 600", "s3cret"], "/bin/sh", None),
        # A title that the process gave itself.
        (["node /srv/server.js --token=s3cret", "600"], "/bin/sleep", "node"),
        (["nginx: worker process", "600"], "/bin/sleep", "nginx:"),
    ],
)
def test_only_program_and_script_are_shown(
    path: Path, argv: list[str], executable: str | None, shown: str | None
) -> None:
    path.with_name("server.py").write_text("import time\ntime.sleep(600)\n")

    with program(path, argv, executable=executable, cwd=path.parent) as pid:
        [holder] = PROCESSES.holding([str(path)])

    assert holder.pid == pid
    assert "s3cret" not in str(holder)
    if shown is not None:
        assert holder.command == shown.format(python=os.path.basename(sys.executable))


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["node", "server.js", "--token=s3cret"], "node server.js"),
        (["/usr/bin/node", "/srv/app/main.js"], "node /srv/app/main.js"),
        (["node", "--require", "dotenv/config", "server.js"], "node server.js"),
        (["node", "-r", "server.js", "dist/app.js"], "node dist/app.js"),
        (["node", "--env-file", ".env", "--enable-source-maps", "server.js"], "node server.js"),
        (["node", "--env-file=.env", "server.js"], "node server.js"),
        (["node", "-e", "s3cret", "server.js"], "node"),
        (["node", "--import"], "node"),
        (["node"], "node"),
        (["node", "", "server.js"], "node server.js"),
        (["node", "dist"], "node"),
        (["python3", "-m", "gunicorn", "server.js"], "python3"),
        (["python3.11", "server.js"], "python3.11 server.js"),
        (["nodemon", "server.js"], "nodemon"),
        (["sqlite3", "server.js"], "sqlite3"),
        (["sh", "-c", "s3cret"], "sh"),
        (["/opt/a b/s3cret"], "a"),
        ([""], "a program without a name"),
    ],
)
def test_script_is_the_first_file_that_is_no_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], shown: str
) -> None:
    for script in ("app/server.js", "app/dist/app.js", "app/.env", "srv/app/main.js"):
        (tmp_path / script).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / script).touch()
    process = tmp_path / "proc" / "7"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "0").symlink_to(tmp_path / "app/.env")
    (process / "cwd").symlink_to(tmp_path / "app")
    (process / "root").symlink_to(tmp_path)
    (process / "cmdline").write_text("\0".join([*argv, ""]))
    monkeypatch.setattr(_processes, "_PROC", str(tmp_path / "proc"))

    assert PROCESSES.holding([str(tmp_path / "app/.env")]) == [Holder(7, shown)]


def test_process_that_ends_or_may_not_be_seen_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.db"
    path.touch()
    proc = tmp_path / "proc"
    # Ended before its files were listed, after it, and before its arguments were read.
    (proc / "7").mkdir(parents=True)
    (proc / "8" / "fd").mkdir(parents=True)
    (proc / "8" / "fd" / "3").symlink_to("gone")
    for process in ("11", "9", "100", "10"):
        (proc / process / "fd").mkdir(parents=True)
        (proc / process / "fd" / "3").symlink_to(path)
    (proc / "self").mkdir()
    monkeypatch.setattr(_processes, "_PROC", str(proc))

    assert PROCESSES.holding([str(path)]) == [
        Holder(process, "a program without a name") for process in (9, 10, 11, 100)
    ]


def test_process_is_told_apart() -> None:
    # For a moment after it has begun, a program has no arguments.
    argv = [sys.executable, "-c", "print(flush=True); input()", "hidden"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        found = TABLE.at(child.pid)
        own = TABLE.at(os.getpid())
        assert found is not None
        assert own is not None
        assert (found.pid, found.parent, found.title) == (child.pid, os.getpid(), " ".join(argv))
        assert found.program == os.path.realpath(sys.executable)
        assert found in TABLE.all()
        assert TABLE.at(child.pid) == found
        assert own.began != found.began
        assert "hidden" not in repr(found)
        child.communicate(b"\n")


def test_process_that_has_ended_is_none() -> None:
    child = subprocess.Popen(["true"])
    # It stays a zombie until it is waited for.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert TABLE.at(child.pid) is None
    assert child.pid not in [process.pid for process in TABLE.all()]

    child.wait()
    assert TABLE.at(child.pid) is None


def test_program_that_was_replaced_keeps_its_path(tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copy("/bin/sleep", own)
    with subprocess.Popen([own, "600"]) as child:
        try:
            own.unlink()
            found = TABLE.at(child.pid)
            assert found is not None
            assert found.program == str(own)
        finally:
            child.kill()


def test_signal_reaches_the_process_and_no_other() -> None:
    # For a moment after it has begun, a program has no arguments.
    argv = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        found = TABLE.at(child.pid)
        assert found is not None
        assert not TABLE.signal(replace(found, began="1"), signal.SIGKILL)
        assert TABLE.at(child.pid) == found
        assert TABLE.signal(found, signal.SIGTERM)
        assert child.wait() == -signal.SIGTERM

    assert not TABLE.signal(found, signal.SIGTERM)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_signal_that_is_not_permitted_is_told() -> None:
    read_end, write_end = os.pipe()
    first = TABLE.at(1)
    assert first is not None
    child = os.fork()
    if not child:
        os.setuid(65534)
        try:
            TABLE.signal(first, 0)
        except CommandError as error:
            os.write(write_end, error.message.encode())
        os._exit(0)
    os.close(write_end)
    with open(read_end, encoding="utf-8") as told:
        assert told.read().endswith("cannot be sent a signal: run as its user or as root, for example with become.")
    os.waitpid(child, 0)


@contextmanager
def sleeping(cwd: Path, *, user: int | None = None, environment: Sequence[str] = ()) -> Iterator[int]:
    """The number of a process that has begun in a directory, as another user if one is given."""
    argv = ["env", "-i", "-C", str(cwd), *environment, "sh", "-c", "echo; exec sleep 600"]
    groups = None if user is None else ()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, user=user, group=user, extra_groups=groups) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


def test_directory_and_environment_are_known(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with sleeping(place, environment=["NAME=a value", "OTHER="]) as pid:
        assert TABLE.directory(pid) == str(place)
        assert {"NAME=a value", "OTHER="} <= set((TABLE.environment(pid) or "").split("\0"))

        place.rmdir()

        assert TABLE.directory(pid) == f"{place} (deleted)"


def test_memory_is_known() -> None:
    # As the kernel tells it elsewhere.
    status = Path(f"/proc/{os.getpid()}/status").read_text().split()
    expected = int(status[status.index("VmRSS:") + 1]) * 1024

    assert TABLE.memory(os.getpid()) == pytest.approx(expected, rel=0.1)


def test_nothing_is_known_of_what_has_ended() -> None:
    ended = subprocess.Popen(["true"])
    # It stays a zombie until somebody asks for its exit code.
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert (TABLE.directory(ended.pid), TABLE.environment(ended.pid) or None) == (None, None)
    ended.wait()

    assert (TABLE.directory(ended.pid), TABLE.environment(ended.pid), TABLE.memory(ended.pid)) == (None, None, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can begin processes of others")
def test_root_looks_as_the_owner_where_it_may_not_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    looked, readlink = [], os.readlink

    def refuse_root(path: str) -> str:
        looked.append((os.geteuid(), os.getegid()))
        if not os.geteuid():
            raise PermissionError
        return readlink(path)

    with sleeping(Path("/"), user=65534) as pid:
        monkeypatch.setattr(os, "readlink", refuse_root)

        assert TABLE.directory(pid) == "/"

    assert looked == [(0, 0), (65534, 65534)]
    assert (os.geteuid(), os.getegid()) == (0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another user")
def test_others_learn_nothing_of_processes_that_are_not_theirs() -> None:
    code = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from {HostProcesses.__module__} import HostProcesses as H
os.setgid(65534), os.setuid(65534)
print(H().directory({os.getpid()}), H().environment({os.getpid()}), H().memory({os.getpid()}) > 0, os.geteuid())
"""
    # The interpreter and its packages may stand where only root can read, so it imports before.
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.split() == ["None", "None", "True", "65534"]
