# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long our own runner takes for 1,000 small files beside one client that is fed with all of them.

Each is run by turns in the same container, on an empty database. What counts are the ratios, and they scatter
with the disk.
"""

from __future__ import annotations

import statistics
import sys

from tests.bench.host import MODULES, bench_host, let_root_in, run, run_module
from tests.integration import inside
from tests.integration.machine import Host

ROUNDS = 5
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


def compare(host: Host, engine: str) -> None:
    """Print the ratios of one engine."""
    ours = f"{MODULES}.migrate"
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
        raw.append(run(host, ["sh", "-c", fed]).seconds)
        host.run("sh", "-c", EMPTIED[engine])
        nothing.append(run_module(host, "ansible.modules.ping", {}).seconds)
        first, second = (run_module(host, ours, options) for _time in range(2))
        assert len(first.result["applied"]) == FILES
        assert second.result["changed"] is False
        work.append(first.seconds)
        again.append(second.seconds)
    started = statistics.median(nothing)
    ratio = (statistics.median(work) - started) / statistics.median(raw)
    print(f"{engine:11} the client fed with all files {statistics.median(raw):6.2f} s")
    print(f"{engine:11} migrate                       {statistics.median(work):6.2f} s, {ratio:.2f} times as long")
    print(f"{engine:11} migrate with nothing to do    {statistics.median(again) - started:6.2f} s inside the module")
    sys.stdout.flush()


def main() -> None:
    engines = sys.argv[1:] or list(URLS)
    with bench_host(inside.database_host) as host:
        host.run("sh", "-c", MADE)
        let_root_in(host)
        for engine in engines:
            compare(host, engine)


if __name__ == "__main__":
    main()
