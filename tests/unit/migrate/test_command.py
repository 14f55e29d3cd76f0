# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.command import (
    CommandRunner,
    Summary,
    summary_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration, Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool_ledger import keeps_no_ledger
from tests.unit.migrate.fake_tools import Application, Tool, pending

RUN = ("node", "scripts/run-migrations.js")

# What such a script of a real application prints.
PRINTED = """
=== Database Migration Runner ===
Database: production.db
Migrations directory: /path/to/migrations

Found 1 migration file(s):

Applying migration 001: 001_add_sku_tool_configs.sql...
✓ Successfully applied migration 001

=== Migration Summary ===
Applied: {}
Skipped: {}
Total: {}
"""

STANDING = Standing((), [Migration("", "run-migrations.js", "run-migrations.js", "")])


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return Application(tmp_path)


@pytest.mark.parametrize(
    ("unless_tables", "is_pending"),
    [
        ((), True),
        (("orders",), False),
        (("orders", "users"), True),
        (("users",), True),
        (("orders", "items"), False),
    ],
)
def test_standing(application: Application, unless_tables: tuple[str, ...], is_pending: bool) -> None:
    project = replace(application.project, run=RUN, unless_tables=unless_tables)

    standing = application.observe(CommandRunner(), "CREATE TABLE items (id);", project)

    assert standing.applied == ()
    assert pending(standing) == (["run-migrations.js"] if is_pending else [])
    assert all(keeps_no_ledger(migration) for migration in standing.pending)


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (RUN, "run-migrations.js"),
        (("node", "--enable-source-maps", "/srv/app/dist/migrate.mjs", "up"), "migrate.mjs"),
        (("npm", "run", "migrate"), "migrate"),
        (("npm", "run", "--silent", "db:migrate"), "db:migrate"),
        (("pnpm", "exec", "tsx", "scripts/migrate.ts"), "migrate.ts"),
        (("pnpm", "exec", "migrate", "up"), "migrate"),
        (("./migrate.sh",), "migrate.sh"),
        (("/usr/local/bin/migrate", "--yes"), "migrate"),
    ],
)
def test_program_has_the_name_of_its_script(application: Application, run: tuple[str, ...], name: str) -> None:
    assert pending(application.observe(CommandRunner(), "", replace(application.project, run=run))) == [name]


@pytest.mark.parametrize(
    ("printed", "summary", "shown"),
    [
        ("", Summary(), ""),
        ("all is well", Summary(), ""),
        (PRINTED.format(1, 0, 1), Summary(1, 0, None, 1), "1 applied, 0 skipped of 1"),
        ("Applied: 3\nFailed: 2", Summary(applied=3, failed=2), "3 applied"),
        ("  ✅ Applied: 3\r\n  ⏭  Skipped: 2", Summary(3, 2), "3 applied, 2 skipped"),
        ("applied migrations: 4", Summary(4), "4 applied"),
        ("Applied: 1\nApplied: 2", Summary(2), "2 applied"),
        ("- Total: 7", Summary(total=7), ""),
        ("Applied: many", Summary(), ""),
        ("Not applied: 3", Summary(), ""),
        ("Reapplied: 3", Summary(), ""),
        ("Applied:\n3", Summary(), ""),
    ],
)
def test_summary(printed: str, summary: Summary, shown: str) -> None:
    assert (summary_of(printed), str(summary_of(printed))) == (summary, shown)


@pytest.mark.parametrize(
    ("stdout", "applied"),
    [
        (PRINTED.format(3, 2, 5), ["run-migrations.js: 3 applied, 2 skipped of 5"]),
        (PRINTED.format(0, 5, 5), []),
        ("", ["run-migrations.js"]),
        ("Total: 5", ["run-migrations.js"]),
    ],
)
def test_run(application: Application, stdout: str, applied: list[str]) -> None:
    tool, project = Tool(stdout), replace(application.project, run=RUN)

    assert [one.name for one in CommandRunner().apply(project, STANDING, tool.host)] == applied
    assert tool.argv == RUN
    assert tool.options["env"]["DATABASE_URL"] == f"file:{application.root}/shop.db"


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (Tool("Applied: 3\nFailed: 1"), "says that 1 of its migrations failed"),
        (Tool("Applied: 3", "boom", 3), "run-migrations.js ended with exit code 3: boom."),
        (Tool("? Continue? (y/N)"), "asked a question"),
        (Tool("", "Are you sure?"), "asked a question"),
    ],
)
def test_run_that_failed(application: Application, tool: Tool, told: str) -> None:
    with pytest.raises(MigrationError) as caught:
        CommandRunner().apply(replace(application.project, run=RUN), STANDING, tool.host)

    assert told in caught.value.message


@pytest.mark.parametrize(
    ("says", "missing"),
    [
        ((), None),
        ((r"^Applied: \d+$",), None),
        ((r"Summary ===$", r"^Total: 5"), None),
        ((r"^Applied: \d+$", r"^Verified"), "Verified"),
        ((r"^Database Migration",), "Database Migration"),
    ],
)
def test_program_must_have_said_what_is_declared(
    application: Application, says: tuple[str, ...], missing: str | None
) -> None:
    tool, project = Tool(PRINTED.format(3, 2, 5)), replace(application.project, run=RUN, says=says)

    if missing is None:
        assert CommandRunner().apply(project, STANDING, tool.host)
    else:
        with pytest.raises(MigrationError, match=missing):
            CommandRunner().apply(project, STANDING, tool.host)


def test_what_it_said_about_an_error_does_not_count(application: Application) -> None:
    project = replace(application.project, run=RUN, says=("done",))

    with pytest.raises(MigrationError, match="did not say"):
        CommandRunner().apply(project, STANDING, Tool("", "done").host)


@pytest.mark.parametrize(
    ("run", "says", "told"),
    [
        ((), (), "run: it is missing"),
        (("npm", "run", "db:reset"), (), "reset drops all data"),
        (("npx", "drizzle-kit", "push", "--force"), (), "push with --force"),
        (("npx", "prisma", "db", "push", "--force-reset"), (), "--force-reset drops all data"),
        (("npx", "prisma", "db", "push", "--accept-data-loss=true"), (), "--accept-data-loss drops data"),
        (("npx", "prisma", "migrate", "dev"), (), "migrate dev asks questions"),
        (RUN, ("(",), "says[1]: this is no regular expression"),
    ],
)
def test_what_is_refused_before_it_runs(
    application: Application, run: tuple[str, ...], says: tuple[str, ...], told: str
) -> None:
    tool, project = Tool(), replace(application.project, run=run, says=says)

    with pytest.raises(InvalidInput) as caught:
        CommandRunner().apply(project, STANDING, tool.host)
    with pytest.raises(InvalidInput):
        application.observe(CommandRunner(), "", project)

    assert told in caught.value.message
    assert not tool.was_run


@pytest.mark.parametrize(
    "run",
    [
        ("node", "scripts/reset-cache.js"),
        ("node", "scripts/push.js"),
        ("npx", "drizzle-kit", "push"),
        ("node", "migrate.js", "--force"),
        ("node", "migrate.js", "dev"),
        ("npm", "run", "migrate:development"),
    ],
)
def test_what_only_looks_like_it_is_run(application: Application, run: tuple[str, ...]) -> None:
    tool = Tool()

    CommandRunner().apply(replace(application.project, run=run), STANDING, tool.host)

    assert tool.was_run
