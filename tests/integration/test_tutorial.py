# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tutorial, followed to the letter on a machine and a server that have nothing of it yet."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.machine import BIN, ROOT, Host

NAME = "notes.example.com"
PAGE = (ROOT / "docs" / "tutorial.md").read_text()
HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
# A file, which is named above it, or commands with what they say.
BLOCK = re.compile(r"(?:`(?P<file>[^`\n]+)`[^`]*)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.DOTALL)

# What the machine of the tests has otherwise: nobody knows the name, and npm is asked through a proxy of its own.
PLACE = """\
app_probe: {{address: {address}}}
nodejs_ca_file: /etc/ssl/certs/ca-certificates.crt
pm2_log_rotation: logrotate
"""


class Reader:
    """Somebody with a home of their own, who has installed the collection."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.home, self.place = folder / "home", folder / "place"
        for directory in (self.home / ".ssh", self.place / "group_vars"):
            directory.mkdir(parents=True)
        key = self.home / ".ssh" / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        script = 'mkdir -p /root/.ssh; echo "$1" >/root/.ssh/authorized_keys; echo "127.0.0.1 $2" >>/etc/hosts'
        host.run("sh", "-c", script, "sh", key.with_suffix(".pub").read_text(), NAME)
        told = host.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").decode()
        known = self.home / ".ssh" / "known_hosts"
        known.write_text(f"{NAME} {told}")
        # SSH takes the home of the account, whatever HOME says.
        config = self.home / ".ssh" / "config"
        config.write_text(
            f"Host {NAME}\n  HostName {host.ip()}\n  HostKeyAlias {NAME}\n  IdentityFile {key}\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
        )
        (self.home / ".curlrc").write_text(f"resolve = {NAME}:80:{host.ip()}\nno-progress-meter\nshow-error\n")
        (self.place / "group_vars" / "all.yml").write_text(PLACE.format(address=host.ip()))
        programs = folder / "bin"
        programs.mkdir()
        (programs / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {config} "$@"\n')
        (programs / "ssh").chmod(0o755)
        self.environment = {
            **os.environ,
            "HOME": str(self.home),
            "PATH": f"{programs}:{BIN}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache" / "collections"),
            "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
            **{f"GIT_{who}_{what}": "ann" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def write(self, name: str, text: str) -> None:
        path = self.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, command: str) -> str:
        """What it says on its standard output; it must end well."""
        ended = subprocess.run(
            ["bash", "-euc", command],
            cwd=self.place,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-6000:]}{ended.stderr[-3000:]}"
        return ended.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    options = ("--cap-add", "NET_ADMIN")
    host = Host("debian-13", f"shipshape-tutorial-{os.getpid()}", tmp_path, options=options)
    try:
        host.wait_until_running()
        yield Reader(tmp_path, host)
    finally:
        host.remove()


def sections() -> dict[str, str]:
    """What stands under each heading."""
    _before, *parts = HEADING.split(PAGE)
    return dict(zip(parts[::2], parts[1::2]))


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command with what the page says that it says."""
    for one in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _newline, said = one.partition("\n")
        yield command, said


def test_what_the_page_says_happens(reader: Reader) -> None:
    followed = sections()
    # The collection is the one of this checkout.
    assert "ansible-galaxy collection install shipshape.webapp" in followed.pop("Install")
    files, checked = [], 0
    for text in followed.values():
        for block in BLOCK.finditer(text):
            if block["kind"] != "console":
                assert block["file"], block["text"]
                reader.write(block["file"], block["text"])
                files.append(block["file"])
                continue
            for command, expected in commands(block["text"]):
                said = reader.run(command)
                if expected:
                    assert said.endswith(expected), f"{command}\n{said[-4000:]}"
                    checked += 1

    assert len(files) == 6
    assert checked == 5
    again = reader.run("ansible-playbook shipshape.webapp.deploy -i inventory -e @notes.yml --check")
    assert "failed=0" in again
