# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that takes back, run by the shell of this machine with programs that only write down their arguments."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.standing import ETC, FILES
from ansible_collections.shipshape.webapp.plugins.module_utils._firewall.taking_back import (
    SCRIPT_TEXT,
    STATE,
    Pending,
)

PENDING = Pending("2a2a", "2026-11-21T09:00:00Z", "2026-11-21T09:02:00Z", "10.0.0.5 51234 10.0.0.9 22")

PROGRAM = """\
#!/bin/sh
echo "${0##*/} $*" >>"$CALLED"
case "$0 $*" in
    */iptables*) exit "$STOPPED" ;;
    *ufw\\ disable) exit "$FAILING" ;;
esac
"""


class Place:
    """The directories of the script, and the programs that it calls."""

    def __init__(self, root: Path) -> None:
        self.state, self.etc, self.called = root / "state", root / "etc", root / "called"
        text = SCRIPT_TEXT.replace(STATE, str(self.state)).replace(f"{ETC}/", f"{self.etc}/")
        text = text.replace("PATH=/", f"PATH={root}/bin:/").replace("/lib/ufw/ufw-init", f"{root}/bin/ufw-init")
        self.script = root / "take-back"
        self.script.write_text(text, encoding="utf-8")
        (root / "bin").mkdir()
        for name in ("ufw", "ufw-init", "iptables"):
            (root / "bin" / name).write_text(PROGRAM, encoding="utf-8")
            (root / "bin" / name).chmod(0o755)
        (self.state / "before").mkdir(parents=True)
        for name in FILES:
            (self.etc / name).parent.mkdir(parents=True, exist_ok=True)
            (self.etc / name).write_text(f"after {name}", encoding="utf-8")
            (self.state / "before" / name.rpartition("/")[2]).write_text(f"before {name}", encoding="utf-8")
        (self.state / "before" / "user.rules").chmod(0o666)
        self.set_before("no")
        (self.state / "pending").write_text(PENDING.as_text(), encoding="utf-8")

    def set_before(self, enabled: str) -> None:
        (self.state / "before" / "ufw.conf").write_text(f"ENABLED={enabled}\n", encoding="utf-8")

    def environment(self, *, stopped: bool = False, failing: bool = False) -> dict[str, str]:
        told = {"CALLED": str(self.called), "STOPPED": str(int(stopped)), "FAILING": str(int(failing))}
        return {**os.environ, **told}

    def run(self, *arguments: str, stopped: bool = False, failing: bool = False) -> list[str]:
        """What was called."""
        environment = self.environment(stopped=stopped, failing=failing)
        subprocess.run(["sh", str(self.script), *arguments], env=environment, check=True)
        return self.called.read_text(encoding="utf-8").splitlines() if self.called.exists() else []

    def files(self) -> set[str]:
        return {(self.etc / name).read_text(encoding="utf-8").split()[0] for name in FILES if name != "ufw/ufw.conf"}

    def records(self) -> list[str]:
        return sorted(path.name for path in self.state.iterdir() if path.is_file())


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_change_is_taken_back_and_the_firewall_is_off_first(place: Place) -> None:
    assert place.run("2a2a") == ["iptables -S ufw-user-input", "ufw disable"]

    assert place.files() == {"before"}
    assert (place.etc / "ufw/user.rules").stat().st_mode & 0o777 == 0o666
    assert (place.etc / "ufw/ufw.conf").read_text(encoding="utf-8") == "ENABLED=no\n"
    assert place.records() == ["taken-back"]
    words = (place.state / "taken-back").read_text(encoding="utf-8").splitlines()
    assert words[:-1] == PENDING.as_text().splitlines()
    name, moment = words[-1].split()
    assert name == "taken_back"
    assert abs(time.mktime(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()) < 60
    assert sorted(path.name for path in (place.etc / "ufw").iterdir()) == sorted(
        name.rpartition("/")[2] for name in FILES if name.startswith("ufw/")
    )


def test_firewall_that_was_on_is_on_again(place: Place) -> None:
    place.set_before("yes")

    assert place.run("2a2a") == ["iptables -S ufw-user-input", "ufw disable", "ufw --force enable"]
    assert place.files() == {"before"}


def test_firewall_is_opened_whatever_becomes_of_ufw(place: Place) -> None:
    called = place.run("2a2a", failing=True)

    assert called == ["iptables -S ufw-user-input", "ufw disable", "ufw-init force-stop"]
    assert place.files() == {"before"}


def test_start_of_the_host_only_puts_the_files_back(place: Place) -> None:
    place.set_before("yes")

    assert place.run(stopped=True) == ["iptables -S ufw-user-input"]
    assert place.files() == {"before"}
    assert place.records() == ["taken-back"]


@pytest.mark.parametrize("arguments", [("2b2b",), ("2a2",)])
def test_change_of_another_stays(place: Place, arguments: tuple[str, ...]) -> None:
    assert place.run(*arguments) == []
    assert place.files() == {"after"}
    assert place.records() == ["pending"]


@pytest.mark.parametrize("arguments", [("2a2a",), ()])
def test_change_that_was_confirmed_stays(place: Place, arguments: tuple[str, ...]) -> None:
    (place.state / "pending").unlink()

    assert place.run(*arguments) == []
    assert place.files() == {"after"}


def test_script_waits_for_the_lock(place: Place) -> None:
    descriptor = os.open(place.state, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with subprocess.Popen(["sh", str(place.script), "2a2a"], env=place.environment()) as script:
            with pytest.raises(subprocess.TimeoutExpired):
                script.wait(0.3)
            assert place.files() == {"after"}
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            assert script.wait(10) == 0
    finally:
        os.close(descriptor)
    assert place.files() == {"before"}
