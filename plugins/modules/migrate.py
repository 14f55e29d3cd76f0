#!/usr/bin/python
# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: migrate
short_description: Bring a database's schema to a version, with proof
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Carries out the pending migrations of a SQLite, MySQL, MariaDB or PostgreSQL database, after a verified backup, and
    proves afterwards that all of them are in the database and that nothing else has happened to it.
  - Its own runner V(sql) carries out a directory of SQL files. The runners V(prisma), V(drizzle), V(knex) and
    V(command) have the application's own tool do it, and believe neither what it says nor its exit code, but only the
    tool's ledger, the files and the database.
  - Where the engine can, a migration is one transaction with its line in the ledger. In MySQL and MariaDB, where a
    definition cannot be undone, the ledger knows each statement, so that the next run goes on at the right one or says
    exactly where the last one stopped.
  - What would destroy data is refused before anything is changed, unless O(allow_destructive) names it.
extends_documentation_fragment:
  - shipshape.webapp.attributes
  - shipshape.webapp.database
attributes:
  check_mode:
    support: full
    details:
      - The ledger and the files are read and judged. Nothing is run.
  diff_mode:
    support: full
    details:
      - Shows the migrations, and the SQL of those that are carried out.
  idempotent:
    support: full
    details:
      - A script of runner V(command) without O(unless_tables) runs every time. It counts as changed if the schema or a
        number of rows is another one afterwards.
options:
  runner:
    description:
      - Who carries out the migrations.
    type: str
    choices: [sql, prisma, drizzle, knex, command]
    default: sql
  state:
    description:
      - V(applied) carries out what is pending. V(reverted) takes back the last ones by their down scripts.
      - V(baseline) notes what is pending as applied and runs nothing, to take over a database that has it already.
      - V(repaired) has the ledger accept files that were edited or are gone, and what O(statement_done) says.
      - All but V(applied) are for runner V(sql) only.
    type: str
    choices: [applied, reverted, baseline, repaired]
    default: applied
  directory:
    description:
      - Where the migrations are. For V(sql) these are files such as C(1_name.sql), C(1_name.up.sql) with
        C(1_name.down.sql), or directories such as C(1_name/up.sql) and C(1_name/migration.sql); also with the marks of
        dbmate and goose.
      - For V(prisma) it is C(prisma/migrations), for V(drizzle) the directory with C(meta/_journal.json), for V(knex)
        that of its files.
    type: path
  project:
    description:
      - Where the tool is run. Required for every runner but V(sql).
    type: path
  run:
    description:
      - The command that migrates, which no shell sees. Each tool has its own default; V(command) requires it.
    type: str
  environment:
    description:
      - Variables for the tool. C(DATABASE_URL) is the database with its password, unless it is given here.
      - Where O(database) is one of PostgreSQL and has the parameter C(schema), as Prisma takes it, that is handed on to
        V(prisma) and V(command). The ledger, O(unless_tables) and the tables of O(expect) are looked for there, unless
        they are named with a schema of their own.
    type: dict
    default: {}
  timeout:
    description:
      - After how many seconds the tool is stopped. By default it may take as long as it likes.
    type: int
  target:
    description:
      - The last version to be applied, or with O(state=reverted) to be kept. For runner V(sql).
    type: str
  steps:
    description:
      - How many migrations to apply or, by default one, to revert. For runner V(sql).
    type: int
  transaction:
    description:
      - With V(auto), a migration is one transaction unless it holds what the engine takes in none, begins one itself,
        or asks for none by C(.autocommit.) in its name. In SQLite several share one for as long as a fifth of a
        second; one that fails is still undone by itself.
      - V(file) refuses such migrations. V(all) makes one transaction of all pending ones. V(none) makes none.
      - MySQL and MariaDB end a transaction at every definition, whatever is asked for, and V(all) is refused.
    type: str
    choices: [auto, file, all, none]
    default: auto
  ledger_table:
    description:
      - The table that lists what is applied, alone or behind its schema, as in C(app.migrations).
      - By default C(schema_ledger) for runner V(sql), C(__drizzle_migrations) for V(drizzle) and C(knex_migrations) for
        V(knex). For a tool, give the name that the tool's own configuration has. Prisma's cannot have another one.
    type: str
  session:
    description:
      - Statements with which the session begins, such as C(SET work_mem = '1GB').
    type: list
    elements: str
    default: []
  lock_timeout:
    description:
      - How many seconds a statement waits for locks of the application.
    type: int
    default: 10
  statement_timeout:
    description:
      - After how many seconds a statement is stopped. SQLite has no such limit.
    type: int
  wait:
    description:
      - How many seconds to wait for another run to end.
    type: int
    default: 60
  on_drift:
    description:
      - Whether the run fails or only warns if a file was edited or removed after it was applied.
    type: str
    choices: [fail, warn]
    default: fail
  out_of_order:
    description:
      - Whether the run fails on a pending migration that comes before one that is applied, or applies it.
      - V(apply) is refused for runner V(drizzle), because Drizzle never applies such a migration.
    type: str
    choices: [fail, apply]
    default: fail
  allow_destructive:
    description:
      - Rules that pending migrations may break, as C(rule) or C(rule:file), for example C(drop_table:12_old.sql).
    type: list
    elements: str
    default: []
  may_lose_rows:
    description:
      - Tables that may have fewer rows afterwards though no migration that can be read touches them, because the
        application deletes from them meanwhile, or the tool's script does.
    type: list
    elements: str
    default: []
  unless_tables:
    description:
      - The tables that the script of runner V(command) makes. If all are there, it is not run.
    type: list
    elements: str
    default: []
  says:
    description:
      - Regular expressions that the script of runner V(command) must have said.
    type: list
    elements: str
    default: []
  expect:
    description:
      - What must be true of the database afterwards.
    type: dict
    default: {}
    suboptions:
      tables:
        description: Tables that must be there.
        type: list
        elements: str
        default: []
      columns:
        description: For each table, the columns that must be there.
        type: dict
        default: {}
      counts:
        description: For each table, its number of rows, or C(min) and C(max).
        type: dict
        default: {}
      queries:
        description: Queries and what they must give.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: What to call it when it fails. By default its number.
            type: str
          sql:
            description: The query.
            type: str
            required: true
          equals:
            description: One value, a list of values of one column, or a list of rows, in the query's order.
            type: raw
            required: true
  backup:
    description:
      - The backup that is taken before anything is changed, as by M(shipshape.webapp.db_backup).
      - Of a database without any table there is none to take.
    type: dict
    suboptions:
      directory:
        description: Where the backups are.
        type: path
        required: true
      name:
        description: What their names begin with. By default that of the database.
        type: str
      verify:
        description: How much is proved of it.
        type: str
        choices: [checksum, structure, restore]
        default: restore
      max_age:
        description: How old a verified backup may be to do as well, for example V(10m). By default a new one is taken.
        type: str
      scratch_directory:
        description: Where there is room for what is temporary.
        type: path
        default: /var/tmp
  without_backup:
    description:
      - Migrate without O(backup).
    type: bool
    default: false
  on_failure:
    description:
      - Whether the database is left where a failure left it, or the backup is restored if the schema is not as before.
    type: str
    choices: [stop, restore]
    default: stop
  loss_budget:
    description:
      - How many rows that were written since the backup such a restore may lose, as in M(shipshape.webapp.db_restore).
        Tables whose rows the migrations themselves change do not count, unless they are named.
    type: raw
    default: 0
  statement_done:
    description:
      - With O(state=repaired), whether the statement in which a migration stopped was carried out after all.
    type: bool
seealso:
  - module: shipshape.webapp.db_backup
  - module: shipshape.webapp.db_restore
"""

EXAMPLES = r"""
- name: Migrate StackLens' database
  shipshape.webapp.migrate:
    database: sqlite:///srv/stacklens/shared/data/production.db
    directory: /srv/stacklens/current/migrations
    backup:
      directory: /var/backups/stacklens
    expect:
      columns:
        api_credentials: [priority]

- name: Deploy Lumiku's Prisma migrations
  shipshape.webapp.migrate:
    database: postgresql://lumiku@localhost/lumiku
    database_password: "{{ vault_lumiku_db_password }}"
    runner: prisma
    project: /srv/lumiku/current/backend
    directory: /srv/lumiku/current/backend/prisma/migrations
    backup:
      directory: /var/backups/lumiku
    on_failure: restore

- name: Make HoliBot's tables where they are missing
  shipshape.webapp.migrate:
    database: mysql://holibot@localhost/holibot
    database_password: "{{ vault_holibot_db_password }}"
    runner: command
    project: /srv/holibot/current/backend
    run: node migrations/create-chat-session-table.js
    unless_tables: [ChatSession, ChatSessionCleanupLog]
    backup:
      directory: /var/backups/holibot

- name: Go on after a crash, having seen that the statement was carried out
  shipshape.webapp.migrate:
    database: mysql://holibot@localhost/holibot
    database_password: "{{ vault_holibot_db_password }}"
    directory: /srv/holibot/current/migrations
    state: repaired
    statement_done: true
"""

RETURN = r"""
applied:
  description: What was carried out or taken back, in this order.
  returned: success
  type: list
  elements: dict
  sample: [{name: 1_users.sql, seconds: 0.01, statements: 2}]
pending:
  description: What would be carried out, taken back or noted.
  returned: success, and failure before anything was changed
  type: list
  elements: str
lint:
  description: What the pending migrations do that needs thought.
  returned: success, and failure because of it
  type: list
  elements: dict
  sample: [{rule: drop_table, file: 7_old.sql, line: 3, object: old, sentence: 7_old.sql drops the table old.}]
schema_before:
  description: A fingerprint of the schema as it was.
  returned: success
  type: str
schema_after:
  description: A fingerprint of the schema as it is.
  returned: success
  type: str
backup:
  description: The backup that was taken before, as RV(shipshape.webapp.db_backup#module:backup).
  returned: when something was carried out and O(backup) was given
  type: dict
problems:
  description: In what the ledger and the files do not fit.
  returned: failure because of it
  type: list
  elements: dict
  sample: [{kind: edited, migration: 1_users.sql}]
position:
  description: The statement that failed.
  returned: failure in a statement of runner V(sql)
  type: dict
  sample: {file: 3_orders.sql, statement: 2, line: 7}
statements_that_stay:
  description: How many statements of the file that failed are carried out and cannot be undone.
  returned: failure in a statement of runner V(sql)
  type: int
differences:
  description: In what the database is not as expected afterwards.
  returned: failure of the proof
  type: list
  elements: str
written:
  description:
    - In how many rows tables may differ from RV(backup) because of the migrations themselves, and not of anybody's
      work, as O(shipshape.webapp.db_restore#module:loss_budget). The ledger is among them.
  returned: success
  type: dict
as_before:
  description: Whether the schema is as it was before the run.
  returned: failure after the run had begun
  type: bool
"""

from collections.abc import Mapping
from typing import Any, cast

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address
from ansible_collections.shipshape.webapp.plugins.module_utils._database.host import Host
from ansible_collections.shipshape.webapp.plugins.module_utils._database.options import (
    address_of,
    database_argument_spec,
    secrets_of,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._database.registry import ENGINES
from ansible_collections.shipshape.webapp.plugins.module_utils._entrypoint import conceal, run
from ansible_collections.shipshape.webapp.plugins.module_utils._host import this_host
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.options import migrate_argument_spec, request_of
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.registry import RUNNERS
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.snapshots import Snapshots
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.usecase import migrate
from ansible_collections.shipshape.webapp.plugins.module_utils._result import Result

# Shorter ones than these are no secrets, and would be masked in every word that holds them.
_SHORTEST_SECRET = 6


def snapshots_of(params: Mapping[str, Any], address: Address, host: Host) -> Snapshots:
    """The backups of the database, as db_backup takes them and db_restore restores them."""
    # A host that compiles all of this each time takes as long for it as for a run with nothing to do.
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.loss import Budget, parse_budget
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.options import name_of
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.plan import parse_age
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.registry import STRATEGIES
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.strategy import Terms
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_backup import Request as ToTake
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_backup import back_up
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_restore import Request as ToRestore
    from ansible_collections.shipshape.webapp.plugins.module_utils._backup.usecase_restore import restore

    backup, strategy = params["backup"], STRATEGIES[address.engine]
    terms = Terms(backup["scratch_directory"], None, params["lock_timeout"])
    place = {"address": address, "directory": backup["directory"], "name": name_of(backup, address), "terms": terms}
    budget = parse_budget(params["loss_budget"])
    wanted = {"verify": backup["verify"], "max_age": parse_age("backup.max_age", backup["max_age"])}

    def take() -> Mapping[str, object]:
        result = back_up(ToTake(**place, **wanted), host=host, strategy=strategy, check_mode=False)
        return cast(Mapping[str, object], result.data["backup"])

    def restored(backup_id: str, written: Mapping[str, int | str]) -> None:
        # Where everything may be lost, no table has a limit.
        own = {} if budget.total is None else parse_budget(dict(written)).tables
        spared = Budget(budget.total, {**own, **budget.tables})
        request = ToRestore(**place, backup=backup_id, loss_budget=spared)
        restore(request, host=host, strategy=strategy, check_mode=False)

    return Snapshots(take, restored)


def main() -> None:
    spec = migrate_argument_spec().merge(database_argument_spec())
    module = AnsibleModule(supports_check_mode=True, **spec.to_kwargs())
    params = dict(module.params)

    def use_case() -> Result:
        address, host = address_of(params), this_host()
        snapshots = snapshots_of(params, address, host) if params["backup"] else None
        request, runner = request_of(params, address), RUNNERS[params["runner"]]
        engine, check_mode = ENGINES[address.engine], module.check_mode
        return migrate(request, host=host, engine=engine, runner=runner, snapshots=snapshots, check_mode=check_mode)

    conceal(module, "database", secrets_of(params))
    values = map(str, params["environment"].values())
    conceal(module, "environment", [value for value in values if len(value) >= _SHORTEST_SECRET])
    run(module, use_case)


if __name__ == "__main__":
    main()
