# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long our own runner takes for 1,000 small files beside one client that is fed with all of them.

Each is run by turns in the same container, on an empty database. What counts are the ratios.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration import inside
from tests.integration.machine import Host

ROUNDS = 3
FILES = 1000
FOLDER = "/srv/bench"

URLS = {
    "sqlite": f"sqlite://{FOLDER}/bench.db",
    "mysql": "mysql://root@localhost/bench?socket=/run/mysqld/mysqld.sock",
    "postgresql": "postgresql://postgres@localhost/bench?host=/var/run/postgresql",
}
CLIENTS = {
    "sqlite": f"sqlite3 -bail {FOLDER}/bench.db",
    "mysql": "mariadb bench",
    "postgresql": "psql -X -q -U postgres -v ON_ERROR_STOP=1 bench",
}
EMPTIED = {
    "sqlite": f"rm -f {FOLDER}/bench.db*; touch {FOLDER}/bench.db",
    "mysql": "mariadb -e 'DROP DATABASE IF EXISTS bench; CREATE DATABASE bench'",
    "postgresql": "psql -X -q -U postgres -c 'DROP DATABASE IF EXISTS bench' -c 'CREATE DATABASE bench' postgres",
}

# A table, a column and a row by turns, as migrations are.
MADE = f"""
mkdir -p {FOLDER}/files
for n in $(seq 1 {FILES}); do
    table=t$(((n - 1) / 4))
    case $((n % 4)) in
        1) sql="CREATE TABLE $table (id INTEGER PRIMARY KEY, name VARCHAR(50));" ;;
        2) sql="ALTER TABLE $table ADD COLUMN more INTEGER;" ;;
        3) sql="INSERT INTO $table (id, name, more) VALUES ($n, 'a; b', 7);" ;;
        0) sql="CREATE INDEX i$n ON $table (name);" ;;
    esac
    echo "$sql" >{FOLDER}/files/${{n}}_step.sql
done
"""  # noqa: S608 (it is no query)


def seconds(host: Host, argv: Sequence[str], told: str = "") -> tuple[float, str]:
    """How long a command takes on the host, and what it says."""
    begun = time.perf_counter()
    ended = subprocess.run(inside.command(host, *argv), input=told, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if ended.returncode != 0:
        raise SystemExit(f"{argv}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return took, ended.stdout


def run_module(host: Host, engine: str, name: str, options: Mapping[str, object]) -> tuple[float, dict[str, object]]:
    """How long a module takes, and what it returns."""
    took, stdout = seconds(host, ["python3", "-m", name], inside.module_input(dict(options)))
    result: dict[str, object] = json.loads(stdout)
    if result.get("failed"):
        raise SystemExit(f"{engine}: {result}")
    return took, result


def compare(host: Host, engine: str) -> None:
    """Print the ratios of one engine."""
    ours = "ansible_collections.shipshape.webapp.plugins.modules.migrate"
    options = {
        "database": URLS[engine],
        "directory": f"{FOLDER}/files",
        "without_backup": True,
        "allow_destructive": ["blocking_index"],
    }
    raw, work, again, nothing = [], [], [], []
    for _round in range(ROUNDS):
        host.run("sh", "-c", EMPTIED[engine])
        fed = f"ls {FOLDER}/files | sort -n | (cd {FOLDER}/files && xargs cat) | {CLIENTS[engine]}"
        raw.append(seconds(host, ["sh", "-c", fed])[0])
        host.run("sh", "-c", EMPTIED[engine])
        nothing.append(run_module(host, engine, "ansible.modules.ping", {})[0])
        took, result = run_module(host, engine, ours, options)
        applied = result["applied"]
        assert isinstance(applied, list)
        assert len(applied) == FILES
        work.append(took)
        took, result = run_module(host, engine, ours, options)
        assert result["changed"] is False
        again.append(took)
    started = statistics.median(nothing)
    ratio = (statistics.median(work) - started) / statistics.median(raw)
    print(f"{engine:11} the client fed with all files {statistics.median(raw):6.2f} s")
    print(f"{engine:11} migrate                       {statistics.median(work):6.2f} s, {ratio:.2f} times as long")
    print(f"{engine:11} migrate with nothing to do    {statistics.median(again) - started:6.2f} s inside the module")
    sys.stdout.flush()


def main() -> None:
    engines = sys.argv[1:] or list(URLS)
    with tempfile.TemporaryDirectory() as folder:
        host = inside.database_host("debian-12", f"shipshape-bench-{os.getpid()}", Path(folder))
        try:
            host.wait_until_running()
            host.run("sh", "-c", MADE)
            # root may log in over the socket, as administrators do.
            host.run("sh", "-c", "sed -i '1i local all postgres trust' /etc/postgresql/*/main/pg_hba.conf")
            host.run("systemctl", "reload", "postgresql@*")
            for engine in engines:
                compare(host, engine)
        finally:
            host.remove()


if __name__ == "__main__":
    main()
