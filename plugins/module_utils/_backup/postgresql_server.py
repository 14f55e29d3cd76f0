# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs of PostgreSQL on a host, and a server of one's own made of them.

This module is private to the collection.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.postgresql import Postgresql
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import BackupError, CommandError, DatabaseError

# Where Debian and Red Hat put the programs of each major version, of which several can be there.
_FOLDERS = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")

_MAJOR = re.compile(r"\) ([0-9]+)")

_SUPERUSER = "postgres"
_LONGEST_SOCKET = 107

# What is lost when the machine goes down is of no use to anybody; only who may enter the directory gets in. The shared
# memory is in the directory, too, so that a server that is killed leaves none.
_SETTINGS = {
    "listen_addresses": "",
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Tool:
    """A program of PostgreSQL; `text` is what it says of its version."""

    path: str
    major: int
    text: str


def find_tool(name: str, major: str, host: Host) -> Tool:
    """The program of the server's own version, else the one that the host's PATH leads to."""
    path = host.commands.find(*(f"{folder.format(major)}/{name}" for folder in _FOLDERS), name)
    if path is None:
        raise CommandError(
            f"{name} is not installed on this host: install the client of PostgreSQL {major}, which Debian calls"
            " postgresql-client."
        )
    text = host.commands.run([path, "--version"]).succeeded(f"Asking {name} for its version").stdout.strip()
    found = _MAJOR.search(text)
    return Tool(path, int(found[1]) if found else 0, text)


@dataclass(frozen=True)
class Binaries:
    """The programs of a server, and as whom they have to run: they refuse to run as root."""

    initdb: str
    postgres: str
    user: str | None


def find_binaries(major: str, host: Host) -> Binaries | None:
    """The programs of a server of this major version, if they are here and there is somebody to run them."""
    for folder in _FOLDERS:
        initdb, postgres = (f"{folder.format(major)}/{name}" for name in ("initdb", "postgres"))
        if host.commands.find(initdb) and host.commands.find(postgres):
            break
    else:
        return None
    if host.commands.run(["id", "-u"]).stdout.strip() != "0":
        return Binaries(initdb, postgres, None)
    is_there = host.commands.run(["id", "-u", _SUPERUSER]).code == 0
    return Binaries(initdb, postgres, _SUPERUSER) if is_there else None


@contextlib.contextmanager
def private_server(binaries: Binaries, host: Host, terms: Terms) -> Iterator[Address]:
    """A server that nobody else can reach, at its own database; all of it is gone when the context is left."""
    with host.folders.temporary(terms.scratch, owner=binaries.user) as folder:
        socket = posixpath.join(folder, ".s.PGSQL.5432")
        if len(socket.encode()) > _LONGEST_SOCKET:
            raise BackupError(f"{terms.scratch} is too long a path for a server's socket: choose a shorter one.")
        address = Address("postgresql", "postgres", socket=socket, user=_SUPERUSER)
        data = posixpath.join(folder, "data")
        with _told(terms):
            _initialize(binaries, data, host)
        with contextlib.ExitStack() as stack:
            with _told(terms):
                stack.enter_context(
                    host.servers.running(
                        [binaries.postgres, "-D", data, *_settings(folder)],
                        is_ready=lambda: _is_ready(address, host),
                        log=posixpath.join(folder, "log"),
                        user=binaries.user,
                    )
                )
            yield address


def _initialize(binaries: Binaries, data: str, host: Host) -> None:
    user = binaries.user
    other = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
    how = ["--pgdata", data, "--username", _SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    host.commands.run([*other, binaries.initdb, *how]).succeeded("Making the files of a server")


def _settings(folder: str) -> list[str]:
    quoted = '"{}"'.format(folder.replace('"', '""'))
    settings = {**_SETTINGS, "unix_socket_directories": quoted}
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _is_ready(address: Address, host: Host) -> bool:
    try:
        host.connect(address, Postgresql()).close()
    except DatabaseError as error:
        if error.reason == "driver":
            raise
        return False
    return True


@contextlib.contextmanager
def _told(terms: Terms) -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise BackupError(
            f"No server could be started in {terms.scratch} to restore the backup into. {error.message} If others may"
            " not enter that directory, choose another, or set verify_in to scratch_database.",
            **error.details,
        ) from error
