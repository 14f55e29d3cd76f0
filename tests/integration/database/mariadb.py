# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A MariaDB server on a test host: reached over TCP with and without TLS, and over a socket."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.integration.machine import Host

USER = "app"
# What the quoting of shells, option files and URLs, and what encodings stumble over, also at both ends.
PASSWORD = " '\"$ #;%\\s\\\\`!=&?/@:\tcanary-ä€😀' "
DATABASE = "shop"

SOCKET = "/run/mysqld/mysqld.sock"

_CERTIFICATES = r"""
set -eu
mkdir -p /shared/mariadb /etc/mysql/tls
cd /shared/mariadb
for name in ca other-ca; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Test $name" -keyout "$name.key" -out "$name.pem"
done
printf 'subjectAltName=IP:%s\n' "$1" >names
for name in server client; do
    openssl req -newkey rsa:2048 -nodes -subj "/CN=Test $name" -keyout "$name.key" -out "$name.csr"
    openssl x509 -req -days 30 -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out "$name.pem"
done
cp ca.pem server.pem server.key /etc/mysql/tls
chown -R mysql: /etc/mysql/tls
cat >/etc/mysql/mariadb.conf.d/99-test.cnf <<END
[mariadbd]
bind-address = 0.0.0.0
ssl-ca = /etc/mysql/tls/ca.pem
ssl-cert = /etc/mysql/tls/server.pem
ssl-key = /etc/mysql/tls/server.key
event_scheduler = OFF
max_allowed_packet = 64M
END
mkdir -p /shared/mariadb/socket
chown mysql: /shared/mariadb/socket
systemctl restart mariadb
"""


@dataclass(frozen=True)
class Server:
    """The server, with a user who may do anything in databases whose names begin with `shop`."""

    host: Host
    password: str
    ip: str
    files: Path

    @property
    def url(self) -> str:
        """How the tests reach it from outside; the password goes beside it."""
        return self.url_of(DATABASE)

    @property
    def socket_url(self) -> str:
        """How a program on the host reaches it."""
        return f"mysql://{USER}@localhost/{DATABASE}?socket={SOCKET}"

    def url_of(self, database: str, *, mode: str = "prefer", ca: str | Path | None = None) -> str:
        """The URL of another database, with TLS as wanted."""
        authority = f"&sslrootcert={quote(str(ca))}" if ca else ""
        return f"mysql://{USER}@{self.ip}:3306/{quote(database, safe='')}?sslmode={mode}{authority}"

    def as_root(self, sql: str) -> str:
        """What the server says to its administrator."""
        client = ("mariadb", "--skip-column-names", "--batch", "--default-character-set=utf8mb4")
        return self.host.run(*client, text=sql).decode()


def prepare(host: Host) -> Server:
    """Make the server of the host listen to the network, with TLS, and give it a user and a database."""
    host.run("sh", "-c", f"exec 2>/tmp/certificates.log; {_CERTIFICATES}", "sh", host.ip())
    server = Server(host, PASSWORD, host.ip(), host.shared / "mariadb")
    password = PASSWORD.replace("\\", "\\\\").replace("'", "''")
    server.as_root(
        f"""
        CREATE DATABASE {DATABASE};
        CREATE USER {USER}@'%' IDENTIFIED BY '{password}';
        GRANT ALL ON `{DATABASE}%`.* TO {USER}@'%';
        """
    )
    return server
