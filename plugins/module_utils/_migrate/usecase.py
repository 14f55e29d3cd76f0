# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring a schema from one version to another, with proof, or say exactly where it stands.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Column, Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import (
    DatabaseError,
    InvalidInput,
    MigrationError,
    ShipshapeError,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.expect import Expectation, lost_rows, unmet
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import (
    Applied,
    Migration,
    Problem,
    Standing,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.own_ledger import TABLE
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.plan import (
    down_to,
    refuse_unknown,
    sorted_out,
    up_to,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.request import Request
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.rules import Finding, refused
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project, Runner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.snapshots import Snapshots
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.sql import SqlRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.standing import edited_since, without_file
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import keeps_no_ledger, lock_of
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Diff, Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection

# MySQL's snapshots hold rows and no definitions: what another migration drops or alters is gone while we look.
_DISTURBED = ("changed", "missing")
_LOOKS = 20
_PAUSE = 0.25

# As a restore calls what may be lost without a limit.
_UNLIMITED = "unlimited"

# The tables in which the tools list what they have done: their rows come and go with migrations.
_LEDGERS = ("_prisma_migrations", "__drizzle_migrations", "knex_migrations", "knex_migrations_lock")


@dataclass(frozen=True)
class _Seen:
    """The database at one moment."""

    standing: Standing
    schema: str
    rows: Mapping[Table, int]
    columns: Mapping[str, Sequence[Column]]
    ledgers: Sequence[str]


@dataclass(frozen=True)
class _Work:
    """What a run does to which migrations, and what it must not do."""

    migrations: Sequence[Migration]
    findings: Sequence[Finding]
    warnings: Sequence[str]
    touched: frozenset[str]


@dataclass(frozen=True)
class _Site:
    """What is migrated, by whom, and on which host."""

    request: Request
    host: Host
    engine: Engine
    runner: Runner

    def own(self) -> SqlRunner:
        """The runner, if it is our own. Raises InvalidInput."""
        if not isinstance(self.runner, SqlRunner):
            raise InvalidInput(
                "The migrations", [f"state: {self.runner.name} can only be applied. For the rest, use the tool itself."]
            )
        return self.runner

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A session that sees one moment."""
        opened = self.host.connect(self.request.project.address, self.engine)
        with closing(opened) as connection, connection.transaction(read_only=True):
            yield connection

    def look(self, before: _Seen | None = None, *, is_counted: bool = False) -> _Seen:
        """The database now; rows are counted where something is to be done, or where it is asked for."""
        for _time in range(_LOOKS - 1):
            try:
                return self._seen(before, is_counted)
            except DatabaseError as error:
                if error.reason not in _DISTURBED:
                    raise
            self.host.pause(_PAUSE)
        return self._seen(before, is_counted)

    def _seen(self, before: _Seen | None, is_counted: bool) -> _Seen:
        request, engine, observe = self.request, self.engine, self.runner.observe
        if before and isinstance(self.runner, SqlRunner):
            # What was judged is what is carried out and proved, whatever has become of the files since.
            observe = partial(self.runner.observe, files=before.standing.files)
        with self.reading() as connection:
            standing = observe(request.project, connection, engine, self.host)
            present = engine.tables(connection)
            tables = [table for table in present if not _is_ledger(table, request.project)]
            is_counted = is_counted or bool(standing.pending) or request.state != "applied"
            return _Seen(
                standing,
                engine.schema_fingerprint(connection),
                engine.count_rows(connection, tables) if is_counted else {},
                {table.name.lower(): engine.columns(connection, table) for table in tables}
                if is_counted or standing.pending
                else {},
                [str(table) for table in present if table not in tables],
            )


def migrate(
    request: Request, *, host: Host, engine: Engine, runner: Runner, snapshots: Snapshots | None, check_mode: bool
) -> Result:
    """Have the schema in the wanted state; the database is left as it was if anything can be known to go wrong."""
    site = _Site(request, host, engine, runner)
    if request.state != "applied" or request.target is not None or request.steps is not None:
        site.own()
    if request.state == "repaired":
        return _repair(site, check_mode=check_mode)
    before = site.look()
    work = _plan(site, before)
    if request.state == "baseline":
        if work.migrations and not check_mode:
            site.own().note(request.project, host, baseline=work.migrations)
        return _told(request, before, work, [], changed=bool(work.migrations))
    if not work.migrations:
        _prove(site, before, before, work)
        return _told(request, before, work, [], changed=False)
    if snapshots is None and not request.is_backup_waived:
        raise InvalidInput(
            "The migration",
            ["backup: name a directory for a backup before it, or say that none is needed by without_backup: true."],
        )
    if check_mode:
        return _told(request, before, work, [], changed=True)
    # A database without any table has nothing to lose, and is no database to whoever takes backups.
    backup = snapshots.take() if snapshots and before.rows else None
    try:
        done = _apply(site, before, work)
        after = site.look(before, is_counted=True)
        _prove(site, after, before, work)
    except ShipshapeError as error:
        raise _explained(error, site, before, work, backup, snapshots) from error
    # What keeps no ledger has done something if the database says so.
    is_other = (after.schema, after.rows) != (before.schema, before.rows)
    ran = is_other if any(map(keeps_no_ledger, work.migrations)) else bool(done)
    return _told(request, before, work, done, changed=ran, after=after, backup=backup)


def _is_named(table: Table, names: Collection[str]) -> bool:
    return table.name.lower() in names or str(table).lower() in names


def _is_ledger(table: Table, project: Project) -> bool:
    named = project.ledger_table or TABLE
    return table.name in _LEDGERS or not {named, lock_of(named)}.isdisjoint((table.name, str(table)))


def _plan(site: _Site, seen: _Seen) -> _Work:
    request = site.request
    reverting = {problem.migration for problem in seen.standing.problems if problem.kind == "reverting"}
    found = [one for one in seen.standing.problems if request.state != "reverted" or one.kind != "reverting"]
    problems, mild = sorted_out(found, request.policies)
    warnings = [problem.sentence for problem in mild]
    if problems and request.state != "baseline":
        raise _refusal(request, problems, seen)
    refuse_unknown(request.target, seen.standing)
    if request.state == "reverted":
        there = {*seen.standing.applied, *reverting}
        applied = [migration for migration in seen.standing.files if migration.path in there]
        # Whoever reverts has asked for what is lost with it.
        return _Work(down_to(applied, request.target, request.steps), (), warnings, frozenset(_names(seen.rows)))
    chosen = up_to(seen.standing.pending, request.target, request.steps)
    if request.state == "baseline":
        return _Work(chosen, (), warnings, frozenset())
    return _judged(site, seen, chosen, warnings)


def _judged(site: _Site, seen: _Seen, chosen: Sequence[Migration], warnings: Sequence[str]) -> _Work:
    """The work, unless the scripts themselves speak against it."""
    request, engine = site.request, site.request.project.address.engine
    if isinstance(site.runner, SqlRunner):
        site.runner.refuse_unfit(request.project, chosen)
    findings = _findings(chosen, engine, seen.columns) if chosen else []
    stopping = refused(findings, request.allow_destructive)
    if stopping:
        raise MigrationError(
            f"{request.project.address}: {_some([finding.sentence for finding in stopping])} Nothing was changed.",
            lint=[_shown(finding) for finding in findings],
            pending=[migration.path for migration in chosen],
        )
    touched = _touched(chosen, engine) if chosen else frozenset()
    return _Work(
        chosen,
        findings,
        [*warnings, *(finding.sentence for finding in findings)],
        # What a procedure does cannot be read in the script that calls it.
        frozenset(_names(seen.rows)) if touched is None else touched,
    )


def _findings(chosen: Sequence[Migration], dialect: str, schema: Mapping[str, Sequence[Column]]) -> list[Finding]:
    # The commonest run has nothing to judge, and is done sooner without what judges.
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.lint import lint

    return lint(chosen, dialect, schema)


def _refusal(request: Request, problems: Sequence[Problem], seen: _Seen) -> MigrationError:
    return MigrationError(
        f"{request.project.address}: {_some([problem.sentence for problem in problems])} Nothing was changed.",
        problems=[{"kind": problem.kind, "migration": problem.migration} for problem in problems],
        pending=[migration.path for migration in seen.standing.pending],
    )


def _touched(migrations: Sequence[Migration], dialect: str) -> frozenset[str] | None:
    """The tables whose rows the scripts may change, or None if it cannot be read in them which these are."""
    from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.reading import tables_touched

    found: set[str] = set()
    for migration in migrations:
        touched = tables_touched(migration.up, dialect) if migration.up is not None else set()
        if touched is None:
            return None
        found |= touched
    return frozenset(found)


def _apply(site: _Site, before: _Seen, work: _Work) -> Sequence[Applied]:
    if site.request.state == "reverted":
        return site.own().revert(site.request.project, work.migrations, site.host)
    return site.runner.apply(site.request.project, Standing(before.standing.applied, work.migrations), site.host)


def _prove(site: _Site, after: _Seen, before: _Seen, work: _Work) -> None:
    """Raise MigrationError unless everything is done and nothing else is."""
    request = site.request
    problems, _mild = sorted_out(after.standing.problems, request.policies)
    left = {migration.path for migration in after.standing.pending}
    told = [problem.sentence for problem in problems]
    if request.state == "applied":
        told += [
            f"{site.runner.name} has ended without an error and {migration.path} is not applied."
            for migration in work.migrations
            if migration.path in left
            # Without a ledger it is pending for ever, unless there are tables to tell by.
            and (request.project.unless_tables or not keeps_no_ledger(migration))
        ]
    if work.migrations:
        told += lost_rows(before.rows, after.rows, work.touched, request.may_lose_rows)
    if request.expect != Expectation():
        with site.reading() as connection:
            told += unmet(request.expect, connection, site.engine)
    if told:
        raise MigrationError(f"{request.project.address} is not as expected: {' '.join(told)}", differences=told)


def _explained(
    error: ShipshapeError,
    site: _Site,
    before: _Seen,
    work: _Work,
    backup: Mapping[str, object] | None,
    snapshots: Snapshots | None,
) -> MigrationError:
    """The failure, with whether the database is as before, what was done about it, and how to go on."""
    details = {**error.details, "backup": backup}
    try:
        now = site.look(before)
    except ShipshapeError:
        now = replace(before, schema="unknown")
    is_as_before = (now.schema, now.standing.applied) == (before.schema, before.standing.applied)
    # What has changed rows only is not seen in the schema.
    is_as_before = is_as_before and not error.details.get("statements_that_stay")
    failure = MigrationError(error.message, **details)
    if is_as_before:
        failure.add("The schema is as it was before.")
        failure.details.update(as_before=True, changed=False)
        return failure
    if site.request.restore_on_failure and snapshots and backup:
        try:
            snapshots.restore(str(backup["id"]), _written(before, work, now))
            is_as_before = True
            failure.add(f"The backup {backup['id']} was restored: the database is as it was before.")
        except ShipshapeError as problem:
            failure.add(f"The backup {backup['id']} could not be restored: {problem.message}")
    elif backup:
        failure.add(f"To have the database as it was before, run db_restore with the backup {backup['id']}.")
    if not is_as_before and "position" in error.details:
        failure.add("Correct it and run the same again, which goes on there.")
    failure.details.update(as_before=is_as_before, changed=not is_as_before)
    return failure


def _written(before: _Seen, work: _Work, now: _Seen) -> dict[str, int | str]:
    """How many rows of which tables may differ because of the migrations themselves, and not of anybody's work.

    What a script does to rows may go on for as long as it runs. In a table that has become another, or is new, no row
    is as it was; what comes after that is somebody's work.
    """
    other = {
        str(table): rows
        for table, rows in now.rows.items()
        if now.columns.get(table.name.lower()) != before.columns.get(table.name.lower())
    }
    touched = [str(table) for table in before.rows if _is_named(table, work.touched)]
    return {**other, **dict.fromkeys([*touched, *now.ledgers], _UNLIMITED)}


def _repair(site: _Site, *, check_mode: bool) -> Result:
    """Have the ledger say what the files say, and what the user says of a statement."""
    request, host, runner, before = site.request, site.host, site.own(), site.look()
    files = {migration.version: migration for migration in before.standing.files}
    listed = runner.entries(request.project, host)
    edited = edited_since(files.values(), listed)
    gone = [entry.version for entry in without_file(files.values(), listed)]
    begun = next((files[entry.version] for entry in listed if entry.begun is not None and entry.version in files), None)
    stopped = (begun, request.statement_done) if begun and request.statement_done is not None else None
    changed = bool(edited or gone or stopped)
    if changed and not check_mode:
        runner.note(request.project, host, edited=edited, gone=gone, stopped=stopped)
    return _told(request, before, _Work((), (), (), frozenset()), [], changed=changed)


def _told(
    request: Request,
    before: _Seen,
    work: _Work,
    done: Sequence[Applied],
    *,
    changed: bool,
    after: _Seen | None = None,
    backup: Mapping[str, object] | None = None,
) -> Result:
    names = [migration.path for migration in work.migrations]
    listed = list(before.standing.applied)
    is_back = request.state == "reverted"
    wanted = [name for name in listed if name not in names] if is_back else [*listed, *names]
    return Result(
        changed=changed,
        data={
            "applied": [{"name": one.name, "seconds": one.seconds, "statements": one.statements} for one in done],
            "pending": [] if done else names,
            "lint": [_shown(finding) for finding in work.findings],
            "schema_before": before.schema,
            "schema_after": (after or before).schema,
            "backup": backup,
            "written": _written(before, work, after or before) if backup else {},
        },
        diff=Diff(
            before="".join(f"{name}\n" for name in listed),
            after="".join(f"{name}\n" for name in wanted)
            + "".join(_sql(one, is_back=is_back) for one in work.migrations),
            path=str(request.project.address),
        ),
        warnings=work.warnings,
    )


def _sql(migration: Migration, *, is_back: bool) -> str:
    script = migration.down if is_back else migration.up
    return f"\n-- {migration.path}\n{script.strip()}\n" if script else ""


def _shown(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "file": finding.file,
        "line": finding.line,
        "object": finding.object,
        "sentence": finding.sentence,
    }


def _names(tables: Mapping[Table, int]) -> list[str]:
    return [table.name.lower() for table in tables]


def _some(sentences: Sequence[str]) -> str:
    rest = f" And {len(sentences) - 5} more." if len(sentences) > 5 else ""
    return " ".join(sentences[:5]) + rest
