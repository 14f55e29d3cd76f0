# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a dump of MySQL or MariaDB is restored to see whether it can be. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timezone

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.mysql_tools import (
    ENGINE,
    create_beside,
    server_session,
    text,
    with_settings,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.beside import beside_name, purpose_of
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.mysql import LONGEST_NAME
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    DatabaseError,
    ShipshapeError,
)

_SERVERS = ("mariadbd", "mysqld")
_INSTALLERS = ("mariadb-install-db", "mysql_install_db")

_LONGEST_SOCKET = 107
_SERVERS_USER = "mysql"

_PRIVATE, _BESIDE = "private server", "scratch database"

Opening = Callable[[Address, Facts, Host, Terms], AbstractContextManager[Address]]


@contextmanager
def open_scratch(address: Address, facts: Facts, where: str, host: Host, terms: Terms) -> Iterator[tuple[Address, str]]:
    """An empty database, and what to call the place."""
    with ExitStack() as stack:
        yield _first(stack, address, facts, where, host, terms)


def _first(
    stack: ExitStack, address: Address, facts: Facts, where: str, host: Host, terms: Terms
) -> tuple[Address, str]:
    ways: dict[str, Opening] = {_PRIVATE: _private_server, _BESIDE: _scratch_database}
    wanted = [place for place in ways if where in ("auto", place.replace(" ", "_"))]
    problems = []
    for place in wanted:
        try:
            return stack.enter_context(ways[place](address, facts, host, terms)), place
        except ShipshapeError as error:
            if len(wanted) == 1:
                raise
            problems.append(f"As a {place}: {error.message}")
    raise BackupError(f"{address}: the backup cannot be restored anywhere to verify it. {' '.join(problems)}")


@contextmanager
def _scratch_database(address: Address, facts: Facts, host: Host, terms: Terms) -> Iterator[Address]:
    """A database beside the one that was dumped, locked by its name for as long as it is used."""
    tag = host.now().astimezone(timezone.utc).strftime("%Y%m%d%H%M%S") + host.random(3).hex()
    scratch = replace(address, name=beside_name(address.name, "verify", tag, LONGEST_NAME))
    with server_session(host, address, lock_timeout=terms.lock_timeout) as server:
        for (name,) in server.rows("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA"):
            if purpose_of(text(name), address.name, LONGEST_NAME) == "verify":
                [(is_free,)] = server.rows("SELECT IS_FREE_LOCK(?)", (text(name),))
                if is_free:
                    _drop(host, address, text(name))
        server.rows("SELECT GET_LOCK(?, 0)", (scratch.name,))
        create_beside(
            server, scratch, address, facts.traits, ", or have the server's programs here for a private_server"
        )
        try:
            yield scratch
        finally:
            _drop(host, address, scratch.name)


def _drop(host: Host, address: Address, name: str) -> None:
    # By a session of its own: the one that holds the lock may have been lost.
    with server_session(host, address) as server:
        server.execute(f"DROP DATABASE IF EXISTS {ENGINE.quote(name)}")


@contextmanager
def _private_server(address: Address, facts: Facts, host: Host, terms: Terms) -> Iterator[Address]:
    """A server that nobody else reaches, in which no event runs."""
    program, installer = host.commands.find(*_SERVERS), host.commands.find(*_INSTALLERS)
    if program is None:
        raise BackupError(
            f"Neither {' nor '.join(_SERVERS)} is installed on this host: install the server's package, or restore into"
            " a scratch database."
        )
    user, as_user = _user(host, terms)
    with host.folders.temporary(terms.scratch, owner=user) as folder:
        server = Address("mysql", address.name, socket=f"{folder}/socket", user="root")
        if len(str(server.socket).encode()) > _LONGEST_SOCKET:
            raise BackupError(f"{terms.scratch} is too long a path for the socket of a server: use a shorter one.")
        options = ("--no-defaults", f"--datadir={folder}/data", _case_of_names(facts))
        ways = (installer, *options, *_INSTALL) if installer else (program, *options, *_INITIALIZE)
        host.commands.run([*ways, *as_user], timeout=terms.timeout).succeeded("Setting up a private server")
        # setpriv has made it another user already.
        rights = () if user else as_user
        with host.servers.running(
            [program, *options, *_RUN, f"--socket={server.socket}", *rights],
            is_ready=lambda: _answers(host, server),
            log=f"{folder}/log",
            user=user,
        ):
            with server_session(host, server) as connection:
                connection.execute(with_settings("CREATE DATABASE", server.name, facts.traits))
            yield server


_INSTALL = ("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
_INITIALIZE = ("--initialize-insecure",)
_RUN = (
    "--skip-networking",
    # DISABLED would refuse to make any.
    "--event-scheduler=OFF",
    "--skip-log-bin",
    "--max-allowed-packet=1G",
    # What is lost in a crash is made again.
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    # The server that was dumped may have taken tables that others refuse.
    "--innodb-strict-mode=0",
)


def _case_of_names(facts: Facts) -> str:
    case = facts.traits.get("lower_case_table_names")
    return f"--lower-case-table-names={case if case in ('1', '2') else '0'}"


def _user(host: Host, terms: Terms) -> tuple[str | None, tuple[str, ...]]:
    """As whom the server is run, if not as ourselves, and the options that say so to its programs.

    root runs it as the user that it is installed for, unless that one cannot get to the directory.
    """
    if host.commands.run(["id", "-u"]).stdout.strip() != "0":
        return None, ()
    switch = ["setpriv", "--reuid", _SERVERS_USER, "--regid", _SERVERS_USER, "--init-groups"]
    if host.commands.run([*switch, "test", "-x", terms.scratch]).code == 0:
        return _SERVERS_USER, (f"--user={_SERVERS_USER}",)
    return None, ("--user=root",)


def _answers(host: Host, server: Address) -> bool:
    try:
        with server_session(host, server):
            return True
    except DatabaseError as error:
        if error.reason != "refused":
            raise
        return False
