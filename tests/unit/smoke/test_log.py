# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.log import Log
from tests.unit.smoke.fake_pm2 import FakePm2, process
from tests.unit.smoke.on_host import SETTING, WORLD, as_nobody, given, observed, problems

KIND = Log()

# Enough to tell one file from all others.
OLD = "".join(f"{number} ERROR old\n" for number in range(200))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text(OLD)
    return path


def write(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def marked(argument: object) -> Any:
    return KIND.mark(given(KIND, argument), SETTING, WORLD)


def again(argument: object, before: Observed | None) -> Observed:
    """What the next run of a suite sees."""
    return observed(KIND, argument, setting=replace(SETTING, remembered=before.remember if before else {}))


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ShipshapeError) as caught:
        act()
    return caught.value.message


def test_what_must_and_must_not_be_there_is_observed(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, "Redis connected", "Server started on 3000", "FATAL: no disk", "slow", "❌ FATAL", "slow")

    seen = observed(
        KIND,
        {
            "path": str(path),
            "require": ["Redis connected", r"started on \d+$", "Database connected"],
            "forbid": ["❌", "FATAL"],
            "count": ["slow", "never"],
        },
    )

    assert seen.values == {
        "files": 1,
        "counts": {"slow": 2, "never": 0},
        "missing": ["Database connected"],
        # A line is one, whatever it holds.
        "forbidden": 2,
        "examples": ["FATAL: no disk", "❌ FATAL"],
        "in_order": False,
    }
    assert seen.told == f"Read {path}: FATAL: no disk"
    assert seen.remember == {}


def test_good_log_is_observed(log: Path) -> None:
    seen = observed(KIND, {"path": str(log), "require": ["old"], "forbid": ["FATAL"]})

    assert seen.values == {
        "files": 1,
        "counts": {},
        "missing": [],
        "forbidden": 0,
        "examples": [],
        "in_order": True,
    }
    assert seen.told == f"Read {log}."


def test_few_examples_are_shown_and_cut(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, *(f"{number} {'x' * 500}" for number in range(5)))

    seen = observed(KIND, {"path": str(path), "forbid": "x"})

    assert seen.values["forbidden"] == 5
    assert seen.values["examples"] == [f"{number} {'x' * 198}…" for number in range(3)]


@pytest.mark.parametrize(
    ("lines", "is_so"),
    [
        (["a", "b", "c"], True),
        (["x", "a", "a", "x", "b", "a", "c", "b"], True),
        (["a b c"], True),
        (["b", "c", "a", "b", "c"], True),
        (["a", "c", "b"], False),
        (["c b a"], False),
        (["a", "b"], False),
        ([], False),
    ],
)
def test_order_is_observed(tmp_path: Path, lines: list[str], is_so: bool) -> None:
    path = tmp_path / "app.log"
    path.touch()
    write(path, *lines)

    assert observed(KIND, {"path": str(path), "require": ["a", "b", "c"]}).values["in_order"] is is_so


def test_pattern_that_matches_nothing_ends_all_the_same(log: Path) -> None:
    assert observed(KIND, {"path": str(log), "require": ["", "", "x*"]}).values["in_order"] is True


def test_all_files_of_all_patterns_are_read(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.txt", "d.txt"):
        write(tmp_path / name, name)
    (tmp_path / "old.log").mkdir()

    seen = observed(KIND, {"path": [f"{tmp_path}/*.log", f"{tmp_path}/a.log", f"{tmp_path}/?.txt"], "count": [r"\w"]})

    assert (seen.values["files"], seen.values["counts"]) == (4, {r"\w": 4})
    assert seen.told == f"Read {tmp_path}/a.log, {tmp_path}/b.log, {tmp_path}/c.txt and 1 more."


def test_log_that_is_not_there_is_seen_not_to_be(tmp_path: Path) -> None:
    seen = observed(KIND, {"path": [f"{tmp_path}/a.log", f"{tmp_path}/*.txt"], "require": ["x"]})

    assert (seen.values["files"], seen.values["missing"], seen.values["forbidden"]) == (0, ["x"], 0)
    assert seen.told == f"There is no log at {tmp_path}/a.log, {tmp_path}/*.txt."


def test_log_that_cannot_be_read_is_told(open_directory: Path) -> None:
    path = open_directory / "app.log"
    path.touch(0o200)

    with as_nobody():
        told = refusal(lambda: observed(KIND, str(path)))

    assert told == f"{path} cannot be read. Permission denied: run as a user who may, for example with become."


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    for path, why in ((tmp_path / "fifo", "It is no plain file."), (tmp_path, "It is a directory.")):
        with pytest.raises(ShipshapeError) as caught:
            observed(KIND, str(path))
        assert caught.value.message == f"{path} cannot be read. {why}"


@pytest.mark.parametrize("pattern", ["app.log", "*.log", "app*"])
def test_only_what_was_written_since_the_beginning_is_read(log: Path, pattern: str) -> None:
    argument = {"path": f"{log.parent}/{pattern}", "since": "now", "forbid": ["ERROR"], "count": ["fine"]}
    mark = marked(argument)
    write(log, "fine")

    assert observed(KIND, argument, mark=mark).values["forbidden"] == 0
    write(log, "ERROR new")
    # It is observed again and again.
    for _again in range(2):
        seen = observed(KIND, argument, mark=mark)
        assert (seen.values["examples"], seen.values["counts"]) == (["ERROR new"], {"fine": 1})


@pytest.mark.parametrize("pattern", ["app.log", "app*", "*"])
@pytest.mark.parametrize("is_copied", [True, False])
def test_log_that_is_rotated_is_read_once(log: Path, pattern: str, is_copied: bool) -> None:
    older = Path(f"{log}.1")
    older.write_text(OLD.replace("old", "older"))
    argument = {"path": f"{log.parent}/{pattern}", "since": "now", "forbid": ["ERROR"], "count": ["."]}
    mark = marked(argument)
    write(log, "before")

    older.rename(f"{log}.2")
    if is_copied:
        shutil.copy(log, older)
        os.truncate(log, 0)
    else:
        log.rename(older)
    if pattern == "app.log" and not is_copied:
        # Before the application has made a new one.
        assert observed(KIND, argument, mark=mark).values["counts"] == {".": 1}
        assert observed(KIND, argument, mark=mark).values["files"] == 1
    write(log, "after")
    write(log.parent / "app-1.log", *(["another", "one"] if pattern != "app.log" else []))

    seen = observed(KIND, argument, mark=mark)

    assert (seen.values["forbidden"], seen.values["counts"]) == (0, {".": 2 if pattern == "app.log" else 4})


def test_file_that_is_new_is_read_as_a_whole(log: Path) -> None:
    argument = {"path": f"{log.parent}/*.log", "since": "now", "forbid": ["ERROR"]}
    mark = marked(argument)
    write(log.parent / "app-1.log", "ERROR in the second instance")

    assert observed(KIND, argument, mark=mark).values["examples"] == ["ERROR in the second instance"]


def test_logs_that_began_alike_are_both_read(log: Path) -> None:
    shutil.copy(log, log.parent / "other.log")
    argument = {"path": f"{log.parent}/*.log", "since": "now", "count": ["new"]}
    mark = marked(argument)
    write(log, "new")
    write(log.parent / "other.log", "new")

    seen = observed(KIND, argument, mark=mark)

    assert (seen.values["files"], seen.values["counts"]) == (2, {"new": 2})


def test_log_that_is_removed_is_seen_not_to_be(log: Path) -> None:
    argument = {"path": str(log), "since": "now"}
    mark = marked(argument)
    log.unlink()

    assert observed(KIND, argument, mark=mark).values["files"] == 0


def test_beginning_that_was_not_seen_is_told(log: Path) -> None:
    assert refusal(lambda: observed(KIND, {"path": str(log), "since": "now"}, mark=None)) == (
        "Where the log ended when the suite began could not be seen, so that nobody can tell what is new: see that its "
        "name is known from the beginning, and run this again."
    )


def test_nothing_is_marked_unless_it_is_needed(log: Path) -> None:
    assert marked(str(log)) is None
    assert marked({"path": str(log), "since": "last"}) is None


def test_only_what_was_written_since_the_last_run_is_read(log: Path) -> None:
    argument = {"path": str(log), "since": "last", "count": ["."]}

    first = again(argument, None)
    second = again(argument, first)
    write(log, "new")
    third = again(argument, second)
    log.rename(f"{log}.1")
    write(log, "newer", "newest")
    fourth = again(argument, second)

    runs = [first, second, third, fourth]
    assert [one.values["counts"]["."] for one in runs] == [200, 0, 1, 3]
    assert set(first.remember) == {str(log)}
    assert set(first.remember[str(log)]) == {"inode", "offset", "tail"}


def test_logs_of_an_application_are_found(tmp_path: Path) -> None:
    out, err = tmp_path / "out.log", tmp_path / "err.log"
    write(out, "started")
    write(err, "ERROR")
    pm2 = FakePm2(tmp_path)
    both = {"pm_out_log_path": str(out), "pm_err_log_path": str(err)}
    pm2.has(
        [
            process("api", 0, **both),
            process("api", 1, **both),
            process("worker", 2, pm_out_log_path=str(out), pm_err_log_path="/dev/null"),
            process("silent", 3),
        ]
    )
    argument = {"pm2": "api", **pm2.options, "forbid": ["ERROR"], "count": ["."]}

    with pm2.running():
        seen = observed(KIND, argument)
        mark = marked({**argument, "since": "now"})
        write(err, "new")
        new = observed(KIND, {**argument, "since": "now"}, mark=mark)
        worker = observed(KIND, {**argument, "pm2": "worker"})
        silent = observed(KIND, {**argument, "pm2": "silent"})
        unknown = refusal(lambda: observed(KIND, {**argument, "pm2": "apo"}))

    assert (seen.values["files"], seen.values["forbidden"], seen.values["counts"]) == (2, 1, {".": 2})
    assert (new.values["forbidden"], new.values["counts"]) == (0, {".": 1})
    assert (worker.values["files"], worker.values["forbidden"]) == (1, 0)
    assert (silent.values["files"], silent.told) == (0, "There is no log at any place that PM2 knows.")
    assert unknown == "PM2 has no apo. Did you mean api?"


def test_something_is_always_expected() -> None:
    assert KIND.default(given(KIND, "/a.log")) == {"files": {"ge": 1}, "missing": [], "forbidden": 0}
    assert (KIND.only_reads({}), KIND.is_each, KIND.is_alone) == (True, False, False)


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({"forbid": ["x"]}, "Give either path, or the name of an application in pm2."),
        ({"path": "/a.log", "pm2": "api"}, "Give either path, or the name of an application in pm2."),
        ("logs/a.log", "path: give absolute paths only."),
        ({"path": [7]}, "path: give absolute paths only."),
        ({"pm2": "api", "home": ".pm2"}, "home: give an absolute path, such as /home/app/.pm2."),
        (
            {"path": "/a.log", "require": ["("]},
            "require: this is no regular expression: missing ), unterminated subpattern at position 0.",
        ),
        (
            {"path": "/a.log", "forbid": "*"},
            "forbid: this is no regular expression: nothing to repeat at position 0.",
        ),
        ({"path": "/a.log", "count": [7]}, "count: this is no text."),
        ({"path": "/a.log", "since": "yesterday"}, "check.since: Known are: last, now."),
    ],
)
def test_wrong_options_are_refused(argument: object, told: str) -> None:
    assert problems(KIND, argument) == [told]
