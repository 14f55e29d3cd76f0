# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of backups, a server with the database shop, and the two use cases."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._backup import usecase_backup, usecase_restore
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.loss import parse_budget
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Manifest, parse_manifest
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.retention import parse_policy
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from tests.unit.backup.fake_databases import Clock, FakeDatabases, host_of, tree

PASSWORD = "s3cret, word"

ORDERS = [[1, "tea"], [2, "salt"], [3, "oil"]]


@dataclass
class World:
    root: Path
    clock: Clock = field(default_factory=Clock)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in ("server", "scratch"):
            (self.root / path).mkdir()
        self.databases = FakeDatabases(self.root / "server")
        self.databases.write("shop", orders=ORDERS, users=[["ada"]])
        self.host = host_of(self.databases, self.clock, self.pauses)

    @property
    def directory(self) -> Path:
        return self.root / "backups"

    def address(self, name: str = "shop") -> Address:
        return Address("postgresql", name, host="db.example.com", port=5432, user="app", password=PASSWORD)

    def backup_request(self, **changes: Any) -> usecase_backup.Request:
        request = usecase_backup.Request(
            address=self.address(),
            directory=str(self.directory),
            name="shop",
            terms=Terms(str(self.root / "scratch")),
            compress="none",
        )
        return replace(request, keep=parse_policy(changes.pop("keep", {})), **changes)

    def back_up(self, *, check_mode: bool = False, host: Host | None = None, **changes: Any) -> Result:
        return usecase_backup.back_up(
            self.backup_request(**changes), host=host or self.host, strategy=self.databases, check_mode=check_mode
        )

    def restore_request(self, **changes: Any) -> usecase_restore.Request:
        request = usecase_restore.Request(
            address=self.address(),
            backup="latest",
            directory=str(self.directory),
            name="shop",
            terms=Terms(str(self.root / "scratch")),
            loss_budget=parse_budget(changes.pop("loss_budget", 0)),
        )
        return replace(request, **changes)

    def restore(self, *, check_mode: bool = False, host: Host | None = None, **changes: Any) -> Result:
        return usecase_restore.restore(
            self.restore_request(**changes), host=host or self.host, strategy=self.databases, check_mode=check_mode
        )

    def settle(self, *, check_mode: bool = False, host: Host | None = None, **changes: Any) -> Result:
        return usecase_restore.settle(
            self.restore_request(**changes), host=host or self.host, strategy=self.databases, check_mode=check_mode
        )

    def backup(self, **changes: Any) -> Manifest:
        """Take a backup now, whatever is there."""
        [new] = {self.back_up(**changes).data["backup"]["id"]}
        return self.manifest(new)

    def manifest(self, backup: str) -> Manifest:
        name = f"{backup}.manifest.json"
        return parse_manifest(name, (self.directory / name).read_text())

    def rewrite(self, backup: Manifest, **changes: Any) -> Manifest:
        """Have the manifest say something else."""
        changed = replace(backup, **changes)
        (self.directory / f"{backup.id}.manifest.json").write_text(changed.to_text())
        return changed

    def edit(self, backup: Manifest, **changes: object) -> None:
        """Have the manifest say what it never would."""
        path = self.directory / f"{backup.id}.manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def ids(self) -> list[str]:
        """The finished backups, oldest first."""
        return sorted(path.name.partition(".")[0] for path in self.directory.glob("*.manifest.json"))

    def files(self) -> dict[str, bytes]:
        """What is in the directory, but for the locks, which stay there."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir() if path.suffix != ".lock"}

    def tree(self) -> dict[str, tuple[object, ...]]:
        return tree(self.root)

    def orders(self, *rows: list[Any]) -> None:
        """Have the database hold these orders."""
        self.databases.write("shop", orders=list(rows), users=self.databases.read("shop")["users"])

    def later(self, **time: float) -> None:
        self.clock.time += timedelta(**time)

    def at(self, text: str) -> None:
        self.clock.time = datetime.fromisoformat(text)
