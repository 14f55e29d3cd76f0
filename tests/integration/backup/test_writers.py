# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups that are taken while others write as fast as they can: each is of one moment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration import inside
from tests.integration.backup.bank import COUNTER, DOOR
from tests.integration.database import mariadb as mariadb_server
from tests.integration.database.mariadb import SOCKET
from tests.integration.database.postgresql import Server as PostgresqlServer
from tests.integration.machine import Host

BANK = "ansible_collections.shipshape.webapp.tests.integration.backup.bank"
NAME = "shop_bank"
DIRECTORY = "/var/tmp/bank"

# Four times in each way to compress and to verify. The second platform has other versions of the same servers: once.
BACKUPS = {"debian-12": 24, "debian-13": 6}


class Bank(inside.Database):
    """A bank, and its clerks."""

    def run(self, code: str) -> Any:
        """What a piece of Python on the host finds out."""
        told = {"url": self.url, "password": self.password}
        begin = (
            f"import json\nfrom {BANK} import *\nbank = bank_of(**json.loads({json.dumps(told)!r}))\nanswer = None\n"
        )
        return json.loads(inside.python(self.host, f"{begin}{code}\nprint(json.dumps(answer))"))

    @contextmanager
    def at_work(self) -> Iterator[list[int]]:
        """How many transfers the clerks have made, once the context is left."""
        clerks = subprocess.Popen(
            inside.command(self.host, "python3", "-m", BANK), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        done: list[int] = []
        assert clerks.stdin
        assert clerks.stdout
        try:
            clerks.stdin.write(json.dumps({"url": self.url, "password": self.password}) + "\n")
            clerks.stdin.flush()
            assert clerks.stdout.readline()
            yield done
        finally:
            said, _nothing = clerks.communicate()
        done.append(int(said))


@pytest.fixture(params=["mysql", "postgresql", "sqlite-wal", "sqlite-delete"])
def bank(
    request: pytest.FixtureRequest,
    database_host: Host,
    mariadb: mariadb_server.Server,
    postgresql: PostgresqlServer,
) -> Iterator[Bank]:
    """A bank that has just opened."""
    engine, _hyphen, journal = request.param.partition("-")
    file = f"/var/tmp/{NAME}.db"
    if engine == "mysql":
        mariadb.as_root(f"CREATE DATABASE {NAME};")
        opened = Bank(
            database_host, f"mysql://{mariadb_server.USER}@localhost/{NAME}?socket={SOCKET}", mariadb.password
        )
    elif engine == "postgresql":
        opened = Bank(database_host, postgresql.create_database(NAME).url)
    else:
        database_host.run("sqlite3", file, f"PRAGMA journal_mode = {journal}; VACUUM")
        opened = Bank(database_host, f"sqlite://{file}")
    opened.run("bank.open()")
    yield opened
    mariadb.as_root(f"DROP DATABASE IF EXISTS {NAME};")
    postgresql.drop_database(NAME)
    database_host.run("sh", "-c", f"rm -rf {file}* {DIRECTORY} {DOOR} {COUNTER}")


def test_every_backup_is_of_one_moment_whoever_writes(bank: Bank) -> None:
    count = BACKUPS[bank.host.platform]

    with bank.at_work() as done:
        backups = bank.run(f"answer = bank.back_ups({DIRECTORY!r}, {count})")
        proved = inside.module(
            bank.host, "db_backup", database=bank.url, database_password=bank.password, directory=DIRECTORY
        )

    backups.append(proved["backup"])
    audits = bank.run(f"answer = bank.audits(json.loads({json.dumps(backups)!r}))")
    assert audits == [[]] * (count + 1)
    assert backups[-1]["verified"]["level"] == "restore"
    # On a busy machine, the lock that makes the counts exact cannot always be held until the dump has begun.
    assert sum(backup["is_approximate"] for backup in backups) <= count // 5
    # The clerks were at work the whole time.
    transfers = [table["rows"] for backup in backups for table in backup["tables"] if table["name"] == "transfers"]
    moments = [*transfers, *done]
    # While SQLite without a log is copied, clerks wait, and on a busy machine none may come between two copies.
    assert moments == sorted(moments)
    assert len(set(moments)) > len(moments) // 4
