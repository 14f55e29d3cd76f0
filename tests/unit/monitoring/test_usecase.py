# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    CommandError,
    FileError,
    HttpError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._files import HostFiles
from ansible_collections.shipshape.webapp.plugins.module_utils._folders import HostFolders
from ansible_collections.shipshape.webapp.plugins.module_utils._lock import HostLocks
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.alerts import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.usecase import Request, ensure_rules
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.world import World
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Access,
    Commands,
    Completed,
    Files,
    FileState,
    Network,
)

REDIS = {"alert": "RedisDown", "severity": "high", "for": "5m", "when": {"down": "redis"}}
QUEUE = {"alert": "Queue", "severity": "low", "for": "0s", "expr": "queue > 5"}


class Prometheus:
    """A host with Prometheus: its programs, its files and its API."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.directory = room / "rules"
        self.directory.mkdir()
        (self.directory / "others.yml").write_text("groups: [{name: others, rules: []}]", encoding="utf-8")
        self.runs = True
        self.takes = True
        self.refuses = ""
        self.commands: list[tuple[str, ...]] = []
        self.tried: list[str] = []
        self.seconds = 0.0
        self.groups: list[dict[str, str]] = []
        self.read()

    def read(self) -> None:
        self.groups = [
            {"name": group["name"], "file": str(file)}
            for file in sorted(self.directory.glob("*.yml"))
            for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
        ]

    def run(self, argv: Sequence[str], **_options: object) -> Completed:
        self.commands.append(tuple(argv[:2]))
        if argv[0] == "promtool":
            self.tried += [Path(name).name for name in argv[3:]]
            said = f"  FAILED:\n    {argv[3]}: {self.refuses}, \n" if self.refuses else "SUCCESS"
            return Completed(tuple(argv), int(bool(self.refuses)), "Checking it\n", said)
        if self.takes:
            self.read()
        return Completed(tuple(argv), 0, "", "")

    def find(self, *programs: str) -> str | None:
        return programs[0]

    @contextmanager
    def connect(self, host: str, port: int, **_options: object) -> Iterator[Prometheus]:
        if not self.runs:
            raise HttpError("refused", reason="refused")
        self._answer = [b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps({"data": {"groups": self.groups}}).encode(), b""]
        yield self

    def send(self, data: bytes) -> None:
        assert data.startswith(b"GET /api/v1/rules ")

    def receive(self, timeout: float | None = None) -> bytes:
        return self._answer.pop(0)

    def clock(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds

    def world(self) -> World:
        return World(
            commands=cast(Commands, self),
            files=cast(Files, _Files()),
            folders=HostFolders(),
            locks=HostLocks(),
            network=cast(Network, self),
            clock=self.clock,
            pause=self.pause,
            room=lambda: str(self.room),
        )

    def own(self, name: str = "shop") -> list[str]:
        return [one["name"] for one in self.groups if one["file"] == str(self.directory / f"{name}.yml")]

    def path(self, name: str = "shop") -> Path:
        return self.directory / f"{name}.yml"


class _Files(HostFiles):
    """Those of a user who is root to the use case."""

    def read(self, path: str) -> FileState | None:
        found = super().read(path)
        return replace(found, access=replace(found.access, owner="root", group="root")) if found else None

    def write(self, path: str, content: bytes, access: Access) -> None:
        super().write(path, content, Access(mode=access.mode))


@pytest.fixture
def host(tmp_path: Path) -> Prometheus:
    return Prometheus(tmp_path)


def ensure(host: Prometheus, *rows: Mapping[str, Any], check: bool = False, **options: Any) -> Result:
    request = Request(Table("shop", rows), directory=str(host.directory), **options)
    return ensure_rules(request, world=host.world(), check_mode=check)


@pytest.mark.parametrize("rows", [[REDIS], [REDIS, QUEUE], []])
@pytest.mark.parametrize("first", [[REDIS], None])
def test_check_mode_foretells_what_a_run_does(
    host: Prometheus, first: list[dict[str, Any]] | None, rows: list[dict[str, Any]]
) -> None:
    if first:
        ensure(host, *first)
    before = sorted(os.listdir(host.directory)), list(host.groups)

    foretold = ensure(host, *rows, check=True)
    assert (sorted(os.listdir(host.directory)), host.groups) == before
    done = ensure(host, *rows)

    assert foretold == done
    assert done.changed is (rows != first)
    assert host.own() == [done.data["group"]]
    assert not ensure(host, *rows).changed


def test_rules_are_tried_and_then_gone_by(host: Prometheus) -> None:
    done = ensure(host, REDIS, QUEUE)

    assert host.tried == ["all.yml", "test-0.json"]
    assert host.commands == [("promtool", "check"), ("promtool", "test"), ("systemctl", "reload")]
    assert done.data["alerts"] == ["RedisDown", "Queue"]
    assert done.data["tests"] == 3
    assert done.warnings == ["Queue: without an example, nothing shows that it ever fires."]
    assert host.path().stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in host.directory.iterdir()) == ["others.yml", "shop.yml"]


def test_unchanged_rules_are_not_tried_again(host: Prometheus) -> None:
    ensure(host, REDIS)
    host.commands.clear()

    assert not ensure(host, REDIS).changed
    assert host.commands == []


def test_what_promtool_does_not_take_changes_nothing(host: Prometheus) -> None:
    ensure(host, REDIS)
    before = host.path().read_text(encoding="utf-8")
    host.refuses = "exp: firing, got: nothing"

    for check in (True, False):
        with pytest.raises(InvalidInput) as caught:
            ensure(host, REDIS, QUEUE, check=check)
        assert caught.value.details["problems"] == ["all.yml: exp: firing, got: nothing,"]
    assert host.path().read_text(encoding="utf-8") == before


def test_rules_that_prometheus_does_not_read_are_taken_back(host: Prometheus) -> None:
    ensure(host, REDIS)
    before = host.path().read_text(encoding="utf-8")
    host.takes = False

    with pytest.raises(CommandError, match=r"does not go by .*shop.yml after 30 seconds.*Everything is as it was"):
        ensure(host, QUEUE)

    assert host.path().read_text(encoding="utf-8") == before


def test_first_rules_that_prometheus_does_not_read_are_gone_again(host: Prometheus) -> None:
    host.takes = False

    with pytest.raises(CommandError):
        ensure(host, REDIS)

    assert not host.path().exists()


def test_failure_of_the_way_back_is_told(host: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(host, REDIS)
    host.takes = False
    host.groups = [{"name": "shop of long ago", "file": str(host.path())}]
    monkeypatch.setattr(host, "read", lambda: None)

    def forget(seconds: float) -> None:
        host.seconds += seconds
        host.groups = []

    monkeypatch.setattr(host, "pause", forget)
    with pytest.raises(ShipshapeError, match="The way back failed too"):
        ensure(host, QUEUE)


def test_rules_that_are_there_and_not_read_are_read(host: Prometheus) -> None:
    ensure(host, REDIS)
    host.groups = []

    assert ensure(host, REDIS).changed
    assert host.own()
    assert not ensure(host, REDIS).changed


def test_where_prometheus_does_not_run_nothing_is_started(host: Prometheus) -> None:
    host.runs = False

    done = ensure(host, REDIS)

    assert done.changed
    assert done.data["running"] is False
    assert ("systemctl", "reload") not in host.commands
    assert not ensure(host, REDIS).changed


def test_rules_of_others_stay(host: Prometheus) -> None:
    ensure(host, REDIS)

    done = ensure(host, is_wanted=False)

    assert done.changed
    assert done.data["group"] is None
    assert [path.name for path in host.directory.iterdir()] == ["others.yml"]
    assert [one["name"] for one in host.groups] == ["others"]
    assert not ensure(host, is_wanted=False).changed


def test_file_of_somebody_else_is_refused(host: Prometheus) -> None:
    host.path().write_text("groups: []", encoding="utf-8")

    with pytest.raises(FileError, match="not of this collection"):
        ensure(host, REDIS)

    assert host.path().read_text(encoding="utf-8") == "groups: []"
