# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The address of a database, as every module takes it. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

_ENGINES = {
    "sqlite": "sqlite",
    "file": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgresql": "postgresql",
    "postgres": "postgresql",
}

_PORTS = {"mysql": 3306, "postgresql": 5432}

# The words of libpq, which MySQL's own (in capitals) mean the same as.
TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
_TLS_MODES = {
    **{mode: mode for mode in TLS_MODES},
    "disabled": "disable",
    "preferred": "prefer",
    "required": "require",
    "verify_ca": "verify-ca",
    "verify_identity": "verify-full",
}

# By the name of libpq, MySQL or both.
_PARAMETERS = {
    "sslmode": "tls_mode",
    "ssl-mode": "tls_mode",
    "sslrootcert": "tls_ca",
    "ssl-ca": "tls_ca",
    "sslcert": "tls_certificate",
    "ssl-cert": "tls_certificate",
    "sslkey": "tls_key",
    "ssl-key": "tls_key",
    "socket": "socket",
    "host": "socket",
    "connect_timeout": "connect_timeout",
    "schema": "schema",
}

# What libraries of applications read from the same URL; it says nothing about how to reach the database.
_OF_APPLICATIONS = frozenset(
    {
        *("application_name", "cache", "charset", "connection_limit", "connectionlimit", "journal_mode", "mode"),
        *("pgbouncer", "pool_timeout", "socket_timeout", "statement_cache_size", "timezone"),
    }
)


@dataclass(frozen=True)
class Tls:
    """How the connection is protected."""

    mode: str = "prefer"
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Address:
    """Where a database is and who asks for it; str() shows it without the password."""

    engine: str
    name: str
    host: str | None = None
    port: int | None = None
    socket: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Tls = Tls()
    connect_timeout: int = 10
    # Where Prisma keeps its tables; it says nothing of how to reach the database, and only tools that migrate are told.
    schema: str | None = None

    def __str__(self) -> str:
        if self.engine == "sqlite":
            return self.name
        who = f"{self.user}@" if self.user else ""
        return f"{self.engine}://{who}{self.socket or f'{self.host}:{self.port}'}/{self.name}"


def parse_address(url: str, password: str | None = None) -> Address:
    """The address that a URL means; a password beside it wins over one within.

    Raises InvalidInput, whose sentences never hold a part of the URL: any part can be the password.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refusal("is no URL: percent-encode what is special in it, or give database_password.") from None
    if "\0" in unquote(url):
        raise _refusal("has a NUL in it, which no name or password can.")
    engine = _ENGINES.get(parts.scheme)
    if engine is None:
        raise _refusal(f"does not begin with one of {', '.join(f'{scheme}:' for scheme in _ENGINES)}.")
    if engine == "sqlite":
        return _sqlite(parts)
    settings = _settings(parts)
    name = unquote(parts.path).strip("/")
    if not name or "/" in name:
        raise _refusal("does not end in the name of one database.")
    socket = settings.pop("socket", None)
    if socket is not None and not socket.startswith("/"):
        raise _refusal("has a socket that is no absolute path.")
    if not parts.hostname and socket is None:
        raise _refusal("has no host and no socket.")
    return Address(
        engine=engine,
        name=name,
        host=None if socket else parts.hostname,
        port=None if socket else port or _PORTS[engine],
        socket=socket,
        user=unquote(parts.username) if parts.username else None,
        password=password if password is not None else unquote(parts.password) if parts.password else None,
        tls=_tls(settings),
        connect_timeout=_seconds(settings),
        # The other engines have none, and ignore the word as Prisma does there.
        schema=settings.get("schema") or None if engine == "postgresql" else None,
    )


def _sqlite(parts: SplitResult) -> Address:
    # sqlite:///srv/app/data.db, and file:/srv/app/data.db as Prisma writes it.
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/") or path.endswith("/"):
        raise _refusal("does not name the file by its absolute path, as in sqlite:///srv/app/data.db.")
    _settings(parts)
    return Address(engine="sqlite", name=path)


def _settings(parts: SplitResult) -> dict[str, str]:
    settings: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _PARAMETERS:
            settings[_PARAMETERS[name]] = value
        elif name.lower() not in _OF_APPLICATIONS:
            if "@" in parts.query:
                # What looks like a parameter is the end of a password.
                raise _refusal("has a ? before its host: percent-encode it, or give database_password.")
            raise _refusal(f"has a parameter that is not known, {name}. {did_you_mean(name, _PARAMETERS)}")
    return settings


def _tls(settings: Mapping[str, str]) -> Tls:
    files = {name: settings.get(f"tls_{name}") for name in ("ca", "certificate", "key")}
    given = settings.get("tls_mode", "verify-ca" if files["ca"] else "prefer")
    mode = _TLS_MODES.get(given.lower())
    if mode is None:
        raise _refusal(f"has a TLS mode that is none of {', '.join(TLS_MODES)}.")
    for name, path in files.items():
        if path is not None and not path.startswith("/"):
            raise _refusal(f"names the TLS {name} by a path that is not absolute.")
    return Tls(mode=mode, **files)


def _seconds(settings: Mapping[str, str]) -> int:
    given = settings.get("connect_timeout", "10")
    if not given.isdecimal() or not 1 <= int(given) <= 3600:
        raise _refusal("has a connect_timeout that is not a number of seconds from 1 to 3600.")
    return int(given)


def _refusal(problem: str) -> InvalidInput:
    return InvalidInput("database", [f"The database's URL {problem}"])
