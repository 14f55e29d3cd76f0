# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small shop that runs on a test host: it echoes what it is asked, and knows orders."""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

STARTED = time.monotonic()
NUMBERS = count(1)
ORDERS: dict[str, Any] = {}
SEEN: list[str] = []
LOCK = threading.Lock()


class Shop(BaseHTTPRequestHandler):
    """Answers in JSON."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path = self.path.partition("?")[0]
        status: int = 200
        answer: dict[str, Any] = {}
        with LOCK:
            if path != "/seen":
                SEEN.append(f"{self.command} {path}")
            if path == "/seen":
                answer = {"seen": SEEN, "orders": list(ORDERS)}
            elif path == "/echo":
                answer = {"headers": dict(self.headers), "body": body, "path": self.path}
            elif path == "/late":
                status = 200 if time.monotonic() - STARTED > float(sys.argv[2]) else 503
            elif path == "/orders" and self.command == "POST":
                number = str(next(NUMBERS))
                ORDERS[number] = body
                status, answer = 201, {"id": number, "token": f"canary-token-{number}"}
            elif path.startswith("/orders/") and self.command == "DELETE":
                status = 204 if ORDERS.pop(path.split("/")[2], None) is not None else 404
            elif path.startswith("/orders/"):
                status = 200 if path.split("/")[2] in ORDERS else 404
            elif path not in ("/health", "/nothing"):
                status = 404
        sent = b"" if status == 204 else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_POST = do_DELETE = do_GET  # noqa: N815 - http.server gives the names

    def log_message(self, *_: object) -> None:
        """Stay silent."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
