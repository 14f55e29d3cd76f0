# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases made by the real git, tar, cp and Node."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._command import HostCommands
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.git import Git
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.release import (
    release_argument_spec,
    request_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.root import Root
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.source import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_lock import Host as LockHost
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_lock import Request as LockRequest
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_lock import keep_lock
from ansible_collections.shipshape.webapp.plugins.module_utils._deployment.usecase_release import keep_releases
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    InvalidInput,
    LockHeld,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._machine import machine_of
from ansible_collections.shipshape.webapp.plugins.module_utils._network import HostNetwork
from ansible_collections.shipshape.webapp.plugins.module_utils._paths import HostPaths
from ansible_collections.shipshape.webapp.plugins.module_utils._processes import HostProcesses
from ansible_collections.shipshape.webapp.plugins.module_utils._trees import HostTrees

PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"

# Says that it was called, and what it would install: as npm would, from the lock file.
INSTALL = "echo called >>$CALLS; mkdir -p node_modules/dep; cp package-lock.json node_modules/dep/version"


@dataclass
class Place:
    """An application's root, and a repository of its code."""

    root: Path
    repository: Path
    moments: Iterator[int]

    def call(self, *, check: bool = False, **asked: Any) -> dict[str, Any]:
        spec: Mapping[str, Any] = release_argument_spec().options
        options: dict[str, Any] = {name: option.get("default") for name, option in spec.items()}
        options |= {"root": str(self.root), **asked}
        options["source"] = _filled(options["source"], spec["source"]["options"])
        options["build"] = [_filled(step, spec["build"]["options"]) for step in options["build"]]
        options["environment"] = {"PATH": PATH, "CALLS": str(self.root / "calls"), **options["environment"]}
        result = keep_releases(request_of(options), host(self), check_mode=check)
        return {"changed": result.changed, **result.data}

    def make(self, **asked: Any) -> dict[str, Any]:
        return self.call(source={"git": str(self.repository), "version": "main"}, **asked)

    def commit(self, files: Mapping[str, str]) -> str:
        for name, content in files.items():
            path = self.repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--allow-empty", "--message", f"Change {sorted(files)}\n\nMore.")
        return git(self.repository, "rev-parse", "HEAD")

    def states(self) -> list[tuple[str, str]]:
        return [(line["release"], line["state"]) for line in self.lines() if "release" in line]

    def lines(self) -> list[dict[str, Any]]:
        path = self.root / "deployments.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def releases(self) -> list[str]:
        return sorted(path.name for path in (self.root / "releases").iterdir())

    def calls(self) -> int:
        path = self.root / "calls"
        return len(path.read_text().splitlines()) if path.exists() else 0


def host(place: Place) -> Host:
    began = datetime(2026, 11, 22, 7, 15, tzinfo=timezone.utc)
    return Host(
        commands=HostCommands(),
        files=HostFiles(),
        folders=HostFolders(),
        locks=HostLocks(),
        paths=HostPaths(),
        processes=HostProcesses(),
        trees=HostTrees(),
        clock=time.monotonic,
        now=lambda: began + timedelta(seconds=next(place.moments)),
    )


def _filled(given: dict[str, Any] | None, options: dict[str, Any]) -> Any:
    return given and {**{name: option.get("default") for name, option in options.items()}, **given}


def git(repository: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    run = subprocess.run(["git", *who, *arguments], cwd=repository, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def tree(path: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a directory, and what says that it is untouched."""
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not file.is_symlink()]
    return {str(file.relative_to(path)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "root", tmp_path / "repository", itertools.count())
    place.root.mkdir()
    place.repository.mkdir()
    git(place.repository, "init", "--quiet", "--initial-branch=main")
    place.commit({"app.js": "one", "package.json": "{}", "package-lock.json": "lock one"})
    return place


def test_a_commit_becomes_a_release_once(place: Place) -> None:
    commit = git(place.repository, "rev-parse", "HEAD")
    made = place.make(build=[{"run": "cp app.js built.js"}])

    assert made["changed"]
    assert made["release"].startswith(f"{commit[:12]}-")
    assert made["origin"] == commit
    assert made["title"] == "Change ['app.js', 'package-lock.json', 'package.json']"
    assert made["state"] == "ready"
    assert made["live"] is None
    assert made["archive"] is None
    path = Path(made["path"])
    assert path == place.root / "releases" / made["release"]
    assert (path / "built.js").read_text() == "one"
    assert not (path / ".git").exists()
    assert path.stat().st_mode & 0o777 == 0o755
    assert [state for _name, state in place.states()] == ["building", "ready"]
    assert [(step["run"], step["is_restored"]) for step in made["steps"]] == [("cp app.js built.js", False)]

    before = tree(place.root)
    again = place.make(build=[{"run": "cp app.js built.js"}])
    assert not again["changed"]
    assert {**again, "changed": True, "steps": made["steps"]} == made
    assert tree(place.root) == before


def test_another_commit_configuration_or_build_is_another_release(place: Place) -> None:
    names = [place.make()["release"], place.make(configuration="x")["release"]]
    names.append(place.make(build=[{"run": "true"}])["release"])
    names.append(place.make(environment={"A": "1"})["release"])
    names.append(place.make(shared=["logs"])["release"])
    place.commit({"app.js": "two"})
    names.append(place.make()["release"])
    assert len(set(names)) == 6
    # A password that is exchanged makes no other code.
    assert place.make(secrets={"TOKEN": "canary-1"})["release"] == names[-1]


@pytest.mark.parametrize("version", ["v1", "v2", "feature/x", "HEAD", "short", "full"])
def test_branches_tags_and_commits_are_found(place: Place, version: str) -> None:
    git(place.repository, "tag", "v1")
    git(place.repository, "tag", "--annotate", "v2", "--message", "A tag with a message")
    git(place.repository, "branch", "feature/x")
    commit = git(place.repository, "rev-parse", "HEAD")
    asked = {"short": commit[:9], "full": commit}.get(version, version)
    place.commit({"app.js": "later"})
    if version == "HEAD":
        commit = git(place.repository, "rev-parse", "HEAD")
    assert place.call(source={"git": str(place.repository), "version": asked})["origin"] == commit


def test_a_branch_that_was_rewritten_is_followed(place: Place) -> None:
    place.commit({"app.js": "wrong"})
    place.make()
    git(place.repository, "reset", "--quiet", "--hard", "HEAD~1")
    commit = place.commit({"app.js": "right"})
    made = place.make()
    assert made["origin"] == commit
    assert (Path(made["path"]) / "app.js").read_text() == "right"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"git": "REPOSITORY", "version": "nowhere"}, "has no branch and no tag nowhere: look for the right name"),
        ({"git": "REPOSITORY", "version": "0123456"}, "has no commit 0123456 on any branch or tag: push it"),
        ({"git": "REPOSITORY", "version": "0" * 40}, f"has no commit {'0' * 40} on any branch or tag: push it"),
        ({"git": "/nowhere.git"}, "To ask /nowhere.git for HEAD failed: git ended with exit code 128"),
        ({"archive": "/nowhere.tar", "sha256": "0" * 64}, "/nowhere.tar is no file on this host: copy the archive"),
        ({"directory": "/nowhere"}, "/nowhere is no directory on this host: copy it there first"),
    ],
)
def test_a_source_that_is_not_there_is_told(place: Place, source: dict[str, str], message: str) -> None:
    source = {name: value.replace("REPOSITORY", str(place.repository)) for name, value in source.items()}
    with pytest.raises(ShipshapeError) as caught:
        place.call(source=source)
    assert message in caught.value.message
    assert place.lines() == []


def test_a_password_is_told_to_the_server_alone(place: Place) -> None:
    told: list[str] = []
    seen: list[bytes] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(self.headers.get("Authorization", ""))
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    seen.append((process / "cmdline").read_bytes() + (process / "environ").read_bytes())
            self.send_response(404 if told[-1] else 401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever).start()
        source = {"git": f"http://127.0.0.1:{server.server_port}/x.git", "version": "main", "user": "ann"}
        password = "canary-5-%$ words"
        root = Root(str(place.root))
        with pytest.raises(CommandError) as caught:
            Git({**source, "password": password}, root, host(place)).origin(check_mode=False)
        server.shutdown()
    assert told == ["", f"Basic {base64.b64encode(f'ann:{password}'.encode()).decode()}"]
    assert any(b"ls-remote" in one for one in seen)
    assert not any(password.encode() in one for one in seen)
    assert password not in json.dumps([caught.value.message, caught.value.details])


def test_submodules_are_refused_instead_of_left_empty(place: Place) -> None:
    place.commit({".gitmodules": '[submodule "x"]\n'})
    with pytest.raises(CommandError, match="has submodules, which are not fetched: use an archive as the source"):
        place.make()
    assert place.releases() == []


def test_check_mode_foretells_and_writes_nothing(place: Place) -> None:
    foretold = place.make(check=True, build=[{"run": "true"}])
    assert foretold["changed"]
    assert list(place.root.iterdir()) == []
    made = place.make(build=[{"run": "true"}])
    assert foretold["release"] == made["release"]
    assert foretold["state"] == made["state"]
    before = tree(place.root)
    assert place.call(check=True, state="live", release=made["release"])["changed"]
    assert place.call(check=True, state="good", release=made["release"])["changed"]
    assert place.call(check=True, state="bad", release=made["release"])["changed"]
    place.commit({"app.js": "two"})
    assert place.make(check=True)["removed"] == [made["release"]]
    assert tree(place.root) == before


def test_a_build_that_fails_leaves_its_log_and_nothing_else(place: Place) -> None:
    live = place.make()["release"]
    place.call(state="good", release=live)
    before = tree(place.root / "releases")
    steps = [{"run": "echo fine"}, {"run": "echo to see; echo 'no such module' >&2; exit 3", "in": "."}, {"run": "no"}]
    with pytest.raises(ShipshapeError) as caught:
        place.make(build=steps)

    name, log = caught.value.details["release"], caught.value.details["log"]
    assert caught.value.message == (
        f"Step 2 of 3 ({steps[1]['run']}) failed: it ended with exit code 3. The release {name} is bad and was "
        f"removed, and what is live is as it was. See {log}."
    )
    assert caught.value.details["said"] == ["to see", "no such module"]
    assert Path(log).read_text() == f"$ echo fine\nfine\n$ {steps[1]['run']}\nto see\nno such module\n"
    assert Path(log).stat().st_mode & 0o777 == 0o600
    assert tree(place.root / "releases") == before
    assert place.states()[-1] == (name, "bad")
    assert place.lines()[-1]["note"].startswith("Step 2 of 3")
    # The same once more: it is not taken for built.
    with pytest.raises(ShipshapeError, match="Step 2 of 3"):
        place.make(build=steps)
    assert os.readlink(place.root / "current") == f"releases/{live}"


def test_a_step_that_takes_too_long_is_stopped_with_all_that_it_started(place: Place) -> None:
    with pytest.raises(ShipshapeError, match=r"Step 1 of 1 .*: sh was not done after 0.5 seconds and was stopped"):
        place.make(build=[{"run": "sleep 1000 & echo $! >$CALLS; wait", "timeout": 0.5}])
    pid = int((place.root / "calls").read_text())
    deadline = time.monotonic() + 10
    while HostProcesses().at(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_build_that_was_killed_is_built_anew(place: Place) -> None:
    made = place.make()
    path = place.root / "deployments.jsonl"
    # As it is when the module is killed in the middle.
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "ready" not in line))
    (Path(made["path"]) / "half").write_text("of it")
    again = place.make()
    assert again["changed"]
    assert not (Path(made["path"]) / "half").exists()
    assert [state for _name, state in place.states()] == ["building", "building", "ready"]


def test_a_build_gets_nothing_of_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRAY", "canary")
    made = place.make(
        environment={"A": "one", "B": "all"},
        secrets={"TOKEN": "canary-2"},
        build=[{"run": "env", "environment": {"B": "own"}}],
    )
    lines = Path(made["log"]).read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if "=" in line)
    known = {"PATH", "HOME", "LANG", "CALLS", "A", "B", "TOKEN"}
    # What the shell sets by itself.
    assert set(variables) - {"PWD", "OLDPWD", "SHLVL", "_"} == known
    assert variables["HOME"] == str(place.root / "cache/home")
    assert variables["B"] == "own"


def test_secrets_of_a_build_are_shown_nowhere(place: Place) -> None:
    secret = 'canary-3 "#$ words'
    show = 'echo "$TOKEN"; echo "$TOKEN" >&2; node -p "JSON.stringify(process.env.TOKEN)"; cat /proc/self/cmdline'
    with pytest.raises(ShipshapeError) as caught:
        place.make(secrets={"TOKEN": secret}, build=[{"run": f"{show}; exit 1"}])
    told = json.dumps([caught.value.message, caught.value.details, place.lines()])
    told += Path(caught.value.details["log"]).read_text()
    assert "canary-3" not in told
    assert told.count("********") >= 4


def test_an_install_is_done_once_for_a_lock_file(place: Place) -> None:
    steps = [{"install": INSTALL}, {"run": "echo changed >>node_modules/dep/version"}]
    first = place.make(build=steps)
    place.call(state="good", release=first["release"])
    place.commit({"app.js": "two"})
    second = place.make(build=steps)

    assert place.calls() == 1
    assert [step["is_restored"] for step in second["steps"]] == [True, False]
    # What a build has written into them is its own.
    assert (Path(second["path"]) / "node_modules/dep/version").read_text() == "lock onechanged\n"
    assert (Path(first["path"]) / "node_modules/dep/version").read_text() == "lock onechanged\n"
    assert "Nothing to do: the same dependencies are in" in Path(second["log"]).read_text()


@pytest.mark.parametrize(
    "change",
    [
        lambda place, asked: place.commit({"package-lock.json": "lock two"}),
        lambda place, asked: place.commit({"package.json": '{"scripts": {}}'}),
        lambda place, asked: place.commit({".npmrc": "legacy-peer-deps=true"}),
        lambda place, asked: asked["build"][0].update(install=f"{INSTALL} "),
        lambda place, asked: asked["build"][0].update(environment={"NODE_ENV": "production"}),
        lambda place, asked: asked["environment"].update(PATH=f"{place.root.parent}/bin:{PATH}"),
    ],
    ids=["lock", "package", "npmrc", "command", "environment", "node"],
)
def test_whatever_dependencies_depend_on_has_them_installed_anew(
    place: Place, change: Callable[[Place, dict[str, Any]], object]
) -> None:
    other_node = place.root.parent / "bin" / "node"
    other_node.parent.mkdir()
    other_node.write_text("#!/bin/sh\necho 999 linux x64\n")
    other_node.chmod(0o755)
    asked: dict[str, Any] = {"build": [{"install": INSTALL}], "environment": {}}
    place.make(**asked)
    change(place, asked)
    place.commit({"app.js": "two"})
    place.make(**asked)
    assert place.calls() == 2


def test_a_new_version_of_the_application_alone_needs_no_other_dependencies(place: Place) -> None:
    def versioned(version: str, dependency: str) -> None:
        package = {"name": "shop", "version": version, "dependencies": {"dep": dependency}}
        lock = {"version": version, "packages": {"": package, "node_modules/dep": {"version": dependency}}}
        place.commit({"package.json": json.dumps(package), "package-lock.json": json.dumps(lock)})
        place.make(build=[{"install": INSTALL}])

    versioned("1.0.0", "1.0.0")
    versioned("1.0.1", "1.0.0")
    assert place.calls() == 1
    versioned("1.0.1", "1.0.1")
    assert place.calls() == 2


def test_without_a_lock_file_every_release_installs_by_itself(place: Place) -> None:
    (place.repository / "package-lock.json").unlink()
    steps = [{"install": "echo called >>$CALLS; mkdir node_modules"}]
    place.commit({"app.js": "two"})
    place.make(build=steps)
    place.commit({"app.js": "three"})
    made = place.make(build=steps)
    assert place.calls() == 2
    assert made["steps"][0]["dependencies"] is None
    assert list((place.root / "cache/dependencies").iterdir()) == []


def test_workspaces_keep_several_directories_and_the_lock_file_above_counts(place: Place) -> None:
    step = {
        "install": "echo called >>$CALLS; mkdir -p node_modules/.bin; ln -s ../x node_modules/.bin/x",
        "in": "web",
        "keeps": ["node_modules", "absent"],
    }
    place.commit({"web/index.js": ""})
    place.make(build=[step])
    place.commit({"web/index.js": "two"})
    made = place.make(build=[step])
    assert place.calls() == 1
    assert os.readlink(Path(made["path"]) / "web/node_modules/.bin/x") == "../x"
    place.commit({"package-lock.json": "lock two"})
    place.make(build=[step])
    assert place.calls() == 2


def test_an_install_that_fails_is_not_kept(place: Place) -> None:
    with pytest.raises(ShipshapeError, match="Step 1 of 1"):
        place.make(build=[{"install": "mkdir node_modules; exit 1"}])
    assert list((place.root / "cache/dependencies").iterdir()) == []


def test_what_is_shared_outlives_releases(place: Place) -> None:
    place.commit({"uploads/sample.txt": "from the source", "public/index.html": ""})
    (place.root / "shared").mkdir(mode=0o755)
    (place.root / "shared/settings.json").write_text("{}")
    asked: dict[str, Any] = {"shared": ["uploads", "backend/logs"], "shared_files": ["settings.json"]}
    made = place.make(**asked)
    path = Path(made["path"])
    assert list((path / "uploads").iterdir()) == []
    (path / "uploads/picture").write_text("kept")
    (path / "backend/logs/log").write_text("kept")
    place.commit({"app.js": "two"})
    path = Path(place.make(**asked)["path"])
    assert (path / "uploads/picture").read_text() == "kept"
    assert (path / "backend/logs/log").read_text() == "kept"
    assert (path / "settings.json").read_text() == "{}"


@pytest.mark.parametrize("umask", [0o002, 0o077])
def test_what_is_shared_can_be_read_by_all_and_written_by_its_user_alone(place: Place, umask: int) -> None:
    place.commit({"app.js": "one"})
    before = os.umask(umask)
    try:
        place.make(shared=["uploads", "outputs"])
    finally:
        os.umask(before)
    modes = [(place.root / "shared" / name).stat().st_mode & 0o777 for name in ("uploads", "outputs")]
    assert modes == [0o755, 0o755]


def test_a_shared_file_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(FileError, match=r"settings.json, which the release shares, is not there: create it first"):
        place.make(shared_files=["settings.json"])
    assert place.releases() == []


def test_a_release_keeps_the_file_that_it_was_built_with(place: Place) -> None:
    shared = place.root / "shared"
    shared.mkdir(mode=0o755)
    (shared / ".env").write_text("GREETING=one")
    place.commit({".env": "of the source"})
    one = place.make(copied_files=[".env"], build=[{"run": "cat .env >built"}])
    assert not place.make(copied_files=[".env"], build=[{"run": "cat .env >built"}])["changed"]
    place.call(state="good", release=one["release"])

    (shared / ".env").write_text("GREETING=two")
    told = place.make(check=True, copied_files=[".env"], build=[{"run": "cat .env >built"}])
    two = place.make(copied_files=[".env"], build=[{"run": "cat .env >built"}])

    assert told["release"] == two["release"] != one["release"]
    assert (Path(one["path"]) / ".env").read_text() == "GREETING=one"
    assert (Path(two["path"]) / "built").read_text() == "GREETING=two"
    assert (Path(two["path"]) / ".env").stat().st_mode & 0o777 == 0o600
    assert place.make()["release"] not in (one["release"], two["release"])


def test_each_host_has_files_of_its_own(place: Place, tmp_path: Path) -> None:
    shared = place.root / "shared"
    (shared / "web").mkdir(parents=True)
    (shared / "web/.env").write_text("of this host")
    place.commit({"web/app.js": "", "web/web/.env": "of the source"})
    made = place.make(packed=True, copied_files=["web/.env"])
    listing = ["tar", "--list", "--file", made["archive"]["path"]]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split()
    assert "./web/.env" not in listed
    assert {"./web/app.js", "./web/web/.env"} < set(listed)


def test_a_file_to_copy_that_is_not_there_is_told(place: Place) -> None:
    with pytest.raises(FileError, match=r"shared/\.env, which the release gets a copy of, is not there"):
        place.make(copied_files=[".env"])
    assert place.releases() == []


def good(place: Place, content: str) -> str:
    place.commit({"app.js": content})
    release: str = place.make(build=[{"install": INSTALL}])["release"]
    place.call(state="good", release=release)
    return release


def test_releases_go_live_and_good(place: Place) -> None:
    one = place.make()["release"]
    live = place.call(state="live", release=one)
    assert live["changed"]
    assert (live["state"], live["live"], live["good"]) == ("live", one, [])
    assert os.readlink(place.root / "current") == f"releases/{one}"
    assert not place.call(state="live", release=one)["changed"]
    told = place.call(state="good", release=one)
    assert told["changed"]
    assert (told["state"], told["live"], told["good"]) == ("good", one, [one])
    assert not place.call(state="good", release=one)["changed"]
    # What is good already stays so, whoever says again that it is live.
    assert not place.call(state="live", release=one)["changed"]
    assert place.call(state="gathered")["releases"] == {one: "good"}


def test_going_back_is_told_by_the_journal_and_not_by_the_age_of_files(place: Place) -> None:
    one, two = good(place, "one more"), good(place, "two")
    back = place.call(state="live", release=one)
    assert back["changed"]
    assert (back["live"], back["good"]) == (one, [two, one])
    assert os.readlink(place.root / "current") == f"releases/{one}"
    assert place.call(state="bad", release=two, verdict="it loses orders")["good"] == [one]
    assert place.lines()[-1]["note"] == "it loses orders"
    with pytest.raises(InvalidInput, match=f"{two} is bad, and cannot go live"):
        place.call(state="live", release=two)


def test_a_link_that_somebody_has_moved_is_put_right(place: Place) -> None:
    one = good(place, "one more")
    (place.root / "current").unlink()
    (place.root / "current").symlink_to("/nowhere")
    assert place.call(state="good", release=one)["changed"]
    assert os.readlink(place.root / "current") == f"releases/{one}"


@pytest.mark.parametrize(
    ("state", "release", "message"),
    [
        ("live", "nowhere", "there is no nowhere; there are LIVE."),
        ("bad", "nowhere", "there is no nowhere; there are LIVE."),
        ("bad", "LIVE", "LIVE is live: have another one live first."),
        ("good", "GONE", "GONE was removed; there are LIVE."),
    ],
)
def test_what_cannot_go_live_or_bad_is_told(place: Place, state: str, release: str, message: str) -> None:
    gone, live = good(place, "one more"), good(place, "two")
    subprocess.run(["rm", "-r", place.root / "releases" / gone], check=True)
    words = {"LIVE": live, "GONE": gone}
    before = tree(place.root)
    with pytest.raises(InvalidInput) as caught:
        place.call(state=state, release=words.get(release, release))
    for word, name in words.items():
        message = message.replace(word, name)
    assert caught.value.details["problems"] == [f"release: {message}"]
    assert tree(place.root) == before


def test_good_releases_are_kept_by_number_and_bad_ones_go(place: Place) -> None:
    names = [good(place, f"version {number}") for number in range(4)]
    place.commit({"app.js": "bad"})
    bad = place.make(keep=2)
    assert bad["removed"] == [names[0]]
    place.call(state="bad", release=bad["release"])
    place.commit({"app.js": "next"})
    made = place.make(keep=2)
    assert made["removed"] == [bad["release"]]
    assert set(place.releases()) == {*names[1:], made["release"]}
    told = place.call(state="good", release=made["release"], keep=1)
    assert set(told["removed"]) == set(names[1:3])
    assert set(place.releases()) == {names[3], made["release"]}


def test_a_release_in_which_a_process_runs_is_not_removed(place: Place) -> None:
    one = good(place, "one more")
    process = subprocess.Popen(["sleep", "1000"], cwd=place.root / "releases" / one)
    try:
        for number in range(3):
            good(place, f"version {number}")
        assert place.make(keep=1, configuration="x")["removed"] != []
        assert one in place.releases()
    finally:
        process.kill()
        process.wait()
    assert one in place.make(keep=1, configuration="y")["removed"]


def test_dependencies_go_with_the_last_release_that_was_built_with_them(place: Place) -> None:
    good(place, "one more")
    kept = place.root / "cache/dependencies"
    old = {path.name for path in kept.iterdir()}
    place.commit({"package-lock.json": "lock two"})
    good(place, "two")
    assert len(list(kept.iterdir())) == 2
    good(place, "three")
    place.commit({"app.js": "four"})
    place.make(build=[{"install": INSTALL}], keep=1)
    assert old.isdisjoint(path.name for path in kept.iterdir())
    assert len(list(kept.iterdir())) == 1


def test_a_live_release_that_is_gone_is_not_built_into_the_place_of_what_runs(place: Place) -> None:
    made = place.make()
    place.call(state="good", release=made["release"])
    subprocess.run(["rm", "-r", made["path"]], check=True)
    with pytest.raises(FileError, match=r"is live, but .* is not there: deploy another commit, or change"):
        place.make()


def test_a_build_without_room_is_refused_before_it_begins(place: Place) -> None:
    one = good(place, "one more")
    path = place.root / "deployments.jsonl"
    lines = [{**line, "size": 2**60} if "size" in line else line for line in place.lines()]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    place.commit({"app.js": "two"})
    before = tree(place.root / "releases")
    with pytest.raises(FileError, match="a build needs 2199023255552 MB, twice as much as the live release"):
        place.make()
    assert place.states()[-1] == (one, "good")
    assert tree(place.root / "releases") == before


def test_a_deployment_without_its_lock_does_nothing(place: Place) -> None:
    with pytest.raises(LockHeld, match=r"The deployment d1 does not hold the lock of .* any more: begin a new one"):
        place.make(deployment="d1")
    assert list(place.root.iterdir()) == []


def test_who_deploys_can_be_asked_during_a_build(place: Place) -> None:
    waits = {"run": "echo >>$CALLS; until [ -e $CALLS.go ]; do sleep 0.01; done"}
    build = threading.Thread(target=lambda: place.make(build=[waits]))
    build.start()
    try:
        deadline = time.monotonic() + 60
        while not place.calls():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        asked = LockHost(
            HostFiles(),
            HostLocks(),
            HostPaths(),
            lambda: datetime.now(timezone.utc),
            os.urandom,
            HostNetwork(),
            HostProcesses(),
            machine_of,
        )
        told = keep_lock(LockRequest(str(place.root)), asked, check_mode=False).data
        assert set(told["releases"].values()) == {"building"}
        # Nobody builds beside it.
        with pytest.raises(LockHeld, match="Another run is writing in"):
            place.make(configuration="another")
    finally:
        (place.root / "calls.go").touch()
        build.join()
    assert place.states()[-1][1] == "ready"


def test_a_release_that_is_good_ends_its_deployment(place: Place) -> None:
    owner = {"who": "ann", "controller": "ops1", "machine": "m", "pid": 1, "began": "1"}
    moment = "2026-11-22T07:15:00Z"
    lock = {"deployment": "d1", "owner": owner, "since": moment, "heard": moment, "until": moment}
    (place.root / "deployment.lock").write_text(json.dumps(lock))
    made = place.make(deployment="d1")
    assert {line["deployment"] for line in place.lines()} == {"d1"}
    place.call(state="live", release=made["release"], deployment="d1")
    assert (place.root / "deployment.lock").read_text()
    assert place.call(state="good", release=made["release"], deployment="d1")["changed"]
    assert (place.root / "deployment.lock").read_text() == ""
    assert place.lines()[-1]["event"] == "ended"
    assert place.lines()[-1]["verdict"] == "good"


def test_an_archive_becomes_the_same_release_on_another_host(place: Place, tmp_path: Path) -> None:
    made = place.make(packed=True, build=[{"run": "echo built >built.js; ln -s built.js link.js"}], shared=["logs"])
    archive = Path(made["archive"]["path"])
    assert archive.stat().st_mode & 0o777 == 0o644
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert made["archive"]["sha256"] == digest
    assert (
        place.make(packed=True, build=[{"run": "echo built >built.js; ln -s built.js link.js"}], shared=["logs"])[
            "archive"
        ]
        == made["archive"]
    )

    other = Place(tmp_path / "other", place.repository, place.moments)
    other.root.mkdir()
    source = {"archive": made["archive"]["path"], "sha256": digest}
    shipped = other.call(source=source, release=made["release"], shared=["logs"])
    assert shipped["release"] == made["release"]
    for path in Path(made["path"]).iterdir():
        twin = Path(shipped["path"]) / path.name
        assert (
            os.readlink(path) == os.readlink(twin)
            if path.name == "link.js"
            else path.is_dir() or (twin.read_bytes() == path.read_bytes())
        )
    assert os.readlink(Path(shipped["path"]) / "logs") == str(other.root / "shared/logs")
    assert not other.call(source=source, release=made["release"], shared=["logs"])["changed"]


def test_of_archives_that_of_the_live_release_alone_is_kept(place: Place) -> None:
    first = place.make(packed=True)
    place.call(state="good", release=first["release"])
    assert Path(first["archive"]["path"]).exists()
    place.commit({"app.js": "second"})
    second = place.make(packed=True)
    place.call(state="good", release=second["release"])
    assert [path.name for path in place.root.glob("*.tar.gz")] == [Path(second["archive"]["path"]).name]
    place.commit({"app.js": "third"})
    third = place.make(packed=True)
    place.call(state="bad", release=third["release"])
    assert [path.name for path in place.root.glob("*.tar.gz")] == [Path(second["archive"]["path"]).name]


def test_an_archive_with_another_checksum_is_refused(place: Place, tmp_path: Path) -> None:
    archive = tmp_path / "app.tar"
    subprocess.run(["tar", "--create", "--file", archive, "--directory", place.repository, "app.js"], check=True)
    with pytest.raises(FileError, match=r"has another checksum than is declared .*: it is damaged, or another file"):
        place.call(source={"archive": str(archive), "sha256": "0" * 64})
    assert place.releases() == []


def test_an_archive_is_unpacked_without_what_is_above_everything(place: Place, tmp_path: Path) -> None:
    archive = tmp_path / "app.tar.xz"
    subprocess.run(["tar", "--create", "--xz", "--file", archive, "--directory", tmp_path, "repository"], check=True)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    made = place.call(source={"archive": str(archive), "sha256": digest.upper(), "strip": 1})
    assert (Path(made["path"]) / "app.js").read_text() == "one"


def test_a_directory_is_a_release_as_it_is(place: Place) -> None:
    place.commit({"node_modules/dep/index.js": "not taken"})
    source = {"directory": str(place.repository)}
    made = place.call(source=source)
    assert sorted(path.name for path in Path(made["path"]).iterdir()) == ["app.js", "package-lock.json", "package.json"]
    # When it was touched, and by whom, makes no difference; what is in it does.
    os.utime(place.repository / "app.js", (1, 1))
    assert not place.call(source=source)["changed"]
    (place.repository / "app.js").write_text("two")
    assert place.call(source=source)["release"] != made["release"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"keep": 0}, "keep: keep at least 1, to which one can go back."),
        ({"release": "../x"}, "release: use letters, digits, dots, - and _."),
        ({"shared": ["/etc"]}, "shared[1]: it does not lead to something in the release: give a path from there."),
        ({"shared": ["a/../.."]}, "shared[1]: it does not lead to something in the release: give a path from there."),
        ({"shared": ["a/b", "a"]}, "shared[1]: it is in shared[2], which is shared already."),
        ({"shared": ["a/b", "a-b", "a"]}, "shared[1]: it is in shared[3], which is shared already."),
        ({"shared": ["a"], "shared_files": ["a"]}, "shared_files[1]: it is in shared[1], which is shared already."),
        ({"shared": ["a"], "copied_files": ["a/b"]}, "copied_files[1]: it is in shared[1], which is shared already."),
        (
            {"copied_files": ["../b"]},
            "copied_files[1]: it does not lead to something in the release: give a path from there.",
        ),
        ({"build": [{"run": " "}]}, "build[1]: it is empty: say what is run."),
        ({"build": [{"run": "x", "in": "../.."}]}, "build[1].in: it does not lead to something in the release: "),
        (
            {"build": [{"install": "x", "keeps": ["/"]}]},
            "build[1].keeps[1]: it does not lead to something in ",
        ),
        ({"build": [{"run": "x", "timeout": 0}]}, "build[1].timeout: give seconds, more than 0."),
        (
            {"environment": {"A-B": "1"}},
            "environment: A-B cannot be the name of a variable: use ",
        ),
        ({"secrets": {"A": ["1"]}}, "secrets: A is no text: put it in quotes."),
        ({"source": {"git": "https://ann:canary-4@x/y.git"}}, "source.git: leave the password out, and say it in "),
        (
            {"source": {"git": "--upload-pack=x"}},
            "source.git: it begins with -, and would be taken ",
        ),
        ({"source": {"git": "x", "version": "-x"}}, "source.version: it begins with -, and would be taken for "),
        ({"source": {"archive": "x", "sha256": "12"}}, "source.sha256: give the 64 hexadecimal digits that sha256sum "),
        ({"source": {"git": "ssh://x/y", "password": "canary-4"}}, "source.password: it is for addresses that begin "),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_done(place: Place, asked: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        place.call(**{"source": {"git": str(place.repository)}, **asked})
    [told] = caught.value.details["problems"]
    assert told.startswith(problem)
    assert "canary" not in caught.value.message
    assert list(place.root.iterdir()) == []
