# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _command, _server
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import CommandError, FileError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._server import HostServers

# For a process of its own, which finds the collection and Ansible where this one does.
PYTHONPATH = os.pathsep.join([str(Path(_server.__file__).parents[5]), *sys.path])

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run a server as another user")

# Says that it is ready, and serves.
SERVE = "echo $$ >pid.new; mv pid.new pid; exec sleep 600"


class Place:
    """A directory in which a server runs, and what is known of it there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log"

    def run(self, script: str, **options: Any) -> AbstractContextManager[None]:
        argv = ["sh", "-c", f"cd {self.path}; {script}"]
        return HostServers().running(argv, **{"is_ready": self.is_ready, "log": str(self.log), **options})

    def is_ready(self) -> bool:
        return (self.path / "pid").exists()

    def pid(self, name: str = "pid") -> int:
        return int((self.path / name).read_text())


@pytest.fixture
def place() -> Iterator[Place]:
    """One that every user can write to, which pytest's own are not."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o777)
    yield Place(directory)
    shutil.rmtree(directory)


def failure(server: AbstractContextManager[None]) -> CommandError:
    """How a server fails that is never ready."""
    with ExitStack() as stack, pytest.raises(CommandError) as caught:
        stack.enter_context(server)
    return caught.value


def is_there(pid: int) -> bool:
    """Also what has ended, until somebody asks how."""
    return Path(f"/proc/{pid}").exists()


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(is_true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_true()


def test_a_server_runs_while_it_is_needed(place: Place) -> None:
    with place.run(SERVE):
        assert is_running(place.pid())
    assert not is_there(place.pid())


def test_it_is_waited_for(place: Place) -> None:
    answers = iter([False, False, True])
    with place.run(SERVE, is_ready=lambda: next(answers)):
        assert list(answers) == []


def test_one_that_ends_early_is_told_with_its_last_words(place: Place) -> None:
    script = "echo starting; echo 'error: the port is taken' >&2; echo 'Good bye.'; exit 3"
    told = failure(place.run(script))
    assert told.message == "sh ended before it was ready: error: the port is taken"
    assert told.details == {"code": 3}


def test_one_that_says_nothing(place: Place) -> None:
    assert failure(place.run("exit 3")).message == "sh ended before it was ready: it said nothing"


def test_one_that_says_what_is_no_text(place: Place) -> None:
    told = failure(place.run(r"printf 'caf\351\n'; exit 3"))
    assert told.message == "sh ended before it was ready: caf\ufffd"


def test_another_server_is_not_taken_for_one_that_has_ended(place: Place) -> None:
    def is_ready() -> bool:
        """Whether somebody answers: not at first, and then somebody else."""
        has_been_asked = (place.path / "asked").exists()
        (place.path / "asked").touch()
        assert until(lambda: place.is_ready() and not is_running(place.pid()))
        return has_been_asked

    told = failure(place.run("echo $$ >pid.new; mv pid.new pid", is_ready=is_ready))
    assert told.message.startswith("sh ended before it was ready")


def test_one_that_is_never_ready_is_ended(place: Place) -> None:
    def is_ready() -> bool:
        assert until(place.is_ready)
        return False

    told = failure(place.run(f"echo waiting for the disk; {SERVE}", is_ready=is_ready, timeout=0))
    assert told.message == "sh was not ready after 0 seconds: waiting for the disk"
    assert not is_there(place.pid())


@pytest.mark.parametrize("error", [ValueError("x"), Interrupted("Stopped."), KeyboardInterrupt()])
def test_it_ends_when_the_context_is_left_by_an_error(place: Place, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, place.run(SERVE):
        raise error
    assert caught.value is error
    assert not is_there(place.pid())


def test_it_ends_when_nobody_can_tell_whether_it_is_ready(place: Place) -> None:
    def is_ready() -> bool:
        assert until(place.is_ready)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"), place.run(SERVE, is_ready=is_ready):
        pass
    assert not is_there(place.pid())


def test_it_may_clean_up(place: Place) -> None:
    with place.run("trap 'echo done >cleaned; exit' TERM; echo $$ >pid; while :; do sleep 0.05; done"):
        pass
    assert (place.path / "cleaned").exists()


def test_one_that_does_not_listen_is_killed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_server, "_GRACE", 0.2)
    with place.run(f"trap '' TERM; {SERVE}"):
        pass
    assert not is_there(place.pid())


def test_what_it_has_started_ends_with_it(place: Place) -> None:
    child = "sh -c 'trap \"\" TERM; echo $$ >child; exec sleep 600' &"
    with place.run(f"{child} while [ ! -s child ]; do sleep 0.01; done; {SERVE}"):
        assert is_running(place.pid("child"))
    assert until(lambda: not is_running(place.pid("child")))


@pytest.mark.parametrize("user", [None, pytest.param("nobody", marks=as_root)])
def test_it_dies_with_the_process_that_has_started_it(place: Place, user: str | None) -> None:
    script = f"""
import os, signal
from ansible_collections.shipshape.webapp.plugins.module_utils._server import HostServers
argv, ready = ["sh", "-c", "cd {place.path}; {SERVE}"], lambda: os.path.exists("{place.path}/pid")
with HostServers().running(argv, is_ready=ready, log="{place.log}", user={user!r}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": PYTHONPATH}, check=False)
    assert until(lambda: not is_running(place.pid()))


@as_root
def test_it_can_run_as_another_user(place: Place) -> None:
    """Whose group has another name than the user."""
    user = pwd.getpwnam("nobody")
    assert grp.getgrgid(user.pw_gid).gr_name != "nobody"
    with place.run(f"id -u >id; id -g >>id; id -G >>id; {SERVE}", user="nobody"):
        groups = " ".join(map(str, os.getgrouplist("nobody", user.pw_gid)))
        assert (place.path / "id").read_text().splitlines() == [str(user.pw_uid), str(user.pw_gid), groups]


def test_a_user_that_is_not_there(place: Place) -> None:
    told = failure(place.run(SERVE, user="nosuchuser"))
    assert told.message == "There is no user nosuchuser on this host, as whom a server is to run."


def test_it_has_an_environment_of_its_own(place: Place) -> None:
    with place.run(f'echo "$SECRET" >told; {SERVE}', environment={"SECRET": "s3cret"}):
        assert (place.path / "told").read_text() == "s3cret\n"
    assert "SECRET" not in os.environ


def test_it_reads_nothing(place: Place) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"typed")
    os.close(writer)
    before = os.dup(0)
    os.dup2(reader, 0)
    try:
        with place.run(f"cat >read; {SERVE}"):
            assert (place.path / "read").read_bytes() == b""
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reader)


def test_its_log_is_private(place: Place) -> None:
    before = os.umask(0)
    try:
        with place.run(f"echo out; echo err >&2; {SERVE}"):
            assert stat.S_IMODE(place.log.stat().st_mode) == 0o600
            assert place.log.read_text() == "out\nerr\n"
    finally:
        os.umask(before)


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("elsewhere")])
def test_its_log_is_a_new_file(place: Place, make: Callable[[Path], None]) -> None:
    make(place.log)
    with pytest.raises(FileError) as caught, place.run(SERVE):
        pass
    assert caught.value.message.startswith(f"{place.log} cannot be written, and what was there is as it was. It is the")
    assert not (place.path / "elsewhere").exists()
    assert not place.is_ready()


def test_a_server_that_is_not_installed(place: Place) -> None:
    server = HostServers().running(["nosuchserver"], is_ready=lambda: False, log=str(place.log))
    assert failure(server).message == (
        "nosuchserver ended before it was ready: setpriv: failed to execute nosuchserver: No such file or directory"
    )


def test_a_host_without_setpriv(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(_command, "_PATH", "/nowhere")
    assert failure(place.run(SERVE)).message == (
        "setpriv, or the interpreter that its first line names, is not installed on this host."
    )


def test_nothing_stays_open(place: Place) -> None:
    before = os.listdir("/proc/self/fd")
    with place.run(SERVE):
        pass
    place.log.unlink()
    failure(place.run("exit 1", is_ready=lambda: False))
    assert os.listdir("/proc/self/fd") == before
