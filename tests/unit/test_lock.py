# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import resource
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _lock
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, LockHeld
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks

# For a process of its own, which finds the collection and Ansible where this one does.
PYTHONPATH = os.pathsep.join([str(Path(_lock.__file__).parents[5]), *sys.path])

HOLDER = """
import sys
import time
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
kind, path = sys.argv[1:]
lock = HostLocks().hold_directory(path) if kind == "directory" else HostLocks().hold(path, purpose="a deployment")
with lock:
    print("held", flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that holds the lock until it is told to let go, or killed."""

    def __init__(self, kind: str, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, kind, path],
            env={"PYTHONPATH": PYTHONPATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"held\n"

    def let_go(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=["file", "directory"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(kind: str, tmp_path: Path) -> Path:
    return tmp_path if kind == "directory" else tmp_path / "lock"


@pytest.fixture
def holder(kind: str, path: Path) -> Iterator[Holder]:
    holder = Holder(kind, path)
    yield holder
    holder.kill()


def lock(kind: str, path: Path, wait: float = 0) -> AbstractContextManager[object]:
    if kind == "directory":
        return HostLocks().hold_directory(str(path), wait=wait)
    return HostLocks().hold(str(path), purpose="another deployment", wait=wait)


@pytest.mark.usefixtures("holder")
def test_lock_of_another_process_is_respected(kind: str, path: Path) -> None:
    for wait in (0, 0.1):
        with pytest.raises(LockHeld) as caught, lock(kind, path, wait):
            pytest.fail("both hold it")
        assert caught.value.details == {"path": str(path)}


def test_lock_is_free_when_its_owner_lets_go(kind: str, path: Path, holder: Holder) -> None:
    holder.let_go()

    with lock(kind, path):
        pass


def test_lock_is_free_when_its_owner_was_killed(kind: str, path: Path, holder: Holder) -> None:
    holder.kill()

    with lock(kind, path):
        pass


def test_lock_is_waited_for(kind: str, path: Path, holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []

    def let_go_in_the_third_pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.let_go()

    monkeypatch.setattr(time, "sleep", let_go_in_the_third_pause)
    with lock(kind, path, wait=60):
        pass

    assert len(pauses) == 3


def test_lock_is_free_after_a_failure_which_passes(kind: str, path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(kind, path):
        raise ZeroDivisionError

    with lock(kind, path):
        pass


def test_lock_is_held_against_oneself_too(kind: str, path: Path) -> None:
    with lock(kind, path), pytest.raises(LockHeld), lock(kind, path):
        pytest.fail("both hold it")


def test_lock_is_not_inherited(kind: str, path: Path) -> None:
    with lock(kind, path):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with lock(kind, path):
            pass
    finally:
        child.kill()
        child.wait()


def test_no_descriptor_stays_open(kind: str, path: Path) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())

    with lock(kind, path), pytest.raises(LockHeld), lock(kind, path):
        pytest.fail("both hold it")

    assert sorted(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.parametrize("kind", ["file"], indirect=True)
def test_sentence_names_who_holds_it(path: Path, holder: Holder) -> None:
    told = (
        rf"^{path} is locked by process {holder.process.pid} \(a deployment, since 20\d\d-\d\d-\d\dT[\d:]+[+-]\d{{4}}\)"
    )

    with pytest.raises(LockHeld, match=f"{told}: wait until it is done\\.$"), lock("file", path):
        pytest.fail("both hold it")


@pytest.mark.parametrize("signature", [b"", b"{", b"\xff", b"[]", b"{}", b"7"])
def test_sentence_does_without_a_signature(tmp_path: Path, signature: bytes) -> None:
    path = tmp_path / "lock"

    with lock("file", path):
        path.write_bytes(signature)
        with pytest.raises(LockHeld, match="is locked by another process: wait"), lock("file", path):
            pytest.fail("both hold it")


def test_signature_of_a_dead_owner_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    Holder("file", path).kill()
    assert b"a deployment" in path.read_bytes()

    with lock("file", path), pytest.raises(LockHeld, match=rf"process {os.getpid()} \(another deployment"):
        lock("file", path).__enter__()

    assert path.read_bytes() == b""


def test_lock_file_is_private(tmp_path: Path) -> None:
    with lock("file", tmp_path / "lock"):
        assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o600


def test_lock_file_is_no_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("precious")

    with pytest.raises(FileError, match=r"The lock .* cannot be opened"), lock("file", tmp_path / "lock"):
        pytest.fail("held")

    assert (tmp_path / "precious").read_text() == "precious"


def test_lock_file_without_a_directory_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere/lock"

    with pytest.raises(FileError, match=f"The lock {path} cannot be opened: No such file or directory"):
        lock("file", path).__enter__()


def test_nothing_is_left_in_a_directory(tmp_path: Path) -> None:
    with lock("directory", tmp_path):
        assert list(tmp_path.iterdir()) == []

    assert list(tmp_path.iterdir()) == []


def test_missing_directory_needs_no_lock(tmp_path: Path) -> None:
    with lock("directory", tmp_path / "nowhere"), lock("directory", tmp_path / "nowhere"):
        pass

    with pytest.raises(FileNotFoundError, match="of the body"), lock("directory", tmp_path / "nowhere"):
        raise FileNotFoundError("of the body")


def test_purpose_can_be_changed_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    with HostLocks().hold(str(path), purpose="a backup") as tell:
        before = HostLocks().holder(str(path))
        tell("a backup, 42 %, 120.0 MB")
        told = HostLocks().holder(str(path))
        with pytest.raises(LockHeld, match=rf"locked by process {os.getpid()} \(a backup, 42 %, 120\.0 MB, since 20"):
            lock("file", path).__enter__()
        tell("done")
        assert HostLocks().holder(str(path)) == str(before).replace("a backup", "done")

    assert told == str(before).replace("a backup", "a backup, 42 %, 120.0 MB")
    assert path.read_bytes() == b""


def test_text_is_never_torn_because_the_file_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    with HostLocks().hold(str(path), purpose="a") as tell:
        sizes = [path.stat().st_size]
        for purpose in ("a" * 100, "b", "ä" * 100):
            tell(purpose)
            sizes.append(path.stat().st_size)
            assert f"({purpose}, since" in str(HostLocks().holder(str(path)))

    assert len(set(sizes)) == 1


def test_text_is_never_torn_for_another_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    script = """
import sys
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from itertools import count
with HostLocks().hold(sys.argv[1], purpose="0") as tell:
    print("begun", flush=True)
    for number in count():
        tell(str(number) * (number % 50 + 1))
        tell(str(number))
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", script, path], env={"PYTHONPATH": PYTHONPATH}, stdout=subprocess.PIPE
    )
    try:
        assert writer.stdout
        assert writer.stdout.readline() == b"begun\n"
        told: set[str] = set()
        while len(told) < 100:
            told.add(str(HostLocks().holder(str(path))))
    finally:
        writer.kill()
        writer.communicate()

    assert [text for text in told if not re.fullmatch(rf"process {writer.pid} \(\d+, since \S+\)", text)] == []


def test_lock_holds_where_there_is_no_space_for_its_text(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with HostLocks().hold(str(path), purpose="a backup") as tell:
            tell("a backup, 42 %")
            with pytest.raises(LockHeld, match="is locked by another process"):
                lock("file", path).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_holder_is_told_without_disturbing_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    other = Holder("file", path)
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    found = HostLocks().holder(str(path))

    assert str(found).startswith(f"process {other.process.pid} (a deployment, since 20")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    other.let_go()
    assert HostLocks().holder(str(path)) is None


def test_holder_that_was_killed_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    Holder("file", path).kill()
    assert path.read_bytes()

    assert HostLocks().holder(str(path)) is None


def test_another_process_with_the_number_of_the_holder_is_none(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    Holder("file", path).kill()
    # As after a restart of the host, when the numbers are given anew.
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "pid": os.getpid()}))

    assert HostLocks().holder(str(path)) is None


@pytest.mark.parametrize("signature", [b"", b"{", b"\xff", b"[]", b"{}", b'{"pid": "x"}', b'{"pid": 4194305}'])
def test_holder_without_a_signature_is_none(tmp_path: Path, signature: bytes) -> None:
    path = tmp_path / "lock"
    path.write_bytes(signature)

    assert HostLocks().holder(str(path)) is None


def test_holder_makes_no_file_and_follows_no_link(tmp_path: Path) -> None:
    path, link = tmp_path / "lock", tmp_path / "link"

    assert HostLocks().holder(str(path)) is None
    assert not path.exists()
    link.symlink_to(path)
    with HostLocks().hold(str(path), purpose="a backup"):
        assert HostLocks().holder(str(link)) is None
