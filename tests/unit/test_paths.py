# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import grp
import os
import pwd
import resource
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Position
from tests.unit.smoke.on_host import as_nobody

PATHS = HostPaths()

# Enough to tell one file from all others.
OLD = "".join(f"{number} old\n" for number in range(300))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text(OLD)
    return path


def end(path: Path) -> Position:
    position = PATHS.end(str(path))
    assert position is not None
    return position


def new_lines(path: Path, since: Position) -> list[str]:
    return list(PATHS.lines(str(path), since))


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(FileError) as caught:
        act()
    return caught.value.message


def found(directory: Path, pattern: str) -> list[str]:
    return [path.removeprefix(f"{directory}/") for path in PATHS.find(f"{directory}/{pattern}")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("b.log", ["b.log"]),
        ("*.log", ["[x].log", "a.log", "b.log"]),
        ("?.log", ["a.log", "b.log"]),
        ("[ab].log", ["a.log", "b.log"]),
        # The name itself comes before what it means as a pattern.
        ("[x].log", ["[x].log"]),
        ("*/d.log", ["inner/d.log"]),
        ("c.log", []),
        ("*.txt", []),
        ("none/*.log", []),
        ("a.log/*.log", []),
        ("a.log/b", []),
        ("gone", []),
        ("go*", []),
    ],
)
def test_files_are_found(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    for name in ("b.log", "a.log", ".hidden.log", "[x].log", "x.conf"):
        (tmp_path / name).touch()
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/d.log").touch()
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")

    assert found(tmp_path, pattern) == expected


def test_directory_that_cannot_be_listed_is_told(open_directory: Path) -> None:
    (open_directory / "closed").mkdir(0o711)
    (open_directory / "closed/a.log").touch()

    with as_nobody():
        assert found(open_directory, "closed/a.log") == ["closed/a.log"]
        told = refusal(lambda: found(open_directory, "closed/*.log"))

    advice = "Permission denied: run as a user who may, for example with become."
    assert told == f"{open_directory}/closed/ cannot be listed. {advice}"


def test_directory_that_cannot_be_entered_is_told(open_directory: Path) -> None:
    (open_directory / "closed").mkdir(0o700)

    with as_nobody():
        told = refusal(lambda: PATHS.facts(f"{open_directory}/closed/a.log"))

    advice = "Permission denied: run as a user who may, for example with become."
    assert told == f"{open_directory}/closed/a.log cannot be looked at. {advice}"


def test_facts_are_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    path.chmod(0o640)
    os.utime(path, (1, 1_700_000_000.5))
    link = tmp_path / "link"
    link.symlink_to(path)

    for name in (path, link):
        facts = PATHS.facts(str(name))
        assert facts is not None
        assert (facts.type, facts.mode, facts.size, facts.modified) == ("file", 0o640, 5, 1_700_000_000.5)
        assert facts.owner == pwd.getpwuid(os.geteuid()).pw_name
        assert facts.group == grp.getgrgid(path.stat().st_gid).gr_name
        assert facts.is_writable


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owner_without_a_name_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.chown(path, 54321, 54322)

    facts = PATHS.facts(str(path))

    assert facts is not None
    assert (facts.owner, facts.group) == ("54321", "54322")


def test_every_type_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        (tmp_path / "file").touch()
        names = {
            "dir": tmp_path,
            "other": "/dev/null",
            **{name: tmp_path / name for name in ("fifo", "socket", "file")},
        }
        facts = {word: PATHS.facts(str(path)) for word, path in names.items()}

    assert {word: one and one.type for word, one in facts.items()} == {word: word for word in names}


def test_rights_of_the_user_are_told(open_directory: Path) -> None:
    path = open_directory / "file"
    path.touch(0o644)

    with as_nobody():
        facts = PATHS.facts(str(path))

    assert facts is not None
    assert facts.is_writable == (os.geteuid() != 0)


def test_what_is_not_there_has_no_facts_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("nothing", "nothing/below", "file/below"):
        assert PATHS.facts(str(tmp_path / name)) is None
        assert PATHS.end(str(tmp_path / name)) is None
    assert refusal(lambda: list(PATHS.lines(f"{tmp_path}/nothing"))) == (
        f"{tmp_path}/nothing cannot be read. It does not exist."
    )


def test_symbolic_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    assert refusal(lambda: PATHS.facts(f"{tmp_path}/loop")) == (
        f"{tmp_path}/loop cannot be looked at. It is a symbolic link that leads to itself."
    )


@pytest.mark.parametrize("read", [PATHS.end, lambda path: list(PATHS.lines(path))])
def test_what_is_no_file_is_told_and_not_waited_for(tmp_path: Path, read: Callable[[str], object]) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path, why in (
            (tmp_path / "fifo", "It is no plain file."),
            (tmp_path / "socket", "It is no plain file."),
            ("/dev/null", "It is no plain file."),
            (tmp_path, "It is a directory."),
        ):
            assert refusal(lambda path=path: read(str(path))) == f"{path} cannot be read. {why}"  # type: ignore[misc]


def test_file_that_may_not_be_read_is_told(open_directory: Path) -> None:
    path = open_directory / "app.log"
    path.touch(0o200)

    with as_nobody():
        told = refusal(lambda: list(PATHS.lines(str(path))))

    assert told == (f"{path} cannot be read. Permission denied: run as a user who may, for example with become.")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n", ["one"]),
        (b"one\n\ntwo", ["one", "", "two"]),
        (b"caf\xc3\xa9 \xff\xfe!\nnext\n", ["café \ufffd\ufffd!", "next"]),
        (b"a\0b\x0b\x0c\xc2\x85c\n", ["a\0b\x0b\x0c\x85c"]),
    ],
)
def test_lines_are_read(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(content)

    assert list(PATHS.lines(str(path))) == lines


def test_lines_across_blocks_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    lines = [f"{number} {'ä' * (number % 700)}" for number in range(10_000)]
    path.write_text("\n".join(lines))

    assert path.stat().st_size > 3 * 2**20
    assert list(PATHS.lines(str(path))) == lines


def test_long_line_is_cut_and_not_held(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    with path.open("wb") as file:
        file.write(b"a" * 1000)
        file.truncate(100_000_000)
        file.seek(0, os.SEEK_END)
        file.write(b"END\nnext\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    long, following = PATHS.lines(str(path))

    assert (len(long), long[:1001], following) == (2**20, "a" * 1000 + "\0", "next")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_only_what_is_new_is_read(log: Path) -> None:
    since = end(log)
    assert new_lines(log, since) == []

    append(log, "new\nhalf")

    assert new_lines(log, since) == ["new", "half"]


def test_line_that_was_half_written_is_whole_once_it_goes_on(log: Path) -> None:
    append(log, "ERR")
    since = end(log)
    assert new_lines(log, since) == []

    append(log, "OR x\n")

    assert new_lines(log, since) == ["ERROR x"]


def rename(log: Path) -> None:
    log.rename(f"{log}.1")


def copy_and_truncate(log: Path) -> None:
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)


@pytest.mark.parametrize("rotate", [rename, copy_and_truncate])
@pytest.mark.parametrize("has_more", [False, True])
def test_rotated_file_is_read_to_its_end(log: Path, rotate: Callable[[Path], None], has_more: bool) -> None:
    since = end(log)
    append(log, "before\n")
    rotate(log)
    # With as many lines as before, its size says nothing.
    after = ["after", *(OLD.replace("old", "young").splitlines() if has_more else [])]
    append(log, "".join(f"{line}\n" for line in after))

    assert new_lines(log, since) == ["before", *after]


@pytest.mark.parametrize("rotate", [rename, copy_and_truncate])
def test_file_that_is_rotated_twice_is_read_in_order(log: Path, rotate: Callable[[Path], None]) -> None:
    since = end(log)
    append(log, "first\n")
    rotate(log)
    os.utime(f"{log}.1", (1000, 1000))
    Path(f"{log}.1").rename(f"{log}.2")
    append(log, "second\n")
    rotate(log)
    os.utime(f"{log}.1", (2000, 2000))
    append(log, "third\n")

    assert new_lines(log, since) == ["first", "second", "third"]


def test_file_between_two_of_a_rotation_is_not_missed(log: Path) -> None:
    since = end(log)
    append(log, "before\n")
    rename(log)
    Path(f"{log}.0").mkdir()

    assert new_lines(log, since) == ["before"]


def test_short_file_is_known_by_its_inode(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("short\n")
    since = end(log)
    append(log, "before\n")
    rename(log)
    append(log, "after\n")

    assert new_lines(log, since) == ["before", "after"]


def test_empty_file_is_known_by_its_inode(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.touch()
    since = end(log)
    append(log, "before\n")
    rename(log)
    append(log, "after\n")

    assert new_lines(log, since) == ["before", "after"]


@pytest.mark.parametrize("content", ["after\n", OLD.replace("old", "after")])
def test_file_that_took_the_place_of_another_is_read_as_a_whole(log: Path, content: str) -> None:
    since = end(log)
    log.unlink()
    log.write_text(content)

    for inode in (log.stat().st_ino, log.stat().st_ino + 1):
        assert new_lines(log, replace(since, inode=inode)) == content.splitlines()


@pytest.mark.parametrize(
    "name", ["app.log.bak", "app.log.1.gz", "app-error.log", "app.logs", "other.log.1", "app.log.d"]
)
def test_what_is_called_otherwise_is_no_rotated_file(log: Path, name: str) -> None:
    since = end(log)
    append(log, "before\n")
    log.rename(log.parent / name)
    log.write_text("after\n")

    assert new_lines(log, since) == ["after"]


@pytest.mark.parametrize(
    "name",
    ["app.log.1", "app.log-20260501", "app.log-20260501.2", "app-2026-05-01.log", "app__2026-05-01_00-00-00.log"],
)
def test_file_rotated_to_any_usual_name_is_read(log: Path, name: str) -> None:
    since = end(log)
    append(log, "before\n")
    log.rename(log.parent / name)
    log.write_text("after\n")

    assert new_lines(log, since) == ["before", "after"]


def test_file_that_continues_is_known_by_any_name(log: Path, tmp_path: Path) -> None:
    since = end(log)
    append(log, "new\n")
    for name in ("moved.log", "copy.log"):
        shutil.copy(log, tmp_path / "copy.log")
        if name == "moved.log":
            os.link(log, tmp_path / name)
        assert PATHS.continues(str(tmp_path / name), since)

    assert not PATHS.continues(str(tmp_path / "none"), since)
    assert not PATHS.continues(str(tmp_path), since)
    short = tmp_path / "short"
    short.write_text("x\n")
    shutil.copy(short, tmp_path / "copy of short")
    assert PATHS.continues(str(short), end(short))
    assert not PATHS.continues(str(tmp_path / "copy of short"), end(short))


def test_reading_changes_nothing(log: Path) -> None:
    before = log.stat()

    list(PATHS.lines(str(log), end(log)))

    after = log.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, stat.S_IMODE(after.st_mode)) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        stat.S_IMODE(before.st_mode),
    )
