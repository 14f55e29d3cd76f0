# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database of any engine on a test host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Optional
from urllib.parse import quote

from tests.integration.database import mariadb, postgresql
from tests.integration.machine import Host

# How modules get to a database: its address, and its password if it needs one.
Access = tuple[str, Optional[str]]


@dataclass(frozen=True)
class Servers:
    """A host with the servers of its platform, and with SQLite."""

    host: Host
    mariadb: mariadb.Server
    postgresql: postgresql.Server

    @contextmanager
    def empty_database(self, engine: str, name: str, folder: str) -> Iterator[Access]:
        """A database that was not there before and is not there afterwards; one of SQLite is the folder's shop.db."""
        self.host.run("mkdir", "-p", folder)
        if engine == "sqlite":
            self.host.run("touch", f"{folder}/shop.db")
            yield f"sqlite://{folder}/shop.db", None
        elif engine == "mysql":
            self.mariadb.as_root(f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name};")
            yield f"mysql://{mariadb.USER}@localhost/{name}?socket={mariadb.SOCKET}", self.mariadb.password
            self.mariadb.as_root(f"DROP DATABASE {name};")
        else:
            self.postgresql.drop_database(name)
            self.postgresql.create_database(name)
            yield f"postgresql://{quote(postgresql.USER)}@127.0.0.1/{name}", self.postgresql.password
            self.postgresql.drop_database(name)
        self.host.run("rm", "-rf", folder)
