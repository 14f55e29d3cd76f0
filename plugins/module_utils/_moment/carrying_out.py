# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a scratch cluster, and remove it. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ChecksFailed, CommandError, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.clusters import Cluster, read_clusters
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.log import following, why_not_recovered
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.moment import read_moment, written
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.scratch import (
    HBA,
    SOCKETS,
    Scratch,
    recovery_settings,
    settings,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Completed

_PAUSE = 0.5

_REPLACE = 'umask 027; cat >"$0.new" && mv "$0.new" "$0"'

_STATE = "SELECT pg_is_in_recovery(), current_setting('archive_mode'), pg_last_xact_replay_timestamp()"


def clusters(host: Host) -> list[Cluster]:
    """All clusters of the host."""
    said = host.commands.run(["pg_lsclusters", "--json"], cwd="/").succeeded("To list the clusters of PostgreSQL")
    return read_clusters(said.stdout)


def system_of(cluster: Cluster, host: Host) -> int | None:
    """Which server's data these are, of which a restored cluster has the same."""
    found = re.search(r"system identifier: +(\d+)", _control_data(cluster.version, cluster.data, host).stdout)
    return int(found[1]) if found else None


def pgbackrest(stanza: str) -> tuple[str, str]:
    """The words with which each of its commands begins."""
    return "pgbackrest", f"--stanza={stanza}"


def make(scratch: Scratch, host: Host) -> Scratch:
    """Restore into a cluster of its own, and tell how far it came; if anything fails nothing is left of it."""
    with _removed_unless_done(scratch, host):
        _write(f"{scratch.configuration}/postgresql.conf", settings(scratch), host)
        _write(f"{scratch.configuration}/pg_hba.conf", HBA, host)
        _write(f"{scratch.configuration}/pg_ident.conf", "", host)
        # It does not come back after a reboot.
        _write(f"{scratch.configuration}/start.conf", "manual\n", host)
        _restore(scratch, host)
        start(scratch, host)
        made = _proved(scratch, host)
        _write(f"{scratch.configuration}/postgresql.conf", settings(made, _limits(made, host)), host)
    return made


def start(scratch: Scratch, host: Host) -> None:
    """Have the cluster run, however long its recovery takes."""
    host.commands.run(["pg_ctlcluster", scratch.version, scratch.name, "start"], cwd="/")
    while host.ask(scratch.port, SOCKETS, ["SELECT 1"]).code:
        if not any(
            (one.version, one.name) == (scratch.version, scratch.name) and one.is_running for one in clusters(host)
        ):
            raise CommandError(why_not_recovered(_log(scratch, host), scratch.stanza, scratch.moment))
        host.pause(_PAUSE)


def remove(scratch: Scratch, host: Host) -> None:
    """Stop the cluster and remove all that belongs to it."""
    host.commands.run(["pg_ctlcluster", scratch.version, scratch.name, "stop"], cwd="/")
    # With the links, pg_dropcluster would remove all to which they lead.
    host.as_postgres("find", f"{scratch.data}/pg_tblspc", "-type", "l", "-delete")
    dropped = host.commands.run(["pg_dropcluster", "--stop", scratch.version, scratch.name], cwd="/")
    dropped.succeeded(f"To remove the cluster {scratch}")
    host.as_postgres("rm", "-rf", "--", scratch.tablespaces).succeeded(f"To remove {scratch.tablespaces}")
    # systemd would go on to call the unit of a cluster failed whose recovery has failed.
    host.commands.run(["systemctl", "reset-failed", f"postgresql@{scratch.version}-{scratch.name}.service"], cwd="/")


@contextmanager
def _removed_unless_done(scratch: Scratch, host: Host) -> Iterator[None]:
    host.as_postgres("mkdir", "-p", scratch.configuration).succeeded(f"To make {scratch.configuration}")
    try:
        yield
    except BaseException as failure:
        try:
            remove(scratch, host)
        except ShipshapeError as error:
            if isinstance(failure, ShipshapeError):
                failure.add(error.message)
        raise


def _write(path: str, text: str, host: Host) -> None:
    # Not as root, as the directories are not root's.
    host.as_postgres("sh", "-c", _REPLACE, path, stdin=text).succeeded(f"To write {path}")


def _restore(scratch: Scratch, host: Host) -> None:
    host.as_postgres("mkdir", "-p", "-m", "0700", scratch.data).succeeded(f"To make {scratch.data}")
    until = ("--type=time", f"--target={scratch.target}") if scratch.target else ()
    host.as_postgres(
        *pgbackrest(scratch.stanza),
        f"--pg1-path={scratch.data}",
        f"--set={scratch.backup}",
        # By itself it would put them where the live server has its own.
        f"--tablespace-map-all={scratch.tablespaces}",
        *until,
        "restore",
    ).succeeded(f"To restore the backup {scratch.backup}")
    _write(f"{scratch.configuration}/postgresql.conf", settings(scratch, _limits(scratch, host)), host)
    _write(f"{scratch.data}/postgresql.auto.conf", recovery_settings(scratch), host)


def _limits(scratch: Scratch, host: Host) -> str:
    said = _control_data(scratch.version, scratch.data, host)
    return said.succeeded(f"To look at {scratch.data}").stdout


def _control_data(version: str, data: str, host: Host) -> Completed:
    return host.as_postgres(f"/usr/lib/postgresql/{version}/bin/pg_controldata", data)


def _proved(scratch: Scratch, host: Host) -> Scratch:
    """The same with what it says of itself, unless that is not what was wanted."""
    said = host.ask(scratch.port, SOCKETS, [_STATE]).succeeded(f"To ask the cluster {scratch}").stdout.strip()
    recovers, archives, last = said.split("|")
    reached = read_moment(last) if last else None
    wanted = read_moment(scratch.moment)
    if (recovers, archives) != ("f", "off"):
        raise ChecksFailed(f"The cluster {scratch} is not promoted, or archives: it says {said}.")
    if reached and wanted and reached > wanted:
        raise ChecksFailed(f"The cluster {scratch} has the transaction of {written(reached)}, after {scratch.moment}.")
    log = _log(scratch, host)
    return replace(scratch, reached=written(reached) if reached else None, following=following(log), is_proved=True)


def _log(scratch: Scratch, host: Host) -> str:
    file = host.files.read(scratch.log)
    return file.content.decode("utf-8", "replace") if file else ""
