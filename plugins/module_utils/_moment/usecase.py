# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore a moment into a scratch cluster, beside the live server. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, words_of_failure
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.backups import (
    Backup,
    choose,
    read_backups,
    read_tablespaces,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.carrying_out import (
    clusters,
    make,
    pgbackrest,
    remove,
    start,
    system_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.clusters import Cluster
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.moment import LATEST, read_moment, written
from ansible_collections.shipshape.webapp.plugins.module_utils._moment.scratch import (
    CONFIGURATION,
    SOCKETS,
    Scratch,
    read_scratch,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result

_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
_STANZA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_DIRECTORY = re.compile(r"(/[A-Za-z0-9_.@+-]+)+")

# The live server often writes to the same disk: it must not be filled up by WAL on the way to the moment.
_RESERVE = 2**30
_GROWTH = 1.1

_ARCHIVES = "SELECT current_setting('archive_mode') <> 'off' AND NOT pg_is_in_recovery()"
# PostgreSQL knows that it has passed a moment only when it finds a transaction after it.
_LATER_TRANSACTION = "SELECT txid_current()"


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    state: str
    stanza: str
    moment: str | None
    name: str
    port: int
    directory: str


def restore_moment(request: Request, host: Host, *, check_mode: bool) -> Result:
    """Have the scratch cluster as it was asked for, or have it no more."""
    _refuse_unfit(request, host.now())
    with host.locks.hold(f"/run/lock/shipshape-moment-{request.name}.lock", purpose="restoring a moment"):
        present, others = _look(request, host)
        if request.state == "absent":
            return _absent(present, host, check_mode=check_mode)
        if present and present[1].is_proved:
            return _kept(request, *present, host, check_mode=check_mode)
        return _made(request, present, others, host, check_mode=check_mode)


def _refuse_unfit(request: Request, now: datetime) -> None:
    problems = []
    if not _NAME.fullmatch(request.name):
        problems.append("name has to be of small letters, digits and _, and to begin with a letter.")
    if not _STANZA.fullmatch(request.stanza):
        problems.append("stanza has other characters than letters, digits, -, _ and dots.")
    if not _DIRECTORY.fullmatch(request.directory):
        problems.append("directory has to be an absolute path of letters, digits and _.@+-.")
    if not 1024 <= request.port <= 65535:
        problems.append("port has to be from 1024 to 65535.")
    if request.state == "present" and request.moment != LATEST:
        moment = read_moment(request.moment or "")
        if moment is None:
            problems.append('moment has to be a time with its zone, such as "2026-11-22 12:00:29+01:00", or latest.')
        elif moment > now:
            problems.append(f"moment is in the future: here it is {written(now)}.")
    _refuse(request, problems)


def _refuse(request: Request, problems: Sequence[str]) -> None:
    if problems:
        raise InvalidInput(f"scratch cluster {request.name}", problems)


def _look(request: Request, host: Host) -> tuple[tuple[Cluster, Scratch] | None, list[Cluster]]:
    """The scratch cluster as it is, and all other clusters."""
    found = clusters(host)
    for one in found:
        if one.name == request.name:
            scratch = _scratch_of(one, host)
            if scratch:
                return (one, scratch), [other for other in found if other != one]
            _refuse(request, [f"{one} is a cluster that was not made here: give the scratch cluster another name."])
    return None, found


def _scratch_of(cluster: Cluster, host: Host) -> Scratch | None:
    file = host.files.read(f"{CONFIGURATION}/{cluster}/postgresql.conf")
    return read_scratch(file.content.decode("utf-8", "replace")) if file else None


def _absent(present: tuple[Cluster, Scratch] | None, host: Host, *, check_mode: bool) -> Result:
    if present and not check_mode:
        remove(present[1], host)
    return Result(bool(present), {"cluster": None}, _diff(present[1] if present else None, None))


def _kept(request: Request, cluster: Cluster, scratch: Scratch, host: Host, *, check_mode: bool) -> Result:
    wanted = (request.stanza, _moment(request), request.port, request.directory)
    if (scratch.stanza, scratch.moment, scratch.port, scratch.directory) != wanted:
        _refuse(
            request,
            [
                f"{scratch} is there already, of {scratch.stanza} as of {scratch.moment}, on port {scratch.port} in "
                f"{scratch.data}: remove it first (state absent), or give the new one another name and port."
            ],
        )
    if not cluster.is_running and not check_mode:
        start(scratch, host)
    return Result(not cluster.is_running, {"cluster": _told(scratch)})


def _made(
    request: Request,
    left: tuple[Cluster, Scratch] | None,
    others: Sequence[Cluster],
    host: Host,
    *,
    check_mode: bool,
) -> Result:
    """A new one, in the place of what a run has left that was killed."""
    info = host.as_postgres(*pgbackrest(request.stanza), "--output=json", "info")
    backups = read_backups(request.stanza, info.succeeded(f"To ask pgBackRest for the stanza {request.stanza}").stdout)
    moment = _moment(request)
    backup = choose(request.stanza, backups, read_moment(moment))
    scratch = Scratch(
        name=request.name,
        version=backup.version,
        port=request.port,
        directory=request.directory,
        stanza=request.stanza,
        moment=moment,
        backup=backup.label,
    )
    if left and not check_mode:
        remove(left[1], host)
    live = [one for one in others if system_of(one, host) == backup.system and not _scratch_of(one, host)]
    taken = [] if left and check_mode else _taken(scratch, others, host)
    _refuse(request, [*taken, *_lacking(scratch, backup, host), *_shared(scratch, live, host)])
    warnings = []
    if not check_mode:
        warnings = [warning for one in live for warning in _let_archive(request.stanza, one, host)]
        scratch = make(scratch, host)
    return Result(True, {"cluster": _told(scratch)}, _diff(None, scratch), warnings=warnings)


def _moment(request: Request) -> str:
    moment = read_moment(request.moment or "")
    return written(moment) if moment else LATEST


def _taken(scratch: Scratch, others: Sequence[Cluster], host: Host) -> list[str]:
    """What of it belongs to others."""
    problems = []
    owner = next((str(one) for one in others if one.port == scratch.port), None)
    if owner or host.sockets.listening([scratch.port]):
        problems.append(f"Port {scratch.port} is {owner or 'somebody'}'s: name another.")
    in_the_way = [path for path in (scratch.data, scratch.tablespaces) if host.paths.facts(path)]
    problems += [
        f"{path} is there already and belongs to no cluster of that name: look what it is." for path in in_the_way
    ]
    return problems


def _lacking(scratch: Scratch, backup: Backup, host: Host) -> list[str]:
    """What the host lacks for it."""
    problems = []
    if host.commands.find(f"/usr/lib/postgresql/{scratch.version}/bin/postgres") is None:
        problems.append(f"The backup is of PostgreSQL {scratch.version}, which is not installed here.")
    need, free = int(backup.size * _GROWTH) + _RESERVE, host.folders.free_bytes(scratch.directory)
    if free < need:
        problems.append(
            f"{scratch.directory} has {free // 2**20} MiB free, and {need // 2**20} MiB are needed: the size of the "
            "database, a tenth more, and 1 GiB for others on the same disk."
        )
    return problems


def _shared(scratch: Scratch, live: Sequence[Cluster], host: Host) -> list[str]:
    """Why the scratch cluster would share files with the live server."""
    info = host.as_postgres(*pgbackrest(scratch.stanza), "--output=json", f"--set={scratch.backup}", "info")
    known = read_tablespaces(info.succeeded(f"To ask pgBackRest for the backup {scratch.backup}").stdout)
    # To be recovered, the scratch cluster makes what was made after the backup where the live server has made it.
    return [
        f"The server {one} has a tablespace that the backup {scratch.backup} does not know: the scratch cluster would "
        "write to its files. Restore a moment after the next backup, or do so on another host."
        for one in live
        if {entry.name for entry in host.folders.entries(f"{one.data}/pg_tblspc")} - known
    ]


def _let_archive(stanza: str, live: Cluster, host: Host) -> list[str]:
    """Have the live server, if it runs, archive what it has written until now; what to warn of."""
    if not live.is_running or host.ask(live.port, live.sockets, [_ARCHIVES]).stdout.strip() != "t":
        return []
    host.ask(live.port, live.sockets, [_LATER_TRANSACTION])
    checked = host.as_postgres(*pgbackrest(stanza), "check")
    if checked.code == 0:
        return []
    said = words_of_failure(checked.stderr.strip() or checked.stdout)
    return [f"{live} does not archive, so that the latest that it has written is not known: {said}"]


def _told(scratch: Scratch) -> dict[str, Any]:
    return {
        "name": scratch.name,
        "version": scratch.version,
        "port": scratch.port,
        "sockets": SOCKETS,
        "data": scratch.data,
        "stanza": scratch.stanza,
        "backup": scratch.backup,
        "moment": scratch.moment,
        "reached": scratch.reached,
        "following": scratch.following,
    }


def _diff(before: Scratch | None, after: Scratch | None) -> Diff | None:
    """What is told before and after; how far it came is known only afterwards."""
    texts = [f"{one} on port {one.port}: {one.stanza} as of {one.moment}\n" if one else "" for one in (before, after)]
    return Diff(texts[0], texts[1], "scratch cluster") if texts[0] != texts[1] else None
