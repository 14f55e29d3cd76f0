# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of Complete Car Loans, until the file that is named is gone and they have asked often enough."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from tests.chaos.clients import load

MANY = 20_000


def main(address: str, authority: str, running: Path, report: Path) -> None:
    """Ask, and write down what became of it."""
    # The one is cheap for the database, and the other is refused, as it has no key.
    asked = {"get": "/live", "post": "/api/leads", "body": b'{"name": "Ann"}', "authority": authority}
    with load(address, "carloans.example", **asked) as measured:
        while running.exists() or measured.sent() < MANY:
            running.with_suffix(".sent").write_text(str(measured.sent()))
            time.sleep(0.2)
    report.write_text(json.dumps({"total": measured.total, "failed": measured.failed, "answers": measured.answers}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
