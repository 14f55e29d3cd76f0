# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo in a copy of this checkout, as somebody has it who sees the project for the first time."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.machine import ROOT

# What the set-up has fetched once need not be fetched again.
SET_UP = (".venv", ".cache/pm2", ".cache/nginx", ".cache/npm")


class Checkout:
    """A copy with what git knows, and a home that is empty but for where npm's registry is."""

    def __init__(self, place: Path) -> None:
        self.place = place / "copy"
        self.home = place / "home"
        known = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        for name in filter(None, known.stdout.decode().split("\0")):
            # What somebody has just removed is still known.
            with suppress(FileNotFoundError):
                target = self.place / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)
        (self.place / ".cache").mkdir()
        for name in SET_UP:
            (ROOT / name).mkdir(parents=True, exist_ok=True)
            (self.place / name).symlink_to(ROOT / name)
        self.home.mkdir()
        with suppress(FileNotFoundError):
            shutil.copy(Path.home() / ".npmrc", self.home)

    def begin(self, target: str) -> subprocess.Popen[str]:
        """Begin what make is asked for, in a group of its own, as a shell does."""
        return subprocess.Popen(
            ["make", target],
            cwd=self.place,
            env={**os.environ, "HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def make(self, target: str) -> str:
        """What make says, which has to succeed."""
        started = self.begin(target)
        said, _errors = started.communicate(timeout=600)
        assert started.returncode == 0, said
        return said

    def branch(self, name: str, fault: str) -> None:
        """Have one more version in the repository of the demo, which is the second with this fault."""
        tree = self.place / ".demo/tmp/tree"
        ann = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false")
        git = ("git", "-C", str(tree))
        repository = str(self.place / ".demo/repository.git")
        subprocess.run(["git", "clone", "--quiet", "--branch", "two", repository, str(tree)], check=True)
        (tree / "FAULT").write_text(f"{fault}\n")
        subprocess.run([*git, "add", "FAULT"], check=True)
        subprocess.run([*git, *ann, "commit", "--quiet", "--message", name], check=True)
        subprocess.run([*git, "push", "--quiet", "origin", f"HEAD:refs/heads/{name}"], check=True)

    def by_hand(self, playbook: str, *more: str) -> int:
        """The exit code of a playbook, called as the demo says in its end."""
        files = ("-i", ".demo/inventory", "-e", "@playbooks/vars/faceshot.yml", "-e", "@.demo/place.yml")
        command = (f"shipshape.webapp.{playbook}", *files, *more)
        script = '. .demo/activate; exec ansible-playbook "$@"'
        return subprocess.run(["sh", "-c", script, "sh", *command], cwd=self.place, check=False).returncode

    def interrupt_at(self, text: str) -> str:
        """Begin the demo, press Ctrl-C as soon as it has said this, and return what it said then."""
        started = self.begin("demo")
        assert started.stdout is not None
        for line in started.stdout:
            if text in line:
                break
        os.killpg(started.pid, signal.SIGINT)
        said = started.communicate(timeout=60)[0]
        assert started.returncode != 0
        return said

    def records(self) -> list[dict[str, Any]]:
        """What is written down of the deployments, in their order."""
        paths = sorted((self.place / ".demo/records").glob("faceshot/*/record.json"))
        return [json.loads(path.read_text()) for path in paths]

    def processes(self) -> list[str]:
        """All processes that have anything to do with this copy."""
        return [told for entry in Path("/proc").iterdir() if entry.name.isdigit() and (told := self._told(entry))]

    def _told(self, process: Path) -> str:
        seen = []
        for name in ("cmdline", "environ"):
            with suppress(OSError):
                seen.append((process / name).read_bytes().decode(errors="replace"))
        for name in ("cwd", "exe"):
            with suppress(OSError):
                seen.append(os.readlink(process / name))
        is_own = int(process.name) != os.getpid() and any(str(self.place) in text for text in seen)
        return f"{process.name} {seen[0]}" if is_own else ""

    def files(self) -> set[str]:
        """What is there besides the set-up."""
        left = subprocess.run(
            ["find", ".", "-path", "./.cache", "-prune", "-o", "-name", "__pycache__", "-prune", "-o", "-print"],
            cwd=self.place,
            check=True,
            capture_output=True,
            text=True,
        )
        return set(left.stdout.splitlines())


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """The copy, of which nothing runs any more afterwards."""
    copy = Checkout(tmp_path)
    yield copy
    copy.make("demo-down")


def test_demo_shows_a_good_one_a_good_one_under_load_and_a_refused_one(checkout: Checkout) -> None:
    before, at_home = checkout.files(), set(checkout.home.iterdir())
    assert "make demo-down" in checkout.interrupt_at("roll out")
    assert checkout.processes()

    # It removes what was left by itself.
    said = checkout.make("demo")

    first, second, third = checkout.records()
    assert [record["verdict"] for record in (first, second, third)] == ["good", "good", "refused"]
    assert third["release"]["live"] == second["release"]["id"] != first["release"]["id"]
    assert [record["availability"]["failed"] for record in (second, third)] == [0, 0]
    assert len(re.findall(r"^Meanwhile: [1-9][\d,]* requests, 0 failed\.$", said, re.MULTILINE)) == 2
    address = re.findall(r"^Version 2 answers at (\S+)$", said, re.MULTILINE)[0]
    assert requests.get(address, timeout=10).json()["version"] == "2.0.0"
    reports = re.findall(r"^  (\.demo/\S+/report\.html)$", said, re.MULTILINE)
    assert [(checkout.place / report).is_file() for report in reports] == [True, True]

    # It passes its gate, and fails while it is watched. Nothing is armed, and it is taken back all the same.
    checkout.branch("four", "errors-after:20")
    assert checkout.by_hand("deploy", "-e", "faceshot_version=four", "-e", "app_watch=20") != 0
    assert checkout.records()[-1]["verdict"] == "returned"
    assert requests.get(address, timeout=10).json()["version"] == "2.0.0"
    assert checkout.by_hand("status") == 0

    assert checkout.make("demo-down") == "Nothing is left of the demo.\n"
    assert checkout.processes() == []
    assert checkout.files() == before
    assert set(checkout.home.iterdir()) == at_home
    assert checkout.make("demo-down") == "There is no demo.\n"
