# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that applications migrate with, as they really are: what they do, and what is said of it here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._connection import open_connection
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.engine import Engine, Table
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, MigrationError
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.command import CommandRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.drizzle import DrizzleRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.knex import KnexRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Standing
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.options import migrate_argument_spec, request_of
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.prisma import PrismaRunner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.runner import Project, Runner
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.tool import carry_out, url_with_password
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.usecase import migrate
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Connection
from tests.integration.database.mariadb import Server as Mariadb
from tests.integration.database.postgresql import Server as Postgresql
from tests.integration.machine import BIN
from tests.integration.node import packages

PROJECTS = Path(__file__).resolve().parent / "projects"


@pytest.fixture(scope="session")
def tools() -> Path:
    """A folder with the packages of all tools."""
    # Scripts would download Prisma's engines, for which there is a stand-in here.
    with packages("migrate", PROJECTS, "--ignore-scripts") as installed:
        engine = installed / "schema-engine.mjs"
        engine.write_text(f"#!/usr/bin/env node\n{(PROJECTS / 'prisma' / engine.name).read_text()}")
        engine.chmod(0o755)
        (installed / "query-engine.node").touch()
    return installed


@dataclass(frozen=True)
class Shop:
    """An application with its tool and its database."""

    runner: Runner
    project: Project
    engine: Engine

    def observe(self) -> Standing:
        with self._connected() as connection:
            return self.runner.observe(self.project, connection, self.engine, this_host())

    def apply(self) -> list[str]:
        """The names of what was carried out."""
        return [one.name for one in self.runner.apply(self.project, self.observe(), this_host())]

    def tables(self) -> set[str]:
        """The tables of the application itself."""
        with self._connected() as connection:
            return {table.name for table in self.engine.tables(connection)} & {"a", "b", "c", "d", "done"}

    def all_tables(self) -> set[Table]:
        """The tables of whomever."""
        with self._connected() as connection:
            return set(self.engine.tables(connection))

    def execute(self, *statements: str) -> None:
        with self._connected() as connection:
            for statement in statements:
                connection.execute(statement)

    def write(self, number: int, *statements: str) -> str:
        """A migration, and its name in the ledger."""
        return WRITERS[self.runner.name](Path(self.project.directory), number, statements)

    def remove(self, number: int) -> None:
        """Take a migration's file away, and out of a journal."""
        folder = Path(self.project.directory)
        [path] = [path for path in folder.iterdir() if path.name.startswith(f"{number:04}")]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.runner.name == "drizzle":
            _write_journal(folder)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        with contextlib.closing(open_connection(self.project.address, self.engine)) as connection:
            yield connection


def _write_prisma(folder: Path, number: int, statements: Sequence[str]) -> str:
    name = f"{number:04}_step"
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "migration.sql").write_text("".join(f"{statement};\n" for statement in statements))
    return name


def _write_drizzle(folder: Path, number: int, statements: Sequence[str]) -> str:
    name = f"{number:04}_step"
    (folder / f"{name}.sql").write_text(";\n--> statement-breakpoint\n".join(statements) + ";\n")
    _write_journal(folder)
    return name


def _write_journal(folder: Path) -> None:
    tags = sorted(path.stem for path in folder.glob("*.sql"))
    entries = [
        {"idx": at, "version": "7", "when": 1_700_000_000_000 + int(tag[:4]), "tag": tag, "breakpoints": True}
        for at, tag in enumerate(tags)
    ]
    (folder / "meta").mkdir(exist_ok=True)
    (folder / "meta/_journal.json").write_text(json.dumps({"version": "7", "dialect": "x", "entries": entries}))


def _write_knex(folder: Path, number: int, statements: Sequence[str]) -> str:
    name = f"{number:04}_step.js"
    calls = "".join(f"await knex.raw({json.dumps(statement)});\n" for statement in statements)
    (folder / name).write_text(f"exports.up = async (knex) => {{\n{calls}}};\nexports.down = async () => {{}};\n")
    return name


def _write_script(folder: Path, number: int, statements: Sequence[str]) -> str:
    name = f"{number:04}_step.sql"
    (folder / name).write_text("".join(f"{statement};\n" for statement in statements))
    return name


WRITERS: dict[str, Callable[[Path, int, Sequence[str]], str]] = {
    "prisma": _write_prisma,
    "drizzle": _write_drizzle,
    "knex": _write_knex,
    "command": _write_script,
}

RUNNERS: dict[str, Runner] = {
    runner.name: runner for runner in (PrismaRunner(), DrizzleRunner(), KnexRunner(), CommandRunner())
}


def lay_out(runner: str, address: Address, root: Path, tools: Path) -> Shop:
    """An application without any migration yet."""
    files = {"prisma": "prisma", "drizzle": "drizzle", "knex": "knex", "command": "script"}[runner]
    for path in (PROJECTS / files).glob("*.js"):
        shutil.copy(path, root)
    directory = root / ("prisma/migrations" if runner == "prisma" else "migrations")
    directory.mkdir(parents=True)
    (root / "node_modules").symlink_to(tools / "node_modules")
    if runner == "prisma":
        schema = (PROJECTS / "prisma" / "schema.prisma").read_text().replace("PROVIDER", address.engine)
        (root / "prisma/schema.prisma").write_text(schema)
        (directory / "migration_lock.toml").write_text(f'provider = "{address.engine}"\n')
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PRISMA_SCHEMA_ENGINE_BINARY": str(tools / "schema-engine.mjs"),
        "PRISMA_QUERY_ENGINE_LIBRARY": str(tools / "query-engine.node"),
    }
    project = Project(address, str(directory), str(root), environment=environment, timeout=60)
    return Shop(RUNNERS[runner], project, ENGINES[address.engine])


@pytest.fixture
def sqlite_shop(request: pytest.FixtureRequest, tmp_path: Path, tools: Path) -> Shop:
    (tmp_path / "shop.db").touch()
    return lay_out(request.param, Address("sqlite", str(tmp_path / "shop.db")), tmp_path, tools)


@pytest.fixture
def postgresql_shop(
    request: pytest.FixtureRequest, postgresql: Postgresql, tmp_path: Path, tools: Path
) -> Iterator[Shop]:
    name = f"migrate '{request.param}'"
    server = postgresql.create_database(name)
    yield lay_out(request.param, parse_address(server.url), tmp_path, tools)
    server.drop_database(name)


@pytest.fixture
def mysql_shop(request: pytest.FixtureRequest, mariadb: Mariadb, tmp_path: Path, tools: Path) -> Iterator[Shop]:
    name = f"shop_{request.param}"
    mariadb.as_root(f"CREATE DATABASE {name};")
    yield lay_out(request.param, parse_address(mariadb.url_of(name), mariadb.password), tmp_path, tools)
    mariadb.as_root(f"DROP DATABASE {name};")


def kinds(standing: Standing) -> list[tuple[str, str]]:
    return [(problem.kind, problem.migration) for problem in standing.problems]


def pending(standing: Standing) -> list[str]:
    return [migration.name for migration in standing.pending]


def check_apply(shop: Shop) -> None:
    first = shop.write(1, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    second = shop.write(2, "CREATE TABLE b (id INTEGER PRIMARY KEY)", "CREATE TABLE c (id INTEGER PRIMARY KEY)")
    before = shop.observe()
    assert (before.applied, pending(before), before.problems) == ([], [first, second], [])

    assert shop.apply() == [first, second]

    after = shop.observe()
    assert (after.applied, after.pending, after.problems) == ([first, second], [], [])
    assert shop.tables() == {"a", "b", "c"}
    # The tool takes it well that there is nothing to do, and nothing changes.
    assert shop.apply() == []
    assert shop.observe() == after


def check_drift(shop: Shop) -> None:
    """What was edited, deleted or comes late is told, whatever the tool makes of it."""
    runner = shop.runner.name
    names = [
        shop.write(number, f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)") for number, table in ((3, "a"), (5, "b"))
    ]
    shop.apply()

    shop.write(3, "CREATE TABLE a (id INTEGER PRIMARY KEY, more INTEGER)")
    assert kinds(shop.observe()) == ([] if runner == "knex" else [("edited", names[0])])
    # The tool takes no notice.
    shop.apply()
    shop.write(3, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    assert shop.observe().problems == []

    late = shop.write(4, "CREATE TABLE c (id INTEGER PRIMARY KEY)")
    assert kinds(shop.observe()) == [("late", late)]
    shop.apply()
    assert pending(shop.observe()) == ([late] if runner == "drizzle" else [])
    assert shop.tables() == ({"a", "b"} if runner == "drizzle" else {"a", "b", "c"})
    if runner == "drizzle":
        shop.remove(4)

    shop.remove(3)
    [(kind, name)] = kinds(shop.observe())
    assert (kind, name) == ("deleted", "The migration of 1700000000003" if runner == "drizzle" else names[0])
    with pytest.raises(MigrationError, match="are missing: 0003") if runner == "knex" else contextlib.nullcontext():
        shop.apply()


# What is there of a migration that failed; of Knex and Drizzle nothing at all, where the whole run is one transaction.
LEFT = {
    ("sqlite", "drizzle"): set[str](),
    ("sqlite", "knex"): set[str](),
    ("sqlite", "prisma"): {"b"},
    ("postgresql", "drizzle"): set[str](),
    ("postgresql", "knex"): set[str](),
    ("postgresql", "prisma"): set[str](),
    ("mysql", "drizzle"): {"b"},
    ("mysql", "knex"): {"b"},
}


def check_failure(shop: Shop) -> None:
    """A migration that fails halfway is told, and can be applied once it is corrected."""
    runner, engine = shop.runner.name, shop.engine.name
    first = shop.write(1, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    second = shop.write(2, "CREATE TABLE b (id INTEGER PRIMARY KEY)", "INSERT INTO nowhere VALUES ('canary')")

    with pytest.raises(MigrationError) as caught:
        shop.apply()
    assert "canary" not in f"{caught.value.message}{caught.value.details}"

    standing = shop.observe()
    assert second in pending(standing)
    if runner == "prisma":
        assert (standing.applied, kinds(standing)) == ([first], [("failed", second)])
        # Until that is settled, it fails again.
        with pytest.raises(MigrationError):
            shop.apply()
        settle = ("npx", "--no-install", "prisma", "migrate", "resolve", "--rolled-back", second)
        assert " ".join(settle[2:]) in standing.problems[0].sentence
        carry_out("Prisma", settle, shop.project, this_host(), url_of=url_with_password, says=())
        assert shop.observe() == replace(standing, problems=[])
    else:
        assert standing.problems == []
    # What the tool has left is taken back by hand, as a restored backup would.
    left = shop.tables() - {"a"} if first in standing.applied else shop.tables()
    assert left == LEFT[engine, runner]
    shop.execute(*(f"DROP TABLE {table}" for table in sorted(left)))

    shop.write(2, "CREATE TABLE b (id INTEGER PRIMARY KEY)")
    shop.apply()
    assert (shop.observe().applied, shop.observe().pending, shop.observe().problems) == ([first, second], [], [])
    assert shop.tables() == {"a", "b"}


@pytest.mark.parametrize("check", [check_apply, check_drift, check_failure])
@pytest.mark.parametrize("sqlite_shop", ["drizzle", "knex", "prisma"], indirect=True)
def test_sqlite(sqlite_shop: Shop, check: Callable[[Shop], None]) -> None:
    check(sqlite_shop)


@pytest.mark.parametrize("check", [check_apply, check_drift, check_failure])
@pytest.mark.parametrize("postgresql_shop", ["drizzle", "knex", "prisma"], indirect=True)
def test_postgresql(postgresql_shop: Shop, check: Callable[[Shop], None]) -> None:
    check(postgresql_shop)


# The engine that stands in for Prisma's own does not know MySQL.
@pytest.mark.parametrize("check", [check_apply, check_drift, check_failure])
@pytest.mark.parametrize("mysql_shop", ["drizzle", "knex"], indirect=True)
def test_mysql(mysql_shop: Shop, check: Callable[[Shop], None]) -> None:
    check(mysql_shop)


CHECKS = pytest.mark.parametrize("check", [check_apply, check_drift, check_failure])


@CHECKS
@pytest.mark.parametrize("postgresql_shop", ["prisma"], indirect=True)
def test_schema_of_prisma(postgresql_shop: Shop, check: Callable[[Shop], None]) -> None:
    """Where another application has migrated the schema public, and a third one has a ledger that is broken."""
    others = postgresql_shop
    others.write(9, "CREATE TABLE others (id INTEGER PRIMARY KEY)")
    others.apply()
    others.remove(9)
    others.execute('CREATE SCHEMA "a third"', 'CREATE TABLE "a third"._prisma_migrations (id INTEGER)')
    url = f"{url_with_password(others.project.address)}&schema=Our%20%27schema%27"
    shop = replace(others, project=replace(others.project, address=parse_address(url)))

    check(shop)

    # Prisma has made the schema, and has changed nothing elsewhere.
    found = {table for table in shop.all_tables() if table.name != "_prisma_migrations"}
    assert found - {Table("others", "public")} == {Table(name, "Our 'schema'") for name in shop.tables()}
    assert others.observe().applied == ["0009_step"]


@pytest.mark.parametrize("postgresql_shop", ["prisma"], indirect=True)
def test_schema_public_is_told_to_prisma(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    # Without a word, the tables would come here.
    shop.execute("CREATE SCHEMA AUTHORIZATION CURRENT_USER")
    url = f"{url_with_password(shop.project.address)}&schema=public"

    check_apply(replace(shop, project=replace(shop.project, address=parse_address(url))))

    assert {table.schema for table in shop.all_tables()} == {"public"}


@pytest.mark.parametrize("postgresql_shop", ["prisma"], indirect=True)
def test_proof_in_the_schema_of_prisma(postgresql_shop: Shop) -> None:
    """Where the schema public has tables of the same names."""
    shop, project = postgresql_shop, postgresql_shop.project
    shop.execute("CREATE TABLE a (id INTEGER)", "CREATE TABLE b (id INTEGER)", "INSERT INTO b VALUES (1)")
    shop.write(1, "CREATE TABLE b (id INTEGER PRIMARY KEY)")
    defaults = {name: option.get("default") for name, option in migrate_argument_spec().options.items()}
    place = {"project": project.root, "directory": project.directory, "environment": project.environment}
    address = parse_address(f"{url_with_password(project.address)}&schema=app")

    def migrated(table: str) -> Result:
        expect = {"tables": [table], "counts": {"b": 0}}
        options = {**defaults, **place, "runner": "prisma", "without_backup": True, "expect": expect}
        request = request_of(options, address)
        host, engine, runner = this_host(), shop.engine, shop.runner
        return migrate(request, host=host, engine=engine, runner=runner, snapshots=None, check_mode=False)

    assert [migrated("b").changed, migrated("public.a").changed] == [True, False]
    with pytest.raises(MigrationError, match=r"There is no table app\.a\."):
        migrated("a")


def with_named_ledger(shop: Shop, schema: str | None = None) -> Shop:
    """The shop, whose tool lists what is applied in another table than usual, beside one of the usual name."""
    runner = shop.runner.name
    usual, config, names = {
        "drizzle": ("__drizzle_migrations", "drizzle.config.js", {"table": "my steps", "schema": schema}),
        "knex": ("knex_migrations", "knexfile.js", {"tableName": "my steps", "schemaName": schema}),
    }[runner]
    shop.execute(f"CREATE TABLE {usual} (id INTEGER)")
    told = json.dumps({name: value for name, value in names.items() if value is not None})
    with Path(shop.project.root, config).open("a") as file:
        file.write(f"module.exports.migrations = {told};\n")
    ledger = f"{schema}.my steps" if schema else "my steps"
    return replace(shop, project=replace(shop.project, ledger_table=ledger))


@CHECKS
@pytest.mark.parametrize("sqlite_shop", ["drizzle", "knex"], indirect=True)
def test_named_ledger_in_sqlite(sqlite_shop: Shop, check: Callable[[Shop], None]) -> None:
    check(with_named_ledger(sqlite_shop))


@CHECKS
@pytest.mark.parametrize("schema", [None, "our schema"])
@pytest.mark.parametrize("postgresql_shop", ["drizzle", "knex"], indirect=True)
def test_named_ledger_in_postgresql(postgresql_shop: Shop, schema: str | None, check: Callable[[Shop], None]) -> None:
    shop = with_named_ledger(postgresql_shop, schema)
    if schema:
        # In a schema of its own, it is not mistaken for that of others.
        shop.execute('CREATE SCHEMA "our schema"', 'CREATE TABLE "my steps" (id INTEGER)')

    check(shop)

    usual = "drizzle" if shop.runner.name == "drizzle" else "public"
    assert Table("my steps", schema or usual) in shop.all_tables()


@pytest.mark.parametrize("sqlite_shop", ["knex"], indirect=True)
def test_lock_beside_a_named_ledger(sqlite_shop: Shop) -> None:
    shop = with_named_ledger(sqlite_shop)
    shop.write(1, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    shop.apply()

    shop.execute('UPDATE "my steps_lock" SET is_locked = 1')

    assert kinds(shop.observe()) == [("locked", "my steps_lock")]


@pytest.mark.parametrize("postgresql_shop", ["drizzle", "knex", "prisma"], indirect=True)
def test_wrong_password_is_not_told(postgresql_shop: Shop) -> None:
    postgresql_shop.write(1, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    address = replace(postgresql_shop.project.address, password="' other canary-ä /@:%")
    project = replace(postgresql_shop.project, address=address)

    with pytest.raises(MigrationError) as caught:
        postgresql_shop.runner.apply(project, postgresql_shop.observe(), this_host())

    assert "canary" not in f"{caught.value.message}{caught.value.details}"
    assert postgresql_shop.tables() == set()


@pytest.mark.parametrize("sqlite_shop", ["knex"], indirect=True)
def test_lock_that_a_killed_run_of_knex_leaves(sqlite_shop: Shop) -> None:
    sqlite_shop.write(1, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    sqlite_shop.apply()
    second = sqlite_shop.write(2, "CREATE TABLE b (id INTEGER PRIMARY KEY)")
    sqlite_shop.execute("UPDATE knex_migrations_lock SET is_locked = 1")

    assert kinds(sqlite_shop.observe()) == [("locked", "knex_migrations_lock")]
    with pytest.raises(MigrationError, match="Migration table is already locked"):
        sqlite_shop.apply()

    unlock = [str(BIN / "npx"), "--no-install", "knex", "migrate:unlock"]
    environment = {**os.environ, **sqlite_shop.project.environment, "DATABASE_URL": sqlite_shop.project.address.name}
    subprocess.run(unlock, cwd=sqlite_shop.project.root, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert sqlite_shop.observe().problems == []
    assert sqlite_shop.apply() == [second]


def _schema(shop: Shop, columns: str) -> None:
    """What the code of the application says its table is like."""
    of_engine = {"sqlite": "sqlite", "postgresql": "pg"}[shop.engine.name]
    Path(shop.project.root, "schema.js").write_text(
        f'const {{ {of_engine}Table: table, integer, text }} = require("drizzle-orm/{of_engine}-core");\n'
        f'exports.a = table("a", {{ id: integer("id").primaryKey(), {columns} }});\n'
    )


def check_push(shop: Shop) -> None:
    shop = replace(shop, project=replace(shop.project, run=("npx", "--no-install", "drizzle-kit", "push")))
    _schema(shop, 'email: text("email")')
    assert shop.apply() == ["drizzle-kit"]
    assert shop.tables() == {"a"}
    assert shop.apply() == []
    shop.execute("INSERT INTO a VALUES (1, 'me')")

    # It asks about each of these, and ends as if all were well: a column that goes, and one that may be renamed.
    for columns in ("", 'mail: text("mail")'):
        _schema(shop, columns)
        with pytest.raises(MigrationError, match="asked a question"):
            shop.apply()
    with contextlib.closing(open_connection(shop.project.address, shop.engine)) as connection:
        assert connection.rows("SELECT id, email FROM a") == [(1, "me")]

    forced = replace(shop, project=replace(shop.project, run=(*shop.project.run, "--force")))
    with pytest.raises(InvalidInput, match="Leave --force out"):
        forced.apply()


@pytest.mark.parametrize("sqlite_shop", ["drizzle"], indirect=True)
def test_push_to_sqlite(sqlite_shop: Shop) -> None:
    check_push(sqlite_shop)


@pytest.mark.parametrize("postgresql_shop", ["drizzle"], indirect=True)
def test_push_to_postgresql(postgresql_shop: Shop) -> None:
    check_push(postgresql_shop)


@pytest.mark.parametrize("sqlite_shop", ["command"], indirect=True)
def test_script_of_the_application(sqlite_shop: Shop) -> None:
    script = ("node", "run-migrations.js")
    shop = replace(sqlite_shop, project=replace(sqlite_shop.project, run=script, says=("Migration Summary",)))
    shop.write(1, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    assert shop.apply() == ["run-migrations.js: 1 applied, 0 skipped of 1"]
    assert shop.apply() == []

    # It ends with exit code 0 whatever happens.
    shop.write(2, "CREATE TABLE a (id INTEGER PRIMARY KEY)")
    shop.write(3, "CREATE TABLE b (id INTEGER PRIMARY KEY)")
    with pytest.raises(MigrationError, match="says that 1 of its migrations failed"):
        shop.apply()

    done = replace(shop, project=replace(shop.project, unless_tables=("a", "b")))
    assert done.observe().pending == ()


@pytest.mark.parametrize("sqlite_shop", ["command"], indirect=True)
@pytest.mark.parametrize(
    ("code", "timeout", "told"),
    [
        ("", 60, "did not say what it then says"),
        ("process.stdin.resume(); process.stdin.on('end', () => {})", 60, "did not say what it then says"),
        ("console.log('done'); process.exit(3)", 60, "exit code 3: done"),
        ("setInterval(() => {}, 1000)", 1, "was not done after 1 seconds and was stopped"),
    ],
)
def test_script_that_does_nothing(sqlite_shop: Shop, code: str, timeout: float, told: str) -> None:
    project = replace(sqlite_shop.project, run=("node", "-e", code), says=("done",), timeout=timeout)

    with pytest.raises(MigrationError, match=told):
        replace(sqlite_shop, project=project).apply()
