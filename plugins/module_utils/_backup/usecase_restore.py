# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put a backup in the place of a database. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import timezone

from ansible_collections.shipshape.webapp.plugins.module_utils._backup.catalogue import (
    LATEST,
    Catalogue,
    locate,
    lock_path,
    name_of,
    read_catalogue,
    refuse_relative,
    select,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.loss import (
    Budget,
    refuse_beyond,
    refuse_unknown,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.manifest import Facts, Manifest, name_problems
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.packing import unpacking
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import (
    Strategy,
    Swap,
    Terms,
    differences,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_backup import (
    Request as BackupRequest,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_backup import source_of, take
from ansible_collections.shipshape.webapp.plugins.module_utils._backup.verify import compare, measure, read_back
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    BackupError,
    DatabaseError,
    InvalidInput,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result

Tell = Callable[[str], None]

_PAUSE = 0.2

# How many seconds a server may still list the sessions of this module itself, which it has ended.
_OWN_SESSIONS = 2

# What says that there is no database to be replaced.
_ABSENT = ("missing", "unknown_database")

_NONE = Catalogue(directory="/")


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    address: Address
    backup: str
    directory: str | None
    name: str
    terms: Terms
    loss_budget: Budget
    age_identity: str | None = None
    safety_backup: bool = True
    keep_old: bool = True
    stopped_by: str | None = None
    stop_timeout: float = 30
    compare_rows: bool = False


@dataclass(frozen=True)
class _Live:
    """The database that is to be replaced; without facts it cannot be read, without `exists` there is none."""

    exists: bool
    facts: Facts | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Loss:
    """What is gone with the live database; an estimate by the numbers of rows, or counted row by row."""

    rows: Mapping[Table, int]
    is_estimate: bool = False


def restore(request: Request, *, host: Host, strategy: Strategy, check_mode: bool) -> Result:
    """Have the database as it was at the time of a backup."""
    _refuse_unfit(request)
    directory, wanted = locate(request.backup, request.directory)
    catalogue = read_catalogue(directory, files=host.files, folders=host.folders)
    backup = select(catalogue, wanted, request.address.engine, request.name, source_of(request.address))
    if backup.is_encrypted and not request.age_identity:
        raise BackupError(f"The backup {backup.id} is encrypted: give the identity of a recipient with age_identity.")
    if check_mode and request.compare_rows:
        with host.locks.hold(lock_path(directory, request.name), purpose=f"look at {backup.id}"):
            live = _proceed(request, catalogue, backup, host, strategy, check_mode=True)
            result = _compared(request, catalogue, backup, live, host, strategy)
    elif check_mode:
        # Only by its content can be told, without restoring it, that the database is as it was then.
        with_content = backup.facts.content_sha256 is not None
        live = _proceed(request, catalogue, backup, host, strategy, with_content=with_content, check_mode=True)
        result = _foretold(request, catalogue, backup, live)
    else:
        with host.locks.hold(lock_path(directory, request.name), purpose=f"restore of {request.name}") as tell:
            live = _proceed(request, catalogue, backup, host, strategy)
            result = _replace(request, catalogue, backup, live, host, strategy, tell)
    return replace(result, warnings=[*_warnings(request, catalogue, backup, wanted), *result.warnings])


def settle(request: Request, *, host: Host, strategy: Strategy, check_mode: bool) -> Result:
    """Remove what restores of this database have left: what was live before, and its safety backups."""
    _refuse_unfit(request)
    with nullcontext() if check_mode else _no_restore(request, host):
        return _settle(request, host, strategy, check_mode=check_mode)


def _no_restore(request: Request, host: Host) -> AbstractContextManager[object]:
    """Nobody restores meanwhile, whose copy would be taken for what is left; without a directory nobody can tell."""
    if request.directory is None or not host.folders.entries(request.directory):
        return nullcontext()
    return host.locks.hold(lock_path(request.directory, request.name), purpose=f"settling of {request.name}")


def _settle(request: Request, host: Host, strategy: Strategy, *, check_mode: bool) -> Result:
    old = strategy.kept(request.address, host, request.terms)
    catalogue = _NONE
    if request.directory is not None:
        catalogue = read_catalogue(request.directory, files=host.files, folders=host.folders)
    own = catalogue.of(request.address.engine, source_of(request.address))
    safety = [backup for backup in own if backup.purpose == "safety"]
    if not check_mode:
        for address in old:
            strategy.drop(address, host, request.terms)
        for backup in safety:
            host.folders.remove(catalogue.manifest_path(backup))
            host.folders.remove(catalogue.path(backup))
    names = [*(address.name for address in old), *(backup.id for backup in safety)]
    return Result(
        changed=bool(names),
        data={"removed": names},
        diff=Diff(before="".join(f"{name}\n" for name in names), after="", path=str(request.address)),
    )


def _refuse_unfit(request: Request) -> None:
    problems = name_problems(request.name)
    if problems:
        raise InvalidInput("The restore", problems)
    if request.directory is not None:
        refuse_relative(request.directory)


def _proceed(
    request: Request,
    catalogue: Catalogue,
    backup: Manifest,
    host: Host,
    strategy: Strategy,
    *,
    with_content: bool = False,
    check_mode: bool = False,
) -> _Live:
    """The database that is to be replaced, once nothing speaks against it that can be known beforehand."""
    read_back(catalogue.path(backup), backup.sha256, host, request.terms)
    # What is foretold does not wait for an application that will be stopped.
    if request.stopped_by is None or not check_mode:
        patience = request.stop_timeout if request.stopped_by is not None else 0
        _refuse_if_used(request, host, strategy, patience)
    # Only now: until then the application may have written.
    live = _observe(request, host, strategy, with_content=with_content)
    _refuse_unreadable(request, live)
    refuse_unknown(request.loss_budget, [*backup.facts.tables, *(live.facts.tables if live.facts else ())])
    return live


def _observe(request: Request, host: Host, strategy: Strategy, *, with_content: bool) -> _Live:
    try:
        return _Live(True, measure(request.address, host, strategy, request.terms, with_content=with_content))
    except DatabaseError as error:
        if error.reason in _ABSENT:
            return _Live(False)
        # A database that is damaged is the reason for many a restore; all others want to be looked at first.
        if error.reason != "corrupt":
            raise
        return _Live(True, problem=error.message)


def _refuse_if_used(request: Request, host: Host, strategy: Strategy, patience: float) -> None:
    """Somebody who writes meanwhile would write into what is put away."""
    present = strategy.obstacles(request.address, host)
    waited = 0.0
    while present and waited < patience:
        host.pause(_PAUSE)
        waited += _PAUSE
        present = strategy.obstacles(request.address, host)
    if not present:
        return
    if request.stopped_by is None:
        advice = "Stop the application, and say with stopped_by which supervisor keeps it stopped."
    else:
        advice = f"{request.stopped_by} has not stopped it within {patience:g} seconds: stop what is left."
    raise BackupError(
        f"{request.address} is in use by {', '.join(present)}. Nothing was changed. {advice}", used_by=present
    )


def _foretold(request: Request, catalogue: Catalogue, backup: Manifest, live: _Live) -> Result:
    """What can be said without restoring anything: it counts rows and does not compare them."""
    rows = {
        table: max(0, count - backup.facts.tables.get(table, 0))
        for table, count in (live.facts.tables if live.facts else {}).items()
    }
    is_same = _has_content(live) and not differences(backup.facts, live.facts) if live.facts else False
    refuse_beyond(request.loss_budget, rows)
    return _result(catalogue, backup, live, _Loss(rows, is_estimate=not is_same), None, None, is_same=is_same)


def _compared(
    request: Request, catalogue: Catalogue, backup: Manifest, live: _Live, host: Host, strategy: Strategy
) -> Result:
    """The same, row by row: the backup is restored beside the database for as long as that takes."""
    with _beside(request, catalogue, backup, _tag(host), host, strategy) as (copy, found):
        loss = _loss(request, live, copy, host, strategy)
        is_same = _is_same(live, loss, found)
        refuse_beyond(request.loss_budget, loss.rows)
        strategy.drop(copy, host, request.terms)
    return _result(catalogue, backup, live, loss, None, None, is_same=is_same)


@contextmanager
def _beside(
    request: Request, catalogue: Catalogue, backup: Manifest, tag: str, host: Host, strategy: Strategy
) -> Iterator[tuple[Address, Facts]]:
    """The backup as a database of its own and what is in that, which goes again if anything fails."""
    copy = strategy.beside(request.address, backup.facts, tag, host, request.terms)
    with _dropped_on_failure(copy, host, strategy, request.terms):
        unpack = unpacking(
            backup.compression, request.age_identity if backup.is_encrypted else None, host.commands.find
        )
        strategy.load(catalogue.path(backup), unpack, copy, host, request.terms, is_scratch=False)
        found = measure(copy, host, strategy, request.terms, with_content=backup.facts.content_sha256 is not None)
        compare(backup.facts, found)
        yield copy, found


def _tag(host: Host) -> str:
    return f"{host.now().astimezone(timezone.utc):%Y%m%d%H%M%S}{host.random(3).hex()}"


def _is_same(live: _Live, loss: _Loss, found: Facts) -> bool:
    return live.facts is not None and not any(loss.rows.values()) and not differences(live.facts, found)


def _has_content(live: _Live) -> bool:
    return live.facts is not None and live.facts.content_sha256 is not None


def _refuse_unreadable(request: Request, live: _Live) -> None:
    if live.problem is None:
        return
    if not request.loss_budget.is_unlimited or request.safety_backup:
        kept = "; what is there now is kept" if request.keep_old else ""
        raise BackupError(
            f"{live.problem} So nobody can say what would be lost, nor take a backup of it. Nothing was changed. If it"
            f" may be replaced all the same, set loss_budget to unlimited and safety_backup to false{kept}."
        )


def _replace(
    request: Request,
    catalogue: Catalogue,
    backup: Manifest,
    live: _Live,
    host: Host,
    strategy: Strategy,
    tell: Tell,
) -> Result:
    tag = _tag(host)
    tell(f"restore of {request.name}: {backup.id} is loaded")
    with _beside(request, catalogue, backup, tag, host, strategy) as (copy, found):
        loss = _loss(request, live, copy, host, strategy)
        if _is_same(live, loss, found):
            strategy.drop(copy, host, request.terms)
            return _result(catalogue, backup, live, loss, None, None, is_same=True)
        refuse_beyond(request.loss_budget, loss.rows)
        safety = _safety(request, catalogue.directory, backup, live, host, strategy, tell)
        # All that took its time, in which somebody may have come back.
        _refuse_if_used(request, host, strategy, _OWN_SESSIONS)
        tell(f"restore of {request.name}: {backup.id} is put in place")
        swap = strategy.swap(request.address, copy, tag, host, request.terms)
    _check_or_undo(request, found, swap, copy, host, strategy)
    if swap.old is not None and not request.keep_old:
        _drop_old(swap.old, host, strategy, request.terms)
    return _result(catalogue, backup, live, loss, safety, swap.old if request.keep_old else None)


def _loss(request: Request, live: _Live, copy: Address, host: Host, strategy: Strategy) -> _Loss:
    if live.facts is None:
        return _Loss({})
    return _Loss(strategy.lost(request.address, copy, host, request.terms))


def _safety(
    request: Request, directory: str, restored: Manifest, live: _Live, host: Host, strategy: Strategy, tell: Tell
) -> Manifest | None:
    """A backup of what is there now, beside the others and for the same readers."""
    if not request.safety_backup or not live.exists:
        return None
    wanted = BackupRequest(
        address=request.address,
        directory=directory,
        name=request.name,
        terms=request.terms,
        verify="structure",
        encrypt_to=restored.recipients,
        purpose="safety",
    )
    return take(wanted, host=host, strategy=strategy, tell=tell)[0]


def _check_or_undo(request: Request, wanted: Facts, swap: Swap, copy: Address, host: Host, strategy: Strategy) -> None:
    """The live database is looked at once more under its own name; if anything is wrong, all is as before."""
    try:
        compare(wanted, measure(request.address, host, strategy, request.terms))
    except BaseException as error:
        said = _undone(swap, copy, host, strategy, request.terms)
        if isinstance(error, ShipshapeError):
            error.add(said)
        raise


def _undone(swap: Swap, copy: Address, host: Host, strategy: Strategy, terms: Terms) -> str:
    """What to say of how the swap was taken back; what made that necessary is what failed."""
    try:
        swap.undo()
    except ShipshapeError as error:
        kept = f" What was there before is kept as {swap.old.name}." if swap.old else ""
        return f"It is in place all the same, because it could not be taken back: {error.message}{kept}"
    with suppress(ShipshapeError):
        strategy.drop(copy, host, terms)
    return "The database that was there before is in its place again." if swap.old else "There is none, as before."


def _drop_old(old: Address, host: Host, strategy: Strategy, terms: Terms) -> None:
    try:
        strategy.drop(old, host, terms)
    except ShipshapeError as error:
        error.add(f"The backup is restored; remove {old.name} with state=settled.")
        raise


@contextmanager
def _dropped_on_failure(copy: Address, host: Host, strategy: Strategy, terms: Terms) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        # What failed first is what is to be told; settling removes what is left.
        with suppress(ShipshapeError):
            strategy.drop(copy, host, terms)
        if isinstance(error, ShipshapeError) and "Nothing was changed" not in error.message:
            error.add("The database is as it was.")
        raise


def _result(
    catalogue: Catalogue,
    backup: Manifest,
    live: _Live,
    loss: _Loss,
    safety: Manifest | None,
    old: Address | None,
    *,
    is_same: bool = False,
) -> Result:
    present = live.facts.tables if live.facts else {}
    return Result(
        changed=not is_same,
        data={
            "backup": {**backup.as_returned(), "path": catalogue.path(backup)},
            "lost": [
                {"schema": table.schema, "name": table.name, "rows": rows}
                for table, rows in sorted(loss.rows.items())
                if rows
            ],
            "lost_is_estimate": loss.is_estimate,
            "safety_backup": safety.id if safety else None,
            "old": old.name if old else None,
        },
        diff=Diff(
            before=_as_text(present),
            after=_as_text(present if is_same else backup.facts.tables),
            path=backup.source,
        ),
        warnings=_doubts(live, loss),
    )


def _as_text(tables: Mapping[Table, int]) -> str:
    return "".join(f"{table}: {rows} rows\n" for table, rows in sorted(tables.items()))


def _warnings(request: Request, catalogue: Catalogue, backup: Manifest, wanted: str) -> list[str]:
    """What is to be known of the backup that was chosen."""
    warnings = []
    if not backup.is_verified:
        warnings.append(f"The backup {backup.id} was not looked into when it was taken: its dump may be incomplete.")
    if backup.source != source_of(request.address):
        warnings.append(f"The backup {backup.id} is one of another database, {backup.source}.")
    if wanted == LATEST:
        warnings += [
            f"{found.file} could have been a later backup, and cannot be used: {found.why}"
            for found in catalogue.broken
            if name_of(found.file) == backup.name and (found.id or "") > backup.id
        ]
    return warnings


def _doubts(live: _Live, loss: _Loss) -> list[str]:
    """What cannot be known of the loss."""
    if live.problem:
        return ["What is lost is not known, because the database could not be read."]
    if loss.is_estimate:
        return ["In check mode the rows are counted and not compared: rows that changed are not seen."]
    return []
