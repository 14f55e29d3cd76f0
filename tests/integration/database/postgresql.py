# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The PostgreSQL server of a test host, made ready to be reached over the network."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from tests.integration.machine import Host

# Every mark that means something to a shell, to SQL, to a connection string or to a password file.
CANARY = "'\"$ #;%:\\ canary ünï=€ {x} \\"

USER = "app user"
DATABASE = 'shop\'s "data" ü'


@dataclass(frozen=True)
class Server:
    """A server, seen by one user of one of its databases."""

    host: Host
    port: int = 5432
    user: str = USER
    password: str = CANARY
    database: str = DATABASE

    @property
    def url(self) -> str:
        """How to get there in the clear."""
        return self.url_with(sslmode="disable")

    def url_with(self, **settings: str) -> str:
        """The same with other settings."""
        who = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in settings.items())
        return f"postgresql://{who}@{self.host.ip()}:{self.port}/{quote(self.database, safe='')}?{query}"

    @property
    def verified_url(self) -> str:
        """How to get there with TLS."""
        return self.url_with(sslmode="verify-full", sslrootcert=str(self.host.shared / "ca.crt"))

    def seen(self, *, user: str | None = None, password: str | None = None, database: str | None = None) -> Server:
        """The same server, seen by somebody else."""
        return replace(
            self,
            user=self.user if user is None else user,
            password=self.password if password is None else password,
            database=self.database if database is None else database,
        )

    def administer(self, sql: str, database: str = "postgres") -> str:
        """What psql prints when the server's administrator runs this, which must succeed."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "--dbname=" + _conninfo(database)]
        return self.host.run(*command, text=sql, user="postgres").decode()

    def create_database(self, name: str, owner: str | None = None) -> Server:
        """An empty database and how its owner sees it."""
        self.administer(f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner or self.user)} TEMPLATE template0")
        return self.seen(database=name)

    def drop_database(self, name: str) -> None:
        """Away with a database, whoever is in it."""
        self.administer(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")


def prepare(host: Host) -> Server:
    """Let the server listen to all addresses, with TLS and passwords, and give it a user with a database."""
    server = Server(host)
    _make_certificates(host)
    server.administer(
        "ALTER SYSTEM SET listen_addresses = '*';"
        "ALTER SYSTEM SET password_encryption = 'scram-sha-256';"
        "ALTER SYSTEM SET fsync = off;"
        "ALTER SYSTEM SET ssl = on;"
        "ALTER SYSTEM SET ssl_cert_file = '/var/lib/postgresql/server.crt';"
        "ALTER SYSTEM SET ssl_key_file = '/var/lib/postgresql/server.key';"
        f"CREATE ROLE {identifier(USER)} LOGIN PASSWORD {literal(CANARY)};"
    )
    accesses = server.administer("SHOW hba_file").strip()
    host.run("sh", "-c", f"echo 'host all all 0.0.0.0/0 scram-sha-256' >>{accesses}")
    host.run("systemctl", "restart", "postgresql@*")
    _wait_until_listening(server)
    server.create_database(DATABASE)
    return server


def identifier(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"


def _conninfo(database: str) -> str:
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


def _make_certificates(host: Host) -> None:
    """An authority and the server's certificate from it; another authority, which knows nothing of the server."""
    script = """
        set -e
        umask 077
        cd "$(mktemp --directory)"
        for authority in ca other-ca; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$authority" \
                -keyout "$authority.key" -out "$authority.crt"
            install -m 644 "$authority.crt" /shared
        done
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout server.key \
            -out server.csr
        printf 'subjectAltName=IP:%s' "$1" >names
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt
        install -o postgres -g postgres -m 600 server.key server.crt /var/lib/postgresql
    """
    host.run("sh", "-c", script, "make-certificates", host.ip())


def _wait_until_listening(server: Server) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.host.ended("pg_isready", "--quiet", f"--host={server.host.ip()}").returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL in {server.host.name} does not listen.")


def certificate(host: Host, name: str) -> Path:
    """The certificate of one of the authorities: ca, other-ca."""
    return host.shared / f"{name}.crt"
