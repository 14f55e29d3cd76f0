# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils import _folders
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError, Interrupted
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Entry

# For a process of its own, which finds the collection and Ansible where this one does.
PYTHONPATH = os.pathsep.join([str(Path(_folders.__file__).parents[5]), *sys.path])

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files to others")

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture(autouse=True)
def _not_forever() -> Iterator[None]:
    """Opening a pipe the wrong way hangs: then the test fails instead."""

    def fail(*_: object) -> None:
        raise AssertionError("hangs")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def open_folder(open_directory: Path) -> Path:
    """A directory to which every user can write."""
    open_directory.chmod(0o1777)
    return open_directory


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def dead_process() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What is flushed to the disk from now on."""
    paths: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: paths.append(Path(os.readlink(f"/proc/self/fd/{descriptor}"))))
    return paths


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def mode_of(path: Path | str) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def said(action: Callable[[], object]) -> str:
    """What the user is told; nothing if all went well."""
    try:
        action()
    except FileError as error:
        return error.message
    return ""


def said_to_nobody(action: Callable[[], object]) -> str:
    """What a user without rights is told; nothing if all went well."""
    if os.geteuid() != 0:
        return said(action)
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads (pytest-xdist has one), whose locks the child would inherit. It takes none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        told = "It failed in another way than with a FileError."
        try:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            told = said(action)
        finally:
            os.write(writer, told.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


# A directory that is to be there.


def test_a_new_directory_is_this_users_alone(tmp_path: Path, flushed: list[Path]) -> None:
    before = os.umask(0)
    try:
        HostFolders().prepare(f"{tmp_path}/new/")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o700
    assert flushed == [tmp_path]


def test_a_directory_is_made_with_what_is_missing_above_it(tmp_path: Path) -> None:
    HostFolders().make(f"{tmp_path}/above/new/")
    assert [mode_of(tmp_path / name) for name in ("above", "above/new")] == [0o700, 0o700]
    (tmp_path / "above").chmod(0o777)
    HostFolders().make(f"{tmp_path}/above")
    assert mode_of(tmp_path / "above") == 0o777


def test_a_new_directory_gets_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        HostFolders().prepare(f"{tmp_path}/new", mode=0o755)
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == 0o755
    HostFolders().prepare(f"{tmp_path}/new", mode=0o700)
    assert mode_of(tmp_path / "new") == 0o755


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_a_directory_that_is_there_is_left_as_it_is(tmp_path: Path, flushed: list[Path], mode: int) -> None:
    (tmp_path / "kept").touch()
    tmp_path.chmod(mode)
    HostFolders().prepare(str(tmp_path))
    assert (mode_of(tmp_path), names(tmp_path), flushed) == (mode, ["kept"], [])


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o720, 0o1777])
def test_a_directory_that_others_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert said(lambda: HostFolders().prepare(str(tmp_path))) == (
        f"{tmp_path} can be written to by other users, who could exchange what is in it: take that right from them "
        "(chmod go-w), or name another directory."
    )
    assert mode_of(tmp_path) == mode


@as_root
def test_the_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY.pw_uid, 0)
    assert said(lambda: HostFolders().prepare(str(tmp_path))) == (
        f"{tmp_path} belongs to another user, who could exchange what is in it: run as that user, or name a directory "
        "of your own."
    )


@pytest.mark.parametrize("path", ["/usr", "/usr/", "/"])
def test_the_directory_of_root_is_no_strangers(path: str) -> None:
    assert said_to_nobody(lambda: HostFolders().prepare(path)) == ""


def _link(path: Path) -> None:
    (path.parent / "elsewhere").mkdir(mode=0o755)
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("make", "ending", "why"),
    [
        (_link, "", "It or something above it is not a directory, or is a symbolic link."),
        (_link, "/", "It or something above it is not a directory, or is a symbolic link."),
        (
            lambda path: path.symlink_to("nowhere"),
            "",
            "It or something above it is not a directory, or is a symbolic link.",
        ),
        (Path.touch, "", "It or something above it is not a directory, or is a symbolic link."),
        (Path.touch, "/below", "It or something above it is not a directory, or is a symbolic link."),
        (os.mkfifo, "", "It or something above it is not a directory, or is a symbolic link."),
        (lambda path: None, "/below", "What is above it does not exist: create that first."),
    ],
)
def test_what_is_no_directory_is_refused(tmp_path: Path, make: Callable[[Path], None], ending: str, why: str) -> None:
    make(tmp_path / "it")
    before = {name: mode_of(tmp_path / name) for name in names(tmp_path)}
    told = said(lambda: HostFolders().prepare(f"{tmp_path}/it{ending}"))
    assert told == f"{tmp_path}/it{ending.rstrip('/')} cannot be used as a directory. {why}"
    assert {name: mode_of(tmp_path / name) for name in names(tmp_path)} == before


@as_root
def test_a_directory_that_may_not_be_made(open_folder: Path) -> None:
    open_folder.chmod(0o755)
    assert said_to_nobody(lambda: HostFolders().prepare(f"{open_folder}/new")) == (
        f"{open_folder}/new cannot be used as a directory. "
        "Permission denied: run as a user who may, for example with become."
    )


# What is in a directory.


def test_every_kind_of_entry_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"12345")
    os.utime(tmp_path / "plain", (1, 1234.5))
    (tmp_path / ".hidden").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("plain")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")

    found = HostFolders().entries(str(tmp_path))

    assert [(entry.name, entry.is_file) for entry in found] == [
        (".hidden", True),
        ("dangling", False),
        ("folder", False),
        ("link", False),
        ("pipe", False),
        ("plain", True),
    ]
    assert found[-1] == Entry("plain", is_file=True, size=5, modified=1234.5)


def test_a_name_that_is_no_text_can_be_told_and_used(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).touch()

    [entry] = HostFolders().entries(str(tmp_path))
    told = json.loads(json.dumps(entry.name))
    HostFolders().remove(f"{tmp_path}/{told}")

    assert names(tmp_path) == []


def test_there_is_nothing_where_there_is_no_directory(tmp_path: Path) -> None:
    assert HostFolders().entries(f"{tmp_path}/gone/far") == []


def test_what_goes_in_the_meantime_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "going").touch()
    (tmp_path / "staying").touch()
    scandir = os.scandir

    def scan(path: str) -> contextlib.AbstractContextManager[list[Any]]:
        with scandir(path) as found:
            entries = list(found)
        (tmp_path / "going").unlink()
        return contextlib.nullcontext(entries)

    monkeypatch.setattr(os, "scandir", scan)
    assert [entry.name for entry in HostFolders().entries(str(tmp_path))] == ["staying"]


def test_a_file_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert said(lambda: HostFolders().entries(f"{tmp_path}/file")) == (
        f"{tmp_path}/file cannot be listed. It or something above it is not a directory, or is a symbolic link."
    )


# Moving and removing.


def test_a_file_takes_the_place_of_another(tmp_path: Path, flushed: list[Path]) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "from/file").write_text("new")
    (tmp_path / "to/other").write_text("old")

    HostFolders().move(f"{tmp_path}/from/file", f"{tmp_path}/to/other")

    assert (names(tmp_path / "from"), (tmp_path / "to/other").read_text()) == ([], "new")
    assert sorted(flushed) == [tmp_path / "from", tmp_path / "to"]


@pytest.mark.parametrize(("path", "target"), [("gone", "other"), ("file", "gone/other")])
def test_what_is_not_there_is_not_moved(tmp_path: Path, path: str, target: str) -> None:
    (tmp_path / "file").touch()
    assert said(lambda: HostFolders().move(f"{tmp_path}/{path}", f"{tmp_path}/{target}")) == (
        f"{tmp_path}/{path} cannot be renamed. It, or the directory of its new name, does not exist."
    )
    assert names(tmp_path) == ["file"]


def test_another_file_system_is_told(tmp_path: Path, small_disk: Path) -> None:
    (tmp_path / "file").touch()
    assert said(lambda: HostFolders().move(f"{tmp_path}/file", f"{small_disk}/file")) == (
        f"{tmp_path}/file cannot be renamed. Its new name is in another file system."
    )
    assert (tmp_path / "file").exists()


def test_a_directory_that_cannot_be_flushed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    (tmp_path / "file").touch()
    monkeypatch.setattr(os, "fsync", fail)
    assert said(lambda: HostFolders().move(f"{tmp_path}/file", f"{tmp_path}/other")) == (
        f"{tmp_path} cannot be flushed to the disk. Input/output error."
    )


def test_removing(tmp_path: Path, flushed: list[Path]) -> None:
    for name in ("file", "kept"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("kept")
    for name in ("file", "link"):
        HostFolders().remove(f"{tmp_path}/{name}")
    assert names(tmp_path) == ["kept"]
    assert flushed == [tmp_path, tmp_path]


def test_what_is_gone_need_not_be_removed(tmp_path: Path) -> None:
    HostFolders().remove(f"{tmp_path}/gone")


def test_a_directory_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert said(lambda: HostFolders().remove(f"{tmp_path}/folder")) == (
        f"{tmp_path}/folder cannot be removed. It is a directory."
    )


def test_paths_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    HostFolders().prepare("folder")
    (tmp_path / "file").touch()
    HostFolders().move("file", "other")
    assert names(tmp_path) == ["folder", "other"]
    HostFolders().remove("other")
    assert names(tmp_path) == ["folder"]


def test_every_link_in_a_path_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/link").symlink_to("file")
    (tmp_path / "other").symlink_to("folder")
    assert HostFolders().real(f"{tmp_path}/other/../other/link") == f"{tmp_path}/folder/file"


def test_a_file_gets_a_second_name(tmp_path: Path, flushed: list[Path]) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    HostFolders().link(f"{tmp_path}/file", f"{tmp_path}/folder/again")
    assert (tmp_path / "folder/again").samefile(tmp_path / "file")
    assert flushed == [tmp_path / "folder"]


def test_a_second_name_takes_no_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("new")
    (tmp_path / "other").write_text("old")
    assert said(lambda: HostFolders().link(f"{tmp_path}/file", f"{tmp_path}/other")) == (
        f"{tmp_path}/other cannot be made as a second name of a file. It is there already."
    )
    assert (tmp_path / "other").read_text() == "old"


def test_a_second_name_of_a_link_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    HostFolders().link(f"{tmp_path}/link", f"{tmp_path}/again")
    assert (tmp_path / "again").is_symlink()


# Owner and mode of another file.


@as_root
def test_a_file_becomes_like_another(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    os.chown(tmp_path / "model", 1234, 5678)
    (tmp_path / "model").chmod(0o640)
    (tmp_path / "link").symlink_to("model")
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o600)

    HostFolders().liken(f"{tmp_path}/file", f"{tmp_path}/link")

    status = (tmp_path / "file").stat()
    assert (status.st_uid, status.st_gid, mode_of(tmp_path / "file")) == (1234, 5678, 0o640)


@as_root
def test_rights_that_a_change_of_owner_takes_away_are_given_afterwards(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    os.chown(tmp_path / "model", 1234, 5678)
    (tmp_path / "model").chmod(0o2750)
    (tmp_path / "file").touch()
    HostFolders().liken(f"{tmp_path}/file", f"{tmp_path}/model")
    assert mode_of(tmp_path / "file") == 0o2750


def _hard_link(path: Path) -> None:
    os.link(path.parent / "secret", path)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.symlink_to("secret"), "It is a symbolic link: name the file itself."),
        (_hard_link, "it is not one plain file."),
        (os.mkfifo, "it is not one plain file."),
        (Path.mkdir, "it is not one plain file."),
        (lambda path: None, "It does not exist."),
    ],
)
def test_no_other_file_is_given_away(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "model").touch()
    (tmp_path / "model").chmod(0o666)
    if os.geteuid() == 0:
        os.chown(tmp_path / "model", 1234, 5678)
    make(tmp_path / "file")

    told = said(lambda: HostFolders().liken(f"{tmp_path}/file", f"{tmp_path}/model"))

    assert told.startswith(f"{tmp_path}/file cannot be given ")
    assert told.endswith(why)
    assert (mode_of(tmp_path / "secret"), (tmp_path / "secret").stat().st_uid) == (0o600, os.geteuid())


# Space.


@pytest.mark.parametrize("below", ["", "/", "/file", "/file/below", "/gone", "/gone/far"])
def test_free_space_is_that_of_the_nearest_directory(small_disk: Path, below: str) -> None:
    (small_disk / "file").write_bytes(bytes(64 * 1024))
    assert 0 < HostFolders().free_bytes(f"{small_disk}{below}") <= 64 * 1024


def test_free_space_for_a_relative_path(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small_disk)
    assert HostFolders().free_bytes("gone") <= 128 * 1024


def test_a_file_system_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", fail)
    assert said(lambda: HostFolders().free_bytes(str(tmp_path))) == (
        f"{tmp_path} cannot be looked at. Input/output error."
    )


# A directory for a while.


def test_a_temporary_directory_is_private_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    with HostFolders().temporary(str(tmp_path)) as path:
        assert Path(path).parent == tmp_path
        assert Path(path).name.startswith(f"shipshape-{os.getpid()}-")
        assert mode_of(path) == 0o700
        Path(path, "folder").mkdir()
        Path(path, "folder/file").touch()
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError("x"), Interrupted("Stopped."), KeyboardInterrupt()])
def test_it_goes_when_the_context_is_left_by_an_error(tmp_path: Path, error: BaseException) -> None:
    def work() -> None:
        with HostFolders().temporary(str(tmp_path)) as path:
            Path(path, "file").touch()
            raise error

    with pytest.raises(type(error)) as caught:
        work()
    assert caught.value is error
    assert names(tmp_path) == []


def test_several_at_once_leave_each_other_alone(tmp_path: Path) -> None:
    with HostFolders().temporary(str(tmp_path)) as first, HostFolders().temporary(str(tmp_path)) as second:
        assert first != second
        assert sorted(names(tmp_path)) == sorted([Path(first).name, Path(second).name])


def test_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    script = f"""
import os, signal
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
with HostFolders().temporary({str(tmp_path)!r}{', owner="nobody"' if os.geteuid() == 0 else ""}) as path:
    os.mkdir(path + "/data")
    open(path + "/data/rows", "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": PYTHONPATH}, check=False)
    [left] = names(tmp_path)

    with HostFolders().temporary(str(tmp_path)) as path:
        assert names(tmp_path) == [Path(path).name] != [left]


def test_links_in_what_was_left_are_not_followed(tmp_path: Path, dead_process: int) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").touch()
    left = tmp_path / f"shipshape-{dead_process}-abcdefgh"
    left.mkdir()
    (left / "link").symlink_to("../precious")
    with HostFolders().temporary(str(tmp_path)):
        assert not left.exists()
    assert names(tmp_path / "precious") == ["file"]


def _with_a_file(path: Path) -> None:
    path.mkdir()
    (path / "file").touch()


def _link_to_a_directory(path: Path) -> None:
    _with_a_file(path.parent / "precious")
    path.symlink_to("precious")


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("shipshape-{dead}-abcdefgh", Path.touch),
        ("shipshape-{dead}-abcdefgh", os.mkfifo),
        ("shipshape-{dead}-abcdefgh", _link_to_a_directory),
        ("shipshape-{dead}-abcdefgh", lambda path: path.symlink_to("nowhere")),
        ("shipshape-{alive}-abcdefgh", _with_a_file),
        ("shipshape-{dead}", _with_a_file),
        ("shipshape-{dead}-", _with_a_file),
        ("shipshape-{dead}-my backup", _with_a_file),
        ("shipshape-{dead}-abc.d", _with_a_file),
        ("shipshape-{dead}x-abcdefgh", _with_a_file),
        ("shipshape--abcdefgh", _with_a_file),
        ("shipshape-\N{SUPERSCRIPT TWO}-abcdefgh", _with_a_file),
        ("my-shipshape-{dead}-abcdefgh", _with_a_file),
        ("shipshaped{dead}-abcdefgh", _with_a_file),
    ],
)
def test_what_is_not_ours_stays(tmp_path: Path, dead_process: int, name: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / name.format(dead=dead_process, alive=os.getppid()))
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with HostFolders().temporary(str(tmp_path)):
        pass
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


@as_root
def test_what_another_user_made_under_such_a_name_stays(tmp_path: Path, dead_process: int) -> None:
    _with_a_file(tmp_path / f"shipshape-{dead_process}-abcdefgh")
    os.chown(tmp_path / f"shipshape-{dead_process}-abcdefgh", NOBODY.pw_uid, 0)
    with HostFolders().temporary(str(tmp_path)):
        pass
    assert (tmp_path / f"shipshape-{dead_process}-abcdefgh/file").exists()


def test_what_a_process_that_cannot_be_seen_from_here_uses_stays(tmp_path: Path, dead_process: int) -> None:
    """As of another container: its number is nobody's here."""
    used = tmp_path / f"shipshape-{dead_process}-abcdefgh"
    used.mkdir()
    descriptor = os.open(used, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with HostFolders().temporary(str(tmp_path)):
        assert used.exists()
    os.close(descriptor)
    with HostFolders().temporary(str(tmp_path)):
        assert not used.exists()


def test_others_see_that_it_is_used(tmp_path: Path) -> None:
    with HostFolders().temporary(str(tmp_path)) as path:
        descriptor = os.open(path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


@as_root
def test_it_can_be_for_another_user(open_folder: Path) -> None:
    with HostFolders().temporary(str(open_folder), owner="nobody") as path:
        status = os.stat(path)
        assert (status.st_uid, status.st_gid, mode_of(path)) == (NOBODY.pw_uid, NOBODY.pw_gid, 0o700)
        assert said_to_nobody(lambda: Path(path, "data").mkdir(mode=0o700)) == ""
        assert os.stat(f"{path}/data").st_uid == NOBODY.pw_uid
        # What is above it says who has made it, and shows nothing.
        [outer] = open_folder.iterdir()
        assert (outer.stat().st_uid, mode_of(outer)) == (0, 0o711)
    assert names(open_folder) == []


def test_a_user_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught, HostFolders().temporary(str(tmp_path), owner="nosuchuser"):
        pass
    assert caught.value.message == "There is no user nosuchuser on this host: create it first."
    assert names(tmp_path) == []


def test_only_root_can_make_one_for_another_user(open_folder: Path) -> None:
    def make() -> None:
        with HostFolders().temporary(str(open_folder), owner="root"):
            pass

    told = said_to_nobody(make)
    assert "/own cannot be given to another user. Not permitted: run as a user who may" in told
    assert names(open_folder) == []


@pytest.mark.parametrize(
    ("parent", "why"),
    [
        ("gone", "It does not exist."),
        ("file", "It or something above it is not a directory, or is a symbolic link."),
    ],
)
def test_a_parent_that_is_no_directory(tmp_path: Path, parent: str, why: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileError) as caught, HostFolders().temporary(f"{tmp_path}/{parent}"):
        pass
    assert caught.value.message == f"{tmp_path}/{parent} cannot be used for temporary files. {why}"


@as_root
def test_a_parent_that_may_not_be_written_to(open_folder: Path) -> None:
    def make() -> None:
        with HostFolders().temporary(str(open_folder)):
            pass

    open_folder.chmod(0o755)
    assert said_to_nobody(make).startswith(f"{open_folder} cannot be used for temporary files. Permission denied: run")


@pytest.mark.parametrize("error", [None, "Something else went wrong."])
def test_what_cannot_be_removed_is_told_unless_there_is_something_worse(open_folder: Path, error: str | None) -> None:
    def make() -> None:
        with HostFolders().temporary(str(open_folder)) as path:
            Path(path, "locked").mkdir()
            Path(path, "locked/file").touch()
            Path(path, "locked").chmod(0o500)
            Path(path, "open").mkdir()
            if error:
                raise FileError(error)

    told = said_to_nobody(make)
    [left] = open_folder.iterdir()
    assert told == (error or f"{left} is temporary and could not be removed whole: remove it, it may hold data.")
    assert names(left) == ["locked"]
    (left / "locked").chmod(0o700)


def test_nothing_stays_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    HostFolders().prepare(f"{tmp_path}/folder")
    (tmp_path / "folder/file").touch()
    HostFolders().liken(f"{tmp_path}/folder/file", f"{tmp_path}/folder/file")
    with HostFolders().temporary(f"{tmp_path}/folder"):
        pass
    assert os.listdir("/proc/self/fd") == before
