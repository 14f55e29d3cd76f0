# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small application with an admin API for credentials, which it keeps in SQLite and whose keys it encrypts.

Called as application.py PORT DATABASE; what it answers can be switched while it runs.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PLACE = "/api/admin/credentials"
TOKEN = "t0ken-of-the-application-canary"
PASSWORD = "passw0rd-of-the-application-canary"
IDENTITIES = (
    ("Authorization", f"Bearer {TOKEN}"),
    ("Authorization", f"Basic {base64.b64encode(f'admin:{PASSWORD}'.encode()).decode()}"),
    ("X-Admin-Key", TOKEN),
)
MASTER = b"the key of the application itself"

# As the guide's rebuilt table, with numbers for flags and moments.
SCHEMA = """
CREATE TABLE IF NOT EXISTS api_credentials (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    api_key TEXT,
    api_secret TEXT,
    endpoint TEXT,
    priority INTEGER DEFAULT 100 NOT NULL,
    is_active INTEGER DEFAULT true NOT NULL,
    is_global INTEGER DEFAULT true NOT NULL,
    user_id INTEGER,
    rate_limit INTEGER,
    usage_count INTEGER DEFAULT 0 NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
)
"""
COLUMNS = {
    "name": "name",
    "provider": "provider",
    "apiKey": "api_key",
    "apiSecret": "api_secret",
    "endpoint": "endpoint",
    "priority": "priority",
    "isActive": "is_active",
    "isGlobal": "is_global",
    "userId": "user_id",
    "rateLimit": "rate_limit",
}
SELECT = "SELECT * FROM api_credentials WHERE ? IN ('', provider) ORDER BY priority, id"
INSERT = """
INSERT INTO api_credentials (name, provider, api_key, api_secret, endpoint, priority, is_active, is_global, user_id,
    rate_limit, created_at, updated_at)
VALUES (:name, :provider, :api_key, :api_secret, :endpoint, :priority, :is_active, :is_global, :user_id,
    :rate_limit, :updated_at, :updated_at)
"""
UPDATE = """
UPDATE api_credentials SET name = :name, provider = :provider, api_key = :api_key, api_secret = :api_secret,
    endpoint = :endpoint, priority = :priority, is_active = :is_active, is_global = :is_global, user_id = :user_id,
    rate_limit = :rate_limit, updated_at = :updated_at
WHERE id = :id
"""
KEYS = ("apiKey", "apiSecret")
FLAGS = ("isActive", "isGlobal")

SWITCHES: dict[str, Any] = {
    # How keys are shown: whole, mask, flag, nothing, encrypted.
    "keys": "mask",
    # Whether the listing stands within {"data": {"items": [...]}}.
    "is_wrapped": False,
    # How many more changes succeed.
    "lasts_for": None,
    "is_sorted": True,
    "filters": True,
    # Whether changes of the priority are answered with success and forgotten.
    "forgets": False,
    # How many rows a listing has at most; it says how many there are.
    "page": None,
    "redirects": None,
}
SEEN: list[str] = []
LOCK = threading.Lock()


def encrypted(text: str | None) -> str | None:
    """What is kept of a key."""
    if text is None:
        return None
    nonce = secrets.token_bytes(12)
    body = _blended(nonce, text.encode())
    tag = hmac.new(MASTER, nonce + body, hashlib.sha256).digest()[:16]
    return ":".join(part.hex() for part in (nonce, tag, body))


def decrypted(kept: str | None) -> str | None:
    """The key of which this is kept."""
    if kept is None:
        return None
    nonce, tag, body = (bytes.fromhex(part) for part in kept.split(":"))
    if not hmac.compare_digest(tag, hmac.new(MASTER, nonce + body, hashlib.sha256).digest()[:16]):
        raise ValueError("This was not encrypted here.")
    return _blended(nonce, body).decode()


def _blended(nonce: bytes, body: bytes) -> bytes:
    blocks = range(len(body) // 32 + 1)
    stream = b"".join(hashlib.sha256(MASTER + nonce + bytes([block])).digest() for block in blocks)
    return bytes(one ^ other for one, other in zip(body, stream))


def rows(database: sqlite3.Connection, provider: str) -> list[dict[str, Any]]:
    """The credentials as the API shows them, of one provider if asked for."""
    wanted = provider if SWITCHES["filters"] else ""
    found = [shown(dict(row)) for row in database.execute(SELECT, [wanted])]
    return found if SWITCHES["is_sorted"] else found[::-1]


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """One credential as the API shows it."""
    plain = {name: row[column] for name, column in COLUMNS.items() if name not in KEYS}
    flags = {name: bool(row[COLUMNS[name]]) for name in FLAGS}
    keys = {}
    for name in KEYS:
        keys.update(_shown_key(name, row[COLUMNS[name]]))
    counted = {"usageCount": row["usage_count"], "createdAt": row["created_at"], "updatedAt": row["updated_at"]}
    return {"id": row["id"], **plain, **flags, **keys, **counted}


def _shown_key(name: str, kept: str | None) -> dict[str, Any]:
    key = decrypted(kept)
    flag = "has" + name[0].upper() + name[1:]
    if SWITCHES["keys"] == "flag":
        return {flag: key is not None}
    if SWITCHES["keys"] == "mask":
        return {name: key and f"{key[:3]}…{key[-4:]}"}
    return {"nothing": {}, "whole": {name: key}, "encrypted": {name: kept}}[SWITCHES["keys"]]


class Application(BaseHTTPRequestHandler):
    """Answers in JSON; a change with a field that it does not know is refused."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        with LOCK:
            parts = urlsplit(self.path)
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
            if parts.path.startswith("/test/"):
                self._answer(200, self._tested(parts.path, body))
                return
            SEEN.append(f"{self.command} {self.path}")
            try:
                with sqlite3.connect(sys.argv[2]) as database:
                    database.row_factory = sqlite3.Row
                    self._answer(*self._answered(database, parts.path, parse_qs(parts.query), body))
            except sqlite3.IntegrityError as error:
                self._answer(409, {"error": str(error)})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 (http.server gives the names)

    def _tested(self, path: str, body: Any) -> Any:
        if path == "/test/switches":
            SWITCHES.update(body)
        if path == "/test/forget":
            SEEN.clear()
        return {"seen": SEEN}

    def _answered(
        self, database: sqlite3.Connection, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any]:
        if SWITCHES["redirects"]:
            return 302, None
        if not any(self.headers.get(name) == value for name, value in IDENTITIES):
            return 401, {"error": "Unauthorized"}
        if path == PLACE and self.command == "GET":
            return 200, self._listed(rows(database, query.get("provider", [""])[0]))
        if path != PLACE and not path.startswith(f"{PLACE}/"):
            return 404, {"error": f"Cannot {self.command} {path}"}
        return self._changed(database, path[len(PLACE) + 1 :], body)

    def _listed(self, found: list[dict[str, Any]]) -> Any:
        page = found[: SWITCHES["page"]]
        if SWITCHES["is_wrapped"]:
            return {"data": {"items": page, "total": len(found)}, "message": "ok"}
        return page

    def _changed(self, database: sqlite3.Connection, own_id: str, body: Any) -> tuple[int, Any]:
        if SWITCHES["lasts_for"] is not None:
            if SWITCHES["lasts_for"] <= 0:
                # As careless as some are: all that was sent comes back.
                return 500, {"error": "database is down", "sent": body, "headers": dict(self.headers)}
            SWITCHES["lasts_for"] -= 1
        known = database.execute("SELECT * FROM api_credentials WHERE id = ?", [own_id]).fetchone()
        if (known is None) != (self.command == "POST"):
            return 404, {"error": "No such credential"}
        if self.command == "DELETE":
            database.execute("DELETE FROM api_credentials WHERE id = ?", [own_id])
            return 204, None
        unknown = [name for name in body if name not in COLUMNS]
        if unknown:
            return 422, {"error": f"Unknown: {unknown}"}
        return self._kept(database, known, body)

    def _kept(self, database: sqlite3.Connection, known: sqlite3.Row | None, body: dict[str, Any]) -> tuple[int, Any]:
        blank = dict.fromkeys(COLUMNS.values()) | {"priority": 100, "is_active": 1, "is_global": 1}
        row = {**blank, **dict(known or {})}
        if self.command == "PUT":
            # All that is not said is emptied, but for the keys, which nobody can say again.
            row = {**row, **blank, **{COLUMNS[name]: row[COLUMNS[name]] for name in KEYS}}
        row |= {COLUMNS[name]: encrypted(value) if name in KEYS else value for name, value in body.items()}
        row["updated_at"] = int(time.time())
        if known is None:
            return 201, {"id": database.execute(INSERT, row).lastrowid}
        if SWITCHES["forgets"]:
            row["priority"] = known["priority"]
        database.execute(UPDATE, row)
        return 200, {"message": "saved"}

    def _answer(self, status: int, answer: Any) -> None:
        sent = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", SWITCHES["redirects"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


if __name__ == "__main__":
    with sqlite3.connect(sys.argv[2]) as opened:
        opened.execute(SCHEMA)
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Application)
    print(server.server_address[1], flush=True)
    server.serve_forever()
