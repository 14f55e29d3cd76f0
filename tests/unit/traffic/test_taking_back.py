# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that takes back, run by the shell of this machine."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.application import FLAGS
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.flags import Armed, read_armed
from ansible_collections.shipshape.webapp.plugins.module_utils._traffic.taking_back import SCRIPT_TEXT, started

NOW = started(HostFiles(), HostProcesses())

ARMED = Armed("2a2a", NOW, "green", "off", "switch to green", "2026-11-21T09:00:00Z", "2026-11-21T09:05:00Z")


class Flags:
    """The directories of applications, and the script that looks at them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.script = root / "take-back"
        self.script.write_text(SCRIPT_TEXT.replace(FLAGS, str(root)), encoding="utf-8")

    def arm(self, name: str, armed: Armed, *, is_turned: bool = True) -> Path:
        """An application of which one flag was turned, or not yet."""
        directory = self.root / name
        for folder in ("on", "off"):
            (directory / folder).mkdir(parents=True)
        there = "on" if (armed.was == "off") == is_turned else "off"
        (directory / there / armed.flag).touch()
        (directory / "armed").write_text(armed.as_text(), encoding="utf-8")
        return directory

    def run(self, *arguments: object, before: str = "") -> subprocess.CompletedProcess[str]:
        """Call the script, after something else in the same shell."""
        words = ["sh", "-c", f'{before} exec sh "$@"', "-", self.script, *arguments]
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)


@pytest.fixture
def flags(tmp_path: Path) -> Flags:
    return Flags(tmp_path)


def standing(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("was", ["on", "off"])
def test_what_is_armed_is_taken_back(flags: Flags, was: str) -> None:
    armed = replace(ARMED, was=was)
    directory = flags.arm("shop", armed)

    assert flags.run(directory, "2a2a").returncode == 0

    assert standing(directory) == [f"{was}/green", "reverted"]
    reverted = read_armed((directory / "reverted").read_text(encoding="utf-8"))
    assert replace(reverted, reverted="", because="") == armed
    assert reverted.because == "nobody confirmed it in time"
    assert abs(time.mktime(time.strptime(reverted.reverted, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()) < 60


def test_what_was_not_turned_stays(flags: Flags) -> None:
    directory = flags.arm("shop", ARMED, is_turned=False)

    assert flags.run(directory, "2a2a").returncode == 0
    assert standing(directory) == ["off/green", "reverted"]


def test_what_another_has_armed_or_nobody_stays(flags: Flags) -> None:
    directory = flags.arm("shop", ARMED)

    assert flags.run(directory, "2b2b").returncode == 0
    assert standing(directory) == ["armed", "on/green"]

    (directory / "armed").unlink()
    assert flags.run(directory, "2a2a").returncode == 0
    assert standing(directory) == ["on/green"]


def test_start_of_the_host_takes_back_what_was_armed_before(flags: Flags) -> None:
    before = replace(ARMED, boot="kernel-1")
    old, broken, also = (flags.arm(name, before) for name in ("a", "b", "c"))
    new = flags.arm("d", ARMED)
    (broken / "off").rename(broken / "gone")

    assert flags.run().returncode == 1

    for directory in (old, also):
        assert standing(directory) == ["off/green", "reverted"]
        assert "because the host was started anew\n" in (directory / "reverted").read_text(encoding="utf-8")
    assert standing(new) == standing(broken) == ["armed", "on/green"]


def test_host_without_applications_is_none(flags: Flags) -> None:
    assert flags.run().returncode == 0


def test_start_is_told_apart_by_kernel_and_first_process() -> None:
    kernel, _dash, first = NOW.rpartition("-")
    assert kernel == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert first.isdigit()


def test_script_waits_for_the_lock(flags: Flags) -> None:
    directory = flags.arm("shop", ARMED)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with subprocess.Popen(["sh", str(flags.script), str(directory), "2a2a"]) as script:
            with pytest.raises(subprocess.TimeoutExpired):
                script.wait(0.3)
            assert standing(directory) == ["armed", "on/green"]
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            assert script.wait(10) == 0
    finally:
        os.close(descriptor)
    assert standing(directory) == ["off/green", "reverted"]


def test_full_disk_keeps_nothing_from_being_taken_back(flags: Flags) -> None:
    directory = flags.arm("shop", ARMED)

    assert flags.run(directory, "2a2a", before="trap '' XFSZ; ulimit -f 0;").returncode == 0
    assert standing(directory) == ["off/green", "reverted"]
    assert (directory / "reverted").read_text(encoding="utf-8") == ARMED.as_text()
