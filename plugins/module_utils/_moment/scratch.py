# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scratch cluster: its files, and how it is recognised. This module is private to the collection."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._moment.moment import LATEST

CONFIGURATION = "/etc/postgresql"
SOCKETS = "/var/run/postgresql"

_OURS = "# Ansible: shipshape.webapp database_moment "

# How pg_controldata calls what a server needs at least as much of as the one that has written the WAL.
_LIMITS = {
    "max_connections": "max_connections setting",
    "max_worker_processes": "max_worker_processes setting",
    "max_prepared_transactions": "max_prepared_xacts setting",
    "max_locks_per_transaction": "max_locks_per_xact setting",
}

HBA = """\
local all all peer
host all all 127.0.0.1/32 scram-sha-256
host all all ::1/128 scram-sha-256
"""


@dataclass(frozen=True)
class Scratch:
    """A scratch cluster, and what it was made of."""

    name: str
    version: str
    port: int
    directory: str
    stanza: str
    moment: str
    backup: str
    # Of the last transaction that is in it, and of the first that is not; None where there is none.
    reached: str | None = None
    following: str | None = None
    is_proved: bool = False

    def __str__(self) -> str:
        return f"{self.version}/{self.name}"

    @property
    def configuration(self) -> str:
        """Where its configuration stands."""
        return f"{CONFIGURATION}/{self.version}/{self.name}"

    @property
    def data(self) -> str:
        """Where its data stand."""
        return f"{self.directory}/{self.version}/{self.name}"

    @property
    def tablespaces(self) -> str:
        """Where its tablespaces stand, so that they are not those of the live server."""
        return f"{self.data}-tablespaces"

    @property
    def target(self) -> str | None:
        """The moment as PostgreSQL reads it before it knows the names of zones; None if it is as late as possible."""
        return None if self.moment == LATEST else self.moment.replace("Z", "+00")

    @property
    def log(self) -> str:
        """Where it says what it does."""
        return f"/var/log/postgresql/postgresql-{self.version}-{self.name}.log"


def settings(scratch: Scratch, limits: str = "") -> str:
    """The configuration, with what pg_controldata says of the data."""
    found = {name: re.search(rf"^{words}: +(\d+)$", limits, re.MULTILINE) for name, words in _LIMITS.items()}
    wanted = {
        "data_directory": scratch.data,
        "hba_file": f"{scratch.configuration}/pg_hba.conf",
        "ident_file": f"{scratch.configuration}/pg_ident.conf",
        "external_pid_file": f"{SOCKETS}/{scratch.version}-{scratch.name}.pid",
        "cluster_name": str(scratch),
        "port": str(scratch.port),
        "listen_addresses": "localhost",
        "unix_socket_directories": SOCKETS,
        "archive_mode": "off",
        # What subscribes on the live server does not do so here as well.
        "max_logical_replication_workers": "0",
        # Its log is read by a machine.
        "lc_messages": "C",
        "log_timezone": "UTC",
        # Otherwise it would stop where the live server's limits were raised.
        "hot_standby": "off",
        **{name: value[1] for name, value in found.items() if value},
    }
    lines = [f"{name} = {_quoted(value)}\n" for name, value in wanted.items()]
    return f"{_OURS}{json.dumps(asdict(scratch))}\n{''.join(lines)}"


def recovery_settings(scratch: Scratch) -> str:
    """How far it is recovered. They take the place of what ALTER SYSTEM has set on the live server."""
    wanted = {
        "restore_command": f'pgbackrest --stanza={scratch.stanza} --pg1-path={scratch.data} archive-get %f "%p"',
        "recovery_target_action": "promote",
        **({"recovery_target_time": scratch.target} if scratch.target else {}),
    }
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in wanted.items())


def read_scratch(configuration: str) -> Scratch | None:
    """The scratch cluster to which this configuration belongs; None if it is another's."""
    first = configuration.partition("\n")[0]
    return Scratch(**json.loads(first[len(_OURS) :])) if first.startswith(_OURS) else None


def _quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
