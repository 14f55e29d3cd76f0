# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the module takes for 10,000 credentials, beside the sqlite3 program that is fed with the guide's updates.

Each is run by turns in the same container.
"""

# ruff: noqa: S608
# All names and values in the SQL are the bench's own.

from __future__ import annotations

import statistics

from tests.bench.host import MODULES, bench_host, run, run_module
from tests.integration import inside
from tests.integration.machine import Host

ROUNDS = 5
CREDENTIALS = 10_000
FILE = "/srv/bench.db"
PRIORITIES = {"gemini": 10, "groq": 20, "openrouter": 30, "openai": 40, "anthropic": 50}

MADE = f"""
DROP TABLE IF EXISTS api_credentials;
CREATE TABLE api_credentials (
    id integer PRIMARY KEY AUTOINCREMENT, name text NOT NULL UNIQUE, provider text NOT NULL, api_key text,
    priority integer DEFAULT 100 NOT NULL, is_active integer DEFAULT 1, is_global integer DEFAULT 1, user_id integer,
    updated_at integer
);
WITH RECURSIVE numbers(n) AS (VALUES (0) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {CREDENTIALS})
INSERT INTO api_credentials (name, provider, api_key, updated_at)
SELECT 'credential ' || n, json_extract('["{'","'.join(PRIORITIES)}"]', '$[' || (n % 5) || ']'), 'key ' || n, 1
FROM numbers;
"""
UPDATES = "".join(
    f"UPDATE api_credentials SET priority = {priority} WHERE provider = '{provider}' AND priority = 100;\n"
    for provider, priority in PRIORITIES.items()
)


def compare(host: Host) -> None:
    """Print how long each takes."""
    options = {"database": f"sqlite://{FILE}", "priorities": PRIORITIES, "only_default": True}
    module = f"{MODULES}.credential_priority"
    by_hand, first, again, nothing = [], [], [], []
    for _round in range(ROUNDS):
        run(host, ["sqlite3", FILE], MADE)
        by_hand.append(run(host, ["sqlite3", FILE], UPDATES).seconds)
        run(host, ["sqlite3", FILE], MADE)
        nothing.append(run_module(host, "ansible.modules.ping", {}).seconds)
        changed, unchanged = (run_module(host, module, options) for _time in range(2))
        assert len(changed.result["changes"]) == CREDENTIALS
        assert unchanged.result["changed"] is False
        first.append(changed.seconds)
        again.append(unchanged.seconds)
    started = statistics.median(nothing)
    print(f"credentials the five updates by sqlite3 {statistics.median(by_hand):6.2f} s")
    print(f"credentials credential_priority         {statistics.median(first) - started:6.2f} s inside the module")
    print(f"credentials with nothing to change      {statistics.median(again) - started:6.2f} s inside the module")


def main() -> None:
    with bench_host(inside.database_host) as host:
        compare(host)


if __name__ == "__main__":
    main()
