# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import FileError
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees

TREES = HostTrees()
FILES = {"a.conf": b"a", "b/c/d.conf": b"d", "b/e": b""}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new"

    TREES.write(str(path), FILES)

    assert TREES.read(str(path)) == FILES
    assert {one.stat().st_mode & 0o777 for one in (path, path / "b", path / "b/c")} == {0o700}
    assert {one.stat().st_mode & 0o777 for one in path.rglob("*") if one.is_file()} == {0o600}


def test_what_had_the_name_before_goes(tmp_path: Path) -> None:
    path = tmp_path / "new"
    for is_link in (False, True):
        if is_link:
            path.symlink_to(tmp_path)
        else:
            TREES.write(str(path), {"old": b""})

        TREES.write(str(path), FILES)

        assert TREES.read(str(path)) == FILES
        TREES.remove(str(path))


def test_tree_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new"

    with pytest.raises(FileError, match="cannot be written"):
        TREES.write(str(path), {"a": b"", "x" * 300: b""})

    assert list(tmp_path.iterdir()) == []


def test_only_plain_files_of_the_tree_itself_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "folder").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")

    assert TREES.read(str(tmp_path)) == {"a": b"a"}
    assert TREES.read(str(tmp_path / "none")) is None
    assert TREES.read(str(tmp_path / "a")) is None


def test_matching_files_are_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_bytes(b"a")
    (tmp_path / ".b.conf").write_bytes(b"b")
    (tmp_path / "c.conf").symlink_to("a.conf")
    (tmp_path / "d.conf").symlink_to("nowhere")
    (tmp_path / "e.conf").mkdir()
    os.mkfifo(tmp_path / "f.conf")

    found = TREES.matching(f"{tmp_path}/*.conf")

    assert list(found.items()) == [(f"{tmp_path}/a.conf", b"a"), (f"{tmp_path}/c.conf", b"a")]
    assert TREES.matching(f"{tmp_path}/none") == {}


def test_mirror_shows_the_source_with_the_other_files(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    TREES.write(str(source), {"a": b"a", "key": b"secret", "b/c": b"c", "b/d": b"d", "b/own/e": b"e", "f/g": b"g"})

    TREES.mirror(str(source), str(target), {"a": b"A", "b/own/n/new": b"N", "h/i": b"I"}, without="b/own")

    seen = {
        os.path.relpath(os.path.join(folder, name), target): (Path(folder) / name).read_bytes()
        for folder, _folders, names in os.walk(target, followlinks=True)
        for name in names
    }
    assert seen == {
        "a": b"A",
        "key": b"secret",
        "b/c": b"c",
        "b/d": b"d",
        "b/own/n/new": b"N",
        "f/g": b"g",
        "h/i": b"I",
    }
    assert (target / "key").is_symlink()
    assert (target / "f").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o700
    assert (source / "a").read_bytes() == b"a"


def test_mirror_without_a_part_and_with_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "source"
    TREES.write(str(source), {"a/b/c": b"", "a/d": b"", "b/b/c": b""})

    TREES.mirror(str(source), str(tmp_path / "one"), {}, without="a/b")
    TREES.mirror(str(source), str(tmp_path / "two"), {}, without="x/y")

    assert sorted(os.listdir(tmp_path / "one/a")) == ["d"]
    assert sorted(os.listdir(tmp_path / "one")) == ["a", "b"]
    assert sorted(os.listdir(tmp_path / "two/a")) == ["b", "d"]


def test_link_leads_elsewhere_at_once(tmp_path: Path) -> None:
    link = tmp_path / "link"
    assert TREES.target(str(link)) is None
    (tmp_path / ".link.link").write_bytes(b"left by a run that was killed")

    for target in ("one", "two"):
        TREES.point(str(link), target)

        assert TREES.target(str(link)) == target
        assert os.listdir(tmp_path) == ["link"]


def test_what_is_no_link_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()

    with pytest.raises(FileError, match="is no symbolic link"):
        TREES.target(str(tmp_path / "own"))
    with pytest.raises(FileError, match="cannot be written"):
        TREES.point(str(tmp_path / "own"), "one")

    assert (tmp_path / "own").is_dir()


def test_removal_follows_no_link(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    TREES.write(str(kept), FILES)
    TREES.write(str(tmp_path / "gone"), FILES)
    (tmp_path / "gone/link").symlink_to(kept)
    (tmp_path / "link").symlink_to(kept)

    for name in ("gone", "link", "none"):
        TREES.remove(str(tmp_path / name))

    assert os.listdir(tmp_path) == ["kept"]
    assert TREES.read(str(kept)) == FILES


def test_only_what_is_empty_is_cleared(tmp_path: Path) -> None:
    for name in ("file", "folder/file"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"kept")
    (tmp_path / "empty-file").touch()
    (tmp_path / "empty-folder").mkdir()

    for name in ("file", "folder", "empty-file", "empty-folder", "none"):
        TREES.clear(str(tmp_path / name))

    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
