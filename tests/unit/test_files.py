# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import functools
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _files
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access

# For a process of its own, which finds the collection and Ansible where this one does.
PYTHONPATH = os.pathsep.join([str(Path(_files.__file__).parents[5]), *sys.path])

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files to others")

PRIVATE = Access(mode=0o600)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A file's path in a directory that every user can reach, which pytest's own are not."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory / ".env"
    directory.chmod(0o700)
    shutil.rmtree(directory)


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture(autouse=True)
def _not_forever() -> Iterator[None]:
    """Reading a pipe the wrong way hangs: then the test fails instead."""

    def fail(*_: object) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def beside(path: Path, process: int | str) -> Path:
    return path.with_name(f".{path.name}.shipshape-{process}")


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def said_to_nobody(action: Callable[[], object]) -> str:
    """What a user without rights is told; nothing if all went well."""
    if os.geteuid() != 0:
        return _said(action)
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads (pytest-xdist has one), whose locks the child would inherit. It takes none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        said = "It failed in another way than with a FileError."
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            said = _said(action)
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def _said(action: Callable[[], object]) -> str:
    try:
        action()
    except FileError as error:
        return error.message
    return ""


def test_read_tells_content_and_access(path: Path) -> None:
    path.write_bytes(b"A=\xff\n")
    path.chmod(0o640)

    state = HostFiles().read(str(path))

    assert state is not None
    assert state.content == b"A=\xff\n"
    assert (state.uid, state.gid, state.access.mode) == (os.geteuid(), os.getegid(), 0o640)
    assert state.access.owner == pwd.getpwuid(os.geteuid()).pw_name


@as_root
def test_read_tells_the_number_of_an_owner_without_a_name(path: Path) -> None:
    path.touch()
    os.chown(path, 54321, 54322)

    state = HostFiles().read(str(path))

    assert state is not None
    assert (state.access.owner, state.access.group) == ("54321", "54322")


@pytest.mark.parametrize("missing", [".env", "nowhere/.env"])
def test_read_finds_none(tmp_path: Path, missing: str) -> None:
    assert HostFiles().read(str(tmp_path / missing)) is None


@pytest.mark.parametrize("exists", [True, False])
def test_read_refuses_a_symbolic_link(path: Path, tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "target"
    if exists:
        target.write_text("SECRET=1\n")
    path.symlink_to(target)

    with pytest.raises(FileError, match="symbolic link: name the file itself"):
        HostFiles().read(str(path))


def test_read_refuses_what_is_no_plain_file(path: Path) -> None:
    os.mkfifo(path)

    with pytest.raises(FileError, match=f"{path} cannot be read: it is not a plain file"):
        HostFiles().read(str(path))


def test_read_refuses_a_directory(path: Path) -> None:
    path.mkdir()
    descriptors = names(Path("/proc/self/fd"))

    with pytest.raises(FileError, match=f"{path} cannot be read"):
        HostFiles().read(str(path))
    assert names(Path("/proc/self/fd")) == descriptors


def test_read_refuses_a_socket(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # By its short name, because the path of a socket is limited to 107 bytes.
    monkeypatch.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)

        with pytest.raises(FileError, match=f"{path} cannot be read"):
            HostFiles().read(str(path))


def test_read_says_who_may(open_path: Path) -> None:
    open_path.write_text("SECRET=1\n")
    open_path.chmod(0)

    said = said_to_nobody(lambda: HostFiles().read(str(open_path)))

    assert said.startswith(f"{open_path} cannot be read")
    assert "Permission denied: run as a user who may, for example with become." in said


def test_read_says_that_something_above_is_no_directory(path: Path) -> None:
    path.touch()

    with pytest.raises(FileError, match="Something above it is not a directory"):
        HostFiles().read(str(path / "file"))


@pytest.mark.parametrize("content", [b"", b"A=1\n", os.urandom(300_000)])
@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o660])
@pytest.mark.parametrize("present", [None, 0o777])
def test_written_file_reads_back(path: Path, content: bytes, mode: int, present: int | None) -> None:
    if present is not None:
        path.write_bytes(b"what was there, and longer than one of the contents")
        path.chmod(present)

    HostFiles().write(str(path), content, Access(mode=mode))

    state = HostFiles().read(str(path))
    assert state is not None
    assert (state.content, state.access.mode) == (content, mode)
    assert names(path.parent) == [path.name]


@as_root
@pytest.mark.parametrize(
    ("present", "access", "expected"),
    [
        (None, Access(), (0, 0)),
        (None, Access(owner="nobody"), (65534, 0)),
        (None, Access(group="daemon"), (0, 1)),
        (None, Access("1234", "5678"), (1234, 5678)),
        ((1234, 5678), Access(), (1234, 5678)),
        ((1234, 5678), Access(owner="nobody"), (65534, 5678)),
        ((1234, 5678), Access(group="daemon"), (1234, 1)),
        ((1234, 5678), Access("root", "root"), (0, 0)),
    ],
)
def test_owner_is_as_asked_and_otherwise_kept(
    path: Path, present: tuple[int, int] | None, access: Access, expected: tuple[int, int]
) -> None:
    if present:
        path.touch()
        os.chown(path, *present)

    HostFiles().write(str(path), b"A=1\n", access)

    assert (path.stat().st_uid, path.stat().st_gid) == expected


@pytest.mark.parametrize("access", [Access(owner="nosuchuser"), Access(group="nosuchuser")])
def test_unknown_owner_is_refused(path: Path, access: Access) -> None:
    path.write_text("old")

    with pytest.raises(FileError, match=r"There is no (user|group) nosuchuser on this host: create it first"):
        HostFiles().write(str(path), b"new", access)

    assert path.read_text() == "old"


@pytest.mark.parametrize("owner", ["²", "99999999999999"])
def test_impossible_number_of_an_owner_is_refused(path: Path, owner: str) -> None:
    with pytest.raises(FileError):
        HostFiles().write(str(path), b"new", Access(owner=owner))

    assert names(path.parent) == []


class Trace:
    """The calls that write() makes, each with the mode and size of the file beside once it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
        self.steps: list[tuple[str, int, int]] = []
        self._beside = beside(path, os.getpid())
        for name in ("open", "fchown", "chown", "fchmod", "chmod", "fsync", "rename", "replace"):
            monkeypatch.setattr(os, name, self._recording(name, getattr(os, name)))

    def _recording(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(real)
        def recorded(*arguments: Any, **keywords: Any) -> Any:
            result = real(*arguments, **keywords)
            if self._beside.exists():
                self.steps.append((name, mode_of(self._beside), self._beside.stat().st_size))
            else:
                self.steps.append((name, 0, 0))
            return result

        return recorded


# Less than Python's buffer holds, and more.
@pytest.mark.parametrize("size", [1000, 300_000])
def test_file_is_private_until_it_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    path.write_text("old")
    trace = Trace(monkeypatch, path)
    before = os.umask(0)
    try:
        HostFiles().write(str(path), bytes(size), Access(mode=0o666))
    finally:
        os.umask(before)

    assert trace.steps[0] == ("open", 0o600, 0)
    assert {step[1] for step in trace.steps if step[2] < size} - {0} == {0o600}
    opened_up = next(step for step in trace.steps if step[1] == 0o666)
    assert opened_up[2] == size
    assert mode_of(path) == 0o666


def test_file_has_its_owner_before_its_content(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = Trace(monkeypatch, path)

    HostFiles().write(str(path), b"A=1\n", Access(owner=str(os.geteuid()), group=str(os.getegid())))

    assert {step[2] for step in trace.steps if step[0] in ("fchown", "chown")} == {0}


@pytest.mark.parametrize("size", [1000, 300_000])
def test_content_and_name_are_on_the_disk_in_this_order(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    trace = Trace(monkeypatch, path)

    HostFiles().write(str(path), bytes(size), Access(mode=0o640))

    lasting = [step for step in trace.steps if step[0] in ("fsync", "rename", "replace")]
    assert lasting == [("fsync", 0o640, size), ("rename", 0, 0), ("fsync", 0, 0)]


@pytest.mark.parametrize("step", ["fchown", "fchmod", "fsync", "rename"])
@pytest.mark.parametrize("present", [True, False])
def test_failing_step_leaves_all_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, present: bool
) -> None:
    if present:
        path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(FileError, match="The disk quota is used up: free some space") as caught:
        HostFiles().write(str(path), b"new", PRIVATE)

    assert caught.value.details == {"path": str(path)}
    assert [entry.read_text() for entry in path.parent.iterdir()] == ["old"] * present


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The root directory of a file system of 64 KiB."""
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], stderr=subprocess.DEVNULL):
        pytest.skip("this container may not mount a file system")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@as_root
def test_full_disk_leaves_the_old_file(small_disk: Path) -> None:
    path = small_disk / ".env"
    HostFiles().write(str(path), b"old", PRIVATE)

    with pytest.raises(FileError, match="No space is left on its device: free some"):
        HostFiles().write(str(path), bytes(300_000), PRIVATE)

    assert path.read_bytes() == b"old"
    assert names(small_disk) == [".env"]
    HostFiles().write(str(path), b"new", PRIVATE)
    assert path.read_bytes() == b"new"


def test_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Its directory does not exist: create it first"):
        HostFiles().write(str(tmp_path / "nowhere/.env"), b"A=1\n", PRIVATE)


def test_directory_that_may_not_be_written_is_told(open_path: Path) -> None:
    open_path.write_text("old")
    open_path.parent.chmod(0o555)

    said = said_to_nobody(lambda: HostFiles().write(str(open_path), b"new", PRIVATE))

    assert said.startswith(f"{open_path} cannot be written, and what was there is as it was.")
    assert "Permission denied: run as a user who may" in said
    assert open_path.read_text() == "old"


def test_user_without_rights_writes_where_he_may(open_path: Path) -> None:
    open_path.parent.chmod(0o777)

    assert said_to_nobody(lambda: HostFiles().write(str(open_path), b"new", PRIVATE)) == ""

    assert open_path.read_bytes() == b"new"


@as_root
def test_file_of_another_is_not_taken_over(open_path: Path) -> None:
    open_path.write_text("old")
    open_path.parent.chmod(0o777)

    said = said_to_nobody(lambda: HostFiles().write(str(open_path), b"new", PRIVATE))

    assert "Not permitted: run as a user who may" in said
    assert [entry.read_text() for entry in open_path.parent.iterdir()] == ["old"]


def test_symbolic_link_is_not_followed_or_replaced(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old")
    path.symlink_to(target)

    with pytest.raises(FileError, match="symbolic link: name the file itself"):
        HostFiles().write(str(path), b"new", PRIVATE)

    assert path.is_symlink()
    assert target.read_text() == "old"
    assert names(tmp_path) == [".env", "target"]


def test_directory_is_not_replaced(path: Path) -> None:
    path.mkdir()

    with pytest.raises(FileError, match="cannot be written"):
        HostFiles().write(str(path), b"new", PRIVATE)

    assert names(path.parent) == [path.name]


def test_what_a_dead_process_left_is_removed(path: Path, dead_process: int) -> None:
    others = {beside(path, 1), beside(path, "notes"), beside(path.with_name(".env.local"), dead_process)}
    for left in (beside(path, dead_process), *others):
        left.write_text("left")

    HostFiles().write(str(path), b"new", PRIVATE)

    # Process 1 lives as long as the host.
    assert set(path.parent.iterdir()) == {path, *others}


def test_what_an_earlier_process_of_the_same_number_left_is_no_hindrance(path: Path) -> None:
    beside(path, os.getpid()).write_text("left")

    HostFiles().write(str(path), b"new", PRIVATE)

    assert path.read_bytes() == b"new"
    assert names(path.parent) == [path.name]


def test_killed_before_renaming(path: Path) -> None:
    path.write_text("old")
    script = (
        "import os, signal, sys\n"
        "from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles\n"
        "from ansible_collections.shipshape.webapp.plugins.module_utils._types import Access\n"
        "os.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "HostFiles().write(sys.argv[1], b'lost', Access())\n"
    )

    killed = subprocess.Popen([sys.executable, "-c", script, path], env={"PYTHONPATH": PYTHONPATH})

    assert killed.wait() == -signal.SIGKILL
    left = beside(path, killed.pid)
    assert (path.read_text(), left.read_text(), mode_of(left)) == ("old", "lost", 0o600)
    HostFiles().write(str(path), b"new", PRIVATE)
    assert path.read_bytes() == b"new"
    assert names(path.parent) == [path.name]


def test_readers_always_see_a_whole_content(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What reaches the disk is another test's matter, and makes this one slow.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    contents = [b"a" * 200_000, b"b" * 100_000]
    HostFiles().write(str(path), contents[1], PRIVATE)
    seen: set[bytes] = set()
    is_done = threading.Event()

    def read() -> None:
        while not is_done.is_set():
            seen.add(path.read_bytes() if path.exists() else b"gone")

    readers = [threading.Thread(target=read), threading.Thread(target=read)]
    for reader in readers:
        reader.start()
    for turn in range(200):
        HostFiles().write(str(path), contents[turn % 2], PRIVATE)
    is_done.set()
    for reader in readers:
        reader.join()

    assert {(content[:40], len(content)) for content in seen} == {(content[:40], len(content)) for content in contents}


def test_what_is_added_stands_behind_what_was_there(path: Path) -> None:
    HostFiles().append(str(path), b"one\n", Access(mode=0o644))
    HostFiles().append(str(path), b"two\n", PRIVATE)
    assert path.read_bytes() == b"one\ntwo\n"
    # The access of a file that is there is somebody's wish.
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_is_added_is_no_part_of_a_line_that_was_cut_off(path: Path) -> None:
    path.write_bytes(b'one\n{"tw')
    HostFiles().append(str(path), b"three\n", PRIVATE)
    assert path.read_bytes() == b'one\n{"tw\nthree\n'


def test_nothing_is_added_through_a_link_or_to_what_is_no_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"theirs\n")
    path.symlink_to(other)
    with pytest.raises(FileError, match="symbolic link"):
        HostFiles().append(str(path), b"ours\n", PRIVATE)
    assert other.read_bytes() == b"theirs\n"
    path.unlink()
    path.mkdir()
    with pytest.raises(FileError, match="It is a directory"):
        HostFiles().append(str(path), b"ours\n", PRIVATE)


@as_root
def test_full_disk_takes_all_of_what_is_added_or_nothing(small_disk: Path) -> None:
    path = small_disk / "journal"
    HostFiles().append(str(path), b"one\n", PRIVATE)

    with pytest.raises(FileError, match="No space is left on its device: free some"):
        HostFiles().append(str(path), bytes(300_000), PRIVATE)

    assert path.read_bytes() == b"one\n"
    HostFiles().append(str(path), b"two\n", PRIVATE)
    assert path.read_bytes() == b"one\ntwo\n"
