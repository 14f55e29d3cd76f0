# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database of each engine on a test host, with a backup that is proved, to which anything may happen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.integration import inside
from tests.integration.database import mariadb, postgresql
from tests.integration.machine import Host

NAME = "shop_faults"

# What others can be given room in: of 64 MB in memory, and a read-only view of /shared.
SMALL, READ_ONLY = "/small", "/read-only"

# Where programs stand that take the place of others.
PROGRAMS = "/srv/faults/programs"

_ACCOUNTS, _EACH = 100, 100

# More than pipes and sockets hold, so that a dump stands still in the middle of it.
HISTORY = 4000

# Prints what can be seen of one engine; all that ends within a few seconds is waited for.
_LOOK = r"""
import hashlib, json, os, subprocess, sys, time
asked = json.load(sys.stdin)

def seen(folder):
    found = {}
    for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
        path = os.path.join(folder, name)
        status = os.lstat(path)
        content = None
        if os.path.islink(path):
            content = os.readlink(path)
        elif os.path.isfile(path):
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        found[name] = [oct(status.st_mode), status.st_size, status.st_mtime_ns, content]
    return found

def processes():
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline", "rb") as file:
                argv = os.fsdecode(file.read()).split("\0")
        except OSError:
            continue
        program = os.path.basename(argv[0].split(" ")[0].rstrip(":"))
        is_ours = program in asked["programs"] or any(mark in " ".join(argv) for mark in asked["marks"])
        if is_ours and int(number) != os.getpid():
            found.append(" ".join(argv)[:200])
    return found

def said(command):
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout

def look():
    deadline = time.monotonic() + 10
    while processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    folders = asked["directory"], asked["scratch"]
    return {
        "files": seen(asked["directory"]),
        "scratch": sorted(os.listdir(asked["scratch"])),
        "databases": said(asked["databases"]).splitlines(),
        "processes": processes(),
        "rows": said(asked["rows"]) if asked["rows"] else "",
        "changed_at": [os.stat(folder).st_mtime_ns for folder in folders if os.path.isdir(folder)],
    }

print(json.dumps(look()))
"""

_STARTED_BY_MODULES = (
    *("mariadb-dump", "pg_dump", "pg_restore", "zstd", "pigz", "gzip", "age", "sed", "tail", "rclone"),
)

_STANDS_STILL = "echo reached >/srv/faults/reached; read -r go </srv/faults/go"

# What takes the place of zstd and stands still until it is told to go on: once it has got something of the dump, or
# when the backup is unpacked for the second time, which is when it is restored.
GATES = {
    "dump": f"""#!/bin/sh
case " $* " in *" -d "*) exec /usr/bin/zstd "$@" ;; esac
head --bytes=4096 >/srv/faults/first
{_STANDS_STILL}
cat /srv/faults/first - | /usr/bin/zstd "$@"
""",
    "restore": f"""#!/bin/sh
case " $* " in
*" -d "*) if [ -e /srv/faults/first ]; then {_STANDS_STILL}; fi; touch /srv/faults/first ;;
esac
exec /usr/bin/zstd "$@"
""",
}


# Runs a module, as python3 -m does, with what the clock of the host shows, or with what CLOCK says that it shows.
_WITH_A_CLOCK = """
import dataclasses, datetime, importlib, os
module = importlib.import_module(f"ansible_collections.shipshape.webapp.plugins.modules.{os.environ['MODULE']}")
if "CLOCK" in os.environ:
    real, shown = module.this_host, datetime.datetime.fromisoformat(os.environ["CLOCK"])
    module.this_host = lambda: dataclasses.replace(real(), now=lambda: shown)
module.main()
"""


# Makes other backups of one, as of other times.
_CLONE = """
import datetime, json, shutil, sys
directory, model, times, fields = json.loads(sys.argv[1])
with open(f"{directory}/{model}.manifest.json") as file:
    told = json.load(file)
clones = []
for number, time in enumerate(times):
    moment = datetime.datetime.fromisoformat(time).astimezone(datetime.timezone.utc)
    new = f"{told['name']}-{moment:%Y%m%dT%H%M%SZ}-{number:06x}"
    clone = {**told, "id": new, "file": told["file"].replace(model, new), "taken": time, **fields}
    shutil.copy2(f"{directory}/{told['file']}", f"{directory}/{clone['file']}")
    with open(f"{directory}/{new}.manifest.json", "w") as file:
        json.dump(clone, file)
    clones.append(clone)
print(json.dumps(clones))
"""


@dataclass(frozen=True)
class Seen:
    """All that a run could have left behind or changed."""

    files: Mapping[str, Any]
    scratch: Sequence[str]
    databases: Sequence[str]
    processes: Sequence[str]
    rows: str
    changed_at: Sequence[int]


@dataclass(frozen=True)
class Run:
    """How a module ended, and what was there before and after."""

    before: Seen
    after: Seen
    result: Mapping[str, Any]
    output: str

    @property
    def warnings(self) -> list[str]:
        """The sentences of its warnings."""
        return [warning["event"]["msg"] for warning in self.result.get("warnings", [])]

    @property
    def new(self) -> list[str]:
        """The files that the directory has got."""
        return sorted(set(self.after.files) - set(self.before.files))


@dataclass
class Running:
    """A run whose dump stands still."""

    host: Host
    process: subprocess.Popen[str]
    pid: int
    run: Run | None = None

    @property
    def ended(self) -> Run:
        """How it ended, once it has."""
        assert self.run is not None
        return self.run

    def child(self, program: str) -> int:
        """The number of a program that it has started."""
        return int(self.host.run("pgrep", "--parent", str(self.pid), "--exact", program))

    def kill(self, number: int, signal: str = "KILL") -> None:
        """Send a signal to a process of the host."""
        self.host.run("kill", f"-{signal}", str(number))


@dataclass
class Live:
    """A database of one engine, whose backups and scratch are in folders of their own."""

    engine: str
    host: Host
    url: str
    password: str
    databases: str
    rows: str
    # Of who may read everything and make no database.
    readers_url: str
    # The administrator says something in the database, or to the server, and is answered.
    administer: Callable[[str], str]
    serve: Callable[[str], str]
    # The words that begin a session of the administrator on the host.
    interactive: Sequence[str]
    # Makes the database anew.
    make: Callable[[], None]
    # Drops it with all that is beside it.
    drop: Callable[[], None]
    # What to do at the end of a test, the last first.
    undo: list[Callable[[], object]] = field(default_factory=list)
    # What the manifest says of the backup that is there from the beginning.
    previous: dict[str, Any] = field(default_factory=dict)
    is_touched: bool = False

    @property
    def root(self) -> str:
        return f"/srv/faults/{self.engine}"

    @property
    def directory(self) -> str:
        return f"{self.root}/backups"

    @property
    def scratch(self) -> str:
        return f"{self.root}/scratch"

    @property
    def path(self) -> str:
        """Of the file, if it is one."""
        return f"{self.root}/data/{NAME}.db"

    def shell(self, script: str, *words: str) -> str:
        """What a script prints on the host, which must end well."""
        return self.host.run("sh", "-euc", script, "sh", *words).decode()

    def sql(self, text: str) -> str:
        """What the administrator is told in the database, which is made anew afterwards."""
        self.is_touched = True
        return self.administer(text).strip()

    def prepare(self) -> None:
        """Make the database and its first backup, which is proved."""
        self.shell(
            f"rm -rf {self.root}; mkdir -p {self.scratch} {self.root}/data {PROGRAMS}; chmod 700 {self.root}/data"
        )
        self.make()
        run = self.backup(verify="restore")
        assert not run.result.get("failed"), run.result
        self.previous = json.loads(
            self.shell(f"cp -a {self.directory} {self.root}/pristine; cat {self.root}/pristine/*.manifest.json")
        )
        self.reset()

    def remove(self) -> None:
        """Drop the database, with its backups."""
        self.drop()
        self.shell(f"rm -rf {self.root}")

    def reset(self) -> None:
        """All as it was prepared."""
        while self.undo:
            self.undo.pop()()
        self.shell(
            f"rm -rf {self.directory} {self.root}/elsewhere {PROGRAMS} {SMALL}/* /srv/faults/first /srv/faults/go"
            f" /srv/faults/reached; "
            f"find {self.scratch} -mindepth 1 -delete;"
            f"cp -a {self.root}/pristine {self.directory}; mkdir {PROGRAMS} {self.root}/elsewhere;"
            "mkfifo /srv/faults/go /srv/faults/reached"
        )
        if self.is_touched:
            self.make()
            self.is_touched = False

    # Looking

    def look(self, *, with_rows: bool = False) -> Seen:
        """What is there."""
        return self._look(self.directory, self.scratch, with_rows=with_rows)

    def _look(self, directory: str, scratch: str, *, with_rows: bool) -> Seen:
        asked = {
            "directory": directory,
            "scratch": scratch,
            "databases": self.databases,
            "rows": self.rows if with_rows else "",
            "programs": _STARTED_BY_MODULES,
            # A server of a module's own, and a client that is given a password.
            "marks": [scratch, "--defaults-file=/dev/fd/"],
        }
        ended = inside.ended_python(self.host, _LOOK, json.dumps(asked))
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
        found["files"].pop(f".{NAME}.lock", None)
        return Seen(**found)

    def until(self, question: str, answer: str) -> None:
        """Return as soon as the server gives this answer."""
        for _attempt in range(200):
            if self.administer(question).strip() == answer:
                return
        raise AssertionError(question)

    def sum(self) -> int:
        """What all accounts together hold, which no transaction changes."""
        return int(self.administer("SELECT SUM(balance) FROM accounts;").strip())

    # Running

    def options(self, **options: Any) -> dict[str, Any]:
        """What every run is told, and this one beside or instead."""
        usual = {"directory": self.directory, "scratch_directory": self.scratch, "lock_timeout": 5, "timeout": 60}
        login = {"database": self.url, "database_password": self.password or None}
        told = {**login, **usual, **options}
        return {name: value for name, value in told.items() if value is not None}

    def backup(self, *, check: bool = False, environment: Mapping[str, str] | None = None, **options: Any) -> Run:
        """Back up, unless told otherwise with a verification that takes no server."""
        return self._run(
            "db_backup", self.options(**{"verify": "structure", **options}), check=check, environment=environment
        )

    def restore(
        self,
        *,
        check: bool = False,
        environment: Mapping[str, str] | None = None,
        with_rows: bool = True,
        **options: Any,
    ) -> Run:
        """Restore the newest backup, whatever is lost by it."""
        self.is_touched = True
        usual = {"backup": "latest", "loss_budget": "unlimited", "safety_backup": False, "keep_old": False}
        told = self.options(**{**usual, **options})
        return self._run("db_restore", told, check=check, environment=environment, with_rows=with_rows)

    def info(self) -> Mapping[str, Any]:
        """What is in the directory."""
        return inside.module(self.host, "db_backup_info", directory=self.directory, read_back=True)

    def _run(
        self,
        module: str,
        options: Mapping[str, Any],
        *,
        check: bool = False,
        environment: Mapping[str, str] | None = None,
        with_rows: bool = False,
    ) -> Run:
        text = inside.module_input(dict(options), check=check)
        places = options["directory"], options["scratch_directory"]
        before = self._look(*places, with_rows=with_rows)
        given = {**_environment(module), **(environment or {})}
        ended = inside.ended_python(self.host, _WITH_A_CLOCK, text, environment=given)
        output = ended.stdout + ended.stderr
        return Run(before, self._look(*places, with_rows=with_rows), _result(output), output)

    def start(self, module: str, options: Mapping[str, Any]) -> subprocess.Popen[str]:
        """A module that begins to run."""
        words = [f"{name}={value}" for name, value in _environment(module).items()]
        process = subprocess.Popen(
            inside.command(self.host, "env", *words, "python3", "-c", _WITH_A_CLOCK),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(inside.module_input(dict(options)))
        process.stdin.close()
        process.stdin = None
        return process

    @contextmanager
    def backing_up(self, at: str = "dump", **options: Any) -> Iterator[Running]:
        """A run of db_backup that stands still in the middle of something until the context is left."""
        self.program("zstd", GATES[at])
        told = self.options(**{"verify": "structure", **options})
        before = self.look()
        process = self.start("db_backup", told)
        self.shell("timeout 30 cat /srv/faults/reached")
        pid = json.loads(self.shell(f"cat {self.directory}/.{NAME}.lock"))["pid"]
        running = Running(self.host, process, pid)
        try:
            yield running
        finally:
            # Opened for both, because nobody may be there to read it.
            self.shell("exec 3<>/srv/faults/go; echo go >&3")
            output = "".join(process.communicate(timeout=60))
            self.shell(f"rm {PROGRAMS}/zstd")
        running.run = Run(before, self.look(), _result(output) if output else {}, output)

    def client(self, text: str) -> subprocess.Popen[str]:
        """The administrator's own client, which carries this out and goes on reading; it does not live for long."""
        process = subprocess.Popen(
            ["docker", "exec", "--interactive", self.host.name, "timeout", "60", *self.interactive],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        process.stdin.write(f"{text}\n")
        process.stdin.flush()
        return process

    @contextmanager
    def session(self, text: str) -> Iterator[None]:
        """Somebody is at work in the database, who has been answered."""
        with self.client(text) as process:
            assert process.stdout
            assert process.stdout.readline()
            yield

    @contextmanager
    def program_of_the_application(self, code: str) -> Iterator[list[int]]:
        """A program of the application's that writes until the context is left; then, how often it has."""
        place, word = (self.path, "") if self.engine == "sqlite" else (NAME, mariadb.SOCKET)
        words = ["docker", "exec", "--interactive", "--user", "postgres" if self.engine == "postgresql" else "root"]
        written: list[int] = []
        with subprocess.Popen(
            [*words, self.host.name, "timeout", "60", "python3", "-c", code, self.engine, place, word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin
            assert process.stdout
            assert process.stdout.readline() == "writing\n"
            yield written
            process.stdin.close()
            written.append(int(process.stdout.read()))

    # Harming

    def program(self, name: str, script: str, folder: str = PROGRAMS) -> None:
        """A program that takes the place of another of this name."""
        self.shell('printf %s "$3" >"$1/$2"; chmod 755 "$1/$2"', folder, name, script)

    def instead_of(self, path: str, script: str | None = None) -> None:
        """Until the end of the test, another program has this path, or none; the real one is beside it."""
        self.shell('mv "$1" "$1.real"', path)
        self.undo.append(lambda: self.shell('mv "$1.real" "$1"', path))
        if script is not None:
            folder, slash, name = path.rpartition("/")
            self.program(name, script, folder + slash)

    def leave(self, free: int) -> None:
        """Leave this many bytes in the small place."""
        self.shell(
            f"rm -f {SMALL}/ballast; left=$(df --output=avail --block-size=1 {SMALL} | tail -n 1);"
            f"fallocate --length $((left - $1)) {SMALL}/ballast",
            str(free),
        )

    def edit(self, backup: str, **fields: Any) -> None:
        """Change what a manifest says."""
        path = f"{self.directory}/{backup}.manifest.json"
        told = {**json.loads(self.shell(f"cat {path}")), **fields}
        self.shell('printf %s "$2" >"$1"', path, json.dumps(told))

    def clone(self, times: Sequence[str], **fields: Any) -> list[dict[str, Any]]:
        """Backups like the first one, as if they had been taken at these times, oldest first."""
        told = self.host_python(_CLONE, json.dumps([self.directory, self.previous["id"], list(times), fields]))
        clones: list[dict[str, Any]] = json.loads(told)
        return clones

    def host_python(self, code: str, *words: str) -> str:
        """What a piece of Python prints."""
        return self.host.run("python3", "-c", code, *words).decode()

    def forge(self, backup: str) -> None:
        """Have the manifest say size and SHA-256 of what is there, as if it had been written so."""
        file = f"{self.directory}/{json.loads(self.shell(f'cat {self.directory}/{backup}.manifest.json'))['file']}"
        size, sha256 = self.shell('stat --format=%s "$1"; sha256sum "$1"', file).split()[:2]
        self.edit(backup, bytes=int(size), sha256=sha256)


def _environment(module: str) -> dict[str, str]:
    """What tells the module that is run; programs of ours go before all others."""
    return {"MODULE": module, "PATH": f"{PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def _result(output: str) -> Mapping[str, Any]:
    try:
        result: Mapping[str, Any] = json.loads(output)
    except ValueError:
        raise AssertionError(output) from None
    return result


def assert_silent(live: Live, output: str) -> None:
    """Nothing that was printed holds the password or speaks to programmers."""
    for form in (
        {live.password, json.dumps(live.password)[1:-1], quote(live.password, safe="")} if live.password else ()
    ):
        assert form not in output
    for word in ("Traceback", "mistake in shipshape.webapp", '"exception"'):
        assert word not in output, output


_READER = "faults_reader"

# An application of SQLite's: carries out what it reads, and tells the first value of each answer.
_CLIENT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    for statement in filter(str.strip, line.split(";")):
        for row in connection.execute(statement):
            print(row[0])
"""


# What is the same in each engine


def _tables(rows: Callable[[int], str], text: str) -> str:
    return f"""
        CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
        CREATE TABLE history (id int PRIMARY KEY, note text NOT NULL);
        CREATE TABLE late (id int PRIMARY KEY, note text NOT NULL);
        INSERT INTO accounts SELECT n, {_EACH} FROM {rows(_ACCOUNTS)};
        INSERT INTO history SELECT n, {text} FROM {rows(HISTORY)};
        INSERT INTO late SELECT n, 'late' FROM {rows(10)};
    """  # noqa: S608 (all of it is from this file)


def of_sqlite(host: Host) -> Live:
    """A file, whose applications have a write-ahead log."""
    path = f"/srv/faults/sqlite/data/{NAME}.db"

    def administer(text: str) -> str:
        return _client(host, text, "sqlite3", "-bail", path)

    def drop() -> None:
        host.run("sh", "-c", "rm -rf /srv/faults/sqlite/data/*")

    def make() -> None:
        drop()
        series = "(WITH RECURSIVE c(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c LIMIT {}) SELECT n FROM c)"
        tables = _tables(series.format, "printf('%0320d', n * 7919)")
        administer(f"PRAGMA journal_mode = WAL; {tables}")

    # A copy is looked at, because looking can change what is there.
    rows = (
        f"rm -rf /srv/faults/look; cp -a /srv/faults/sqlite/data /srv/faults/look; cd /srv/faults/look;"
        f" sqlite3 {NAME}.db .dump | sha256sum"
    )
    # One that is open, or was killed, has others beside it.
    databases = "ls /srv/faults/sqlite/data | grep -v -e '-wal$' -e '-shm$' -e '-journal$'"
    url = f"sqlite://{path}"
    client = ("python3", "-u", "-c", _CLIENT, path)
    return Live("sqlite", host, url, "", databases, rows, url, administer, administer, client, make, drop)


def of_mysql(host: Host, server: mariadb.Server) -> Live:
    """A database of MariaDB, reached over the socket by a user with a difficult password."""

    def administer(text: str) -> str:
        return server.as_root(f"USE {NAME};\n{text}")

    def drop() -> None:
        listed = server.as_root("SHOW DATABASES").split()
        server.as_root("".join(f"DROP DATABASE `{name}`;" for name in listed if name.startswith(NAME)))

    def make() -> None:
        drop()
        server.as_root(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4;")
        administer(_tables("(SELECT seq AS n FROM seq_1_to_{}) AS s".format, "REPEAT(SHA2(CONCAT(n), 256), 5)"))

    url = f"mysql://{mariadb.USER}@localhost/{NAME}?socket={mariadb.SOCKET}"
    rows = f"mariadb-dump --skip-dump-date --routines --events --triggers {NAME} | sha256sum"
    databases = "mariadb --batch --skip-column-names --execute 'SHOW DATABASES'"
    # By the same user, because others are not shown to him.
    login = ("env", f"MYSQL_PWD={server.password}", "mariadb", f"--user={mariadb.USER}")
    client = (*login, "--unbuffered", "--batch", "--skip-column-names", NAME)
    password = server.password.replace("\\", "\\\\").replace("'", "''")
    server.as_root(
        f"CREATE OR REPLACE USER {_READER}@'%' IDENTIFIED BY '{password}';"
        f"GRANT SELECT, LOCK TABLES, SHOW VIEW, TRIGGER, EVENT ON {NAME}.* TO {_READER}@'%';"
    )
    readers = url.replace(mariadb.USER, _READER, 1)
    return Live(
        "mysql", host, url, server.password, databases, rows, readers, administer, server.as_root, client, make, drop
    )


def of_postgresql(host: Host, server: postgresql.Server) -> Live:
    """A database of PostgreSQL, reached over TCP by a user with a difficult password."""
    owner = "faults"

    def administer(text: str) -> str:
        return server.administer(f"SET ROLE {owner};\n{text}", NAME)

    def drop() -> None:
        for name in server.administer("SELECT datname FROM pg_database").split("\n"):
            if name.startswith(NAME):
                server.drop_database(name)

    def make() -> None:
        drop()
        server.create_database(NAME, owner)
        series = "(SELECT generate_series(1, {}) AS n) AS s"
        administer(
            _tables(series.format, "(SELECT string_agg(md5((n * 10 + m)::text), '') FROM generate_series(1, 10) m)")
        )

    password = postgresql.literal(server.password)
    server.administer(
        f"CREATE ROLE {owner} LOGIN CREATEDB PASSWORD {password};"
        f"CREATE ROLE {_READER} LOGIN PASSWORD {password}; GRANT pg_read_all_data TO {_READER};"
    )
    url = f"postgresql://{owner}@127.0.0.1/{NAME}"
    as_admin = "cd / && runuser -u postgres --"
    tables = "SELECT format('COPY %s TO STDOUT;', oid::regclass) FROM pg_class WHERE relkind = 'r'"
    own = f"{tables} AND relnamespace = 'public'::regnamespace ORDER BY 1"
    rows = (
        f"{as_admin} pg_dump --schema-only {NAME} | grep -v restrict | sha256sum;"
        f' {as_admin} psql -XAtc "{own}" {NAME} | {as_admin} psql -Xq {NAME} | sha256sum'
    )
    databases = f"{as_admin} psql --list -XAt | cut -d'|' -f1"
    client = ("runuser", "-u", "postgres", "--", "psql", "-XqAt", NAME)
    readers, serve = url.replace(owner, _READER, 1), server.administer
    return Live(
        "postgresql", host, url, server.password, databases, rows, readers, administer, serve, client, make, drop
    )


def _client(host: Host, text: str, *argv: str) -> str:
    return host.run(*argv, text=text).decode()
