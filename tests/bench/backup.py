# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long db_backup takes beside the plain tools and beside the community's modules, on about 1 GB for each engine.

Each is run by turns in the same container. What counts are the ratios and the memory; the seconds say nothing but how
fast this machine is.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ansible_collections
from tests.bench.host import MODULES, bench_host, let_root_in, run, run_module
from tests.integration import inside
from tests.integration.machine import Host

ROUNDS = 3
FOLDER = "/var/backups/bench"

DATA = Path(__file__).resolve().parent / "data"

CLIENTS = {
    "sqlite": ["sqlite3", "-bail", "/var/bench.db"],
    "mysql": ["mariadb"],
    "postgresql": ["psql", "-q", "-U", "postgres", "-v", "ON_ERROR_STOP=1"],
}

RAW_SQLITE = """
import hashlib, sqlite3
with sqlite3.connect("/var/bench.db") as source, sqlite3.connect("/var/backups/bench/raw") as copy:
    source.backup(copy, pages=-1)
copy.close()
digest = hashlib.sha256()
with open("/var/backups/bench/raw", "rb") as file:
    while chunk := file.read(1 << 20):
        digest.update(chunk)
"""

URLS = {
    "sqlite": "sqlite:///var/bench.db",
    "mysql": "mysql://root@localhost/bench?socket=/run/mysqld/mysqld.sock",
    "postgresql": "postgresql://postgres@localhost/bench?host=/var/run/postgresql",
}

# The plain copy of a file is not compressed.
OPTIONS: Mapping[str, Mapping[str, Any]] = {"sqlite": {"compress": "none"}, "mysql": {}, "postgresql": {}}

# Zstandard's own level, as people use it, where ours is a lower one.
RAW = {
    "sqlite": ["python3", "-c", RAW_SQLITE],
    "mysql": ["sh", "-c", f"mariadb-dump --single-transaction --quick bench | zstd -q -3 -T0 >{FOLDER}/raw"],
    "postgresql": ["sh", "-c", f"pg_dump -U postgres -Fc -Z0 bench | zstd -q -3 -T0 >{FOLDER}/raw"],
}

COMMUNITY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "mysql": (
        "ansible_collections.community.mysql.plugins.modules.mysql_db",
        {
            "name": "bench",
            "state": "dump",
            "target": f"{FOLDER}/community.sql.gz",
            "login_unix_socket": "/run/mysqld/mysqld.sock",
        },
    ),
    "postgresql": (
        "ansible_collections.community.postgresql.plugins.modules.postgresql_db",
        {
            "name": "bench",
            "state": "dump",
            "target": f"{FOLDER}/community.sql.gz",
            "login_unix_socket": "/var/run/postgresql",
        },
    ),
}


def compare(host: Host, engine: str) -> None:
    """Print the ratios of one engine."""
    prepared = inside.command(host, *CLIENTS[engine])
    subprocess.run(prepared, input=(DATA / f"{engine}.sql").read_bytes(), stdout=subprocess.DEVNULL, check=True)
    modules: dict[str, tuple[str, Mapping[str, Any]]] = {
        "a module that does nothing": ("ansible.modules.ping", {}),
        "db_backup": (
            f"{MODULES}.db_backup",
            {"database": URLS[engine], "directory": FOLDER, "verify": "none", **OPTIONS[engine]},
        ),
        **({COMMUNITY[engine][0].rpartition(".")[2]: COMMUNITY[engine]} if engine in COMMUNITY else {}),
    }
    measured: dict[str, list[float]] = {"the plain tools": [], **{name: [] for name in modules}}
    memory = []
    # The other way round each time: a machine that has just rested is often faster than one that has just worked.
    order = ["the plain tools", *modules]
    for _round in range(ROUNDS):
        for name in order:
            host.run("sh", "-c", f"rm -rf {FOLDER}/* && sync")
            if name in modules:
                ran = run_module(host, *modules[name])
                measured[name].append(ran.seconds)
                memory.append(ran.megabytes if name == "db_backup" else 0)
            else:
                measured[name].append(run(host, RAW[engine]).seconds)
        order.reverse()
    medians = {name: statistics.median(values) for name, values in measured.items()}
    for name, median in medians.items():
        print(f"{engine:11} {name:26} {median:6.2f} s, {' '.join(f'{value:.1f}' for value in measured[name])}")
    nothing = medians["a module that does nothing"]
    work = medians["db_backup"] - nothing
    print(
        f"{engine:11} db_backup takes {work / medians['the plain tools']:.2f} times as long as the plain tools,", end=""
    )
    print(f" without what any module takes to start, and {max(memory):.0f} MB of memory at most")
    if engine in COMMUNITY:
        name = COMMUNITY[engine][0].rpartition(".")[2]
        print(f"{engine:11} {name} takes {medians[name] / medians['db_backup']:.2f} times as long as db_backup")
    sys.stdout.flush()


def main() -> None:
    engines = sys.argv[1:] or list(URLS)
    community = Path(ansible_collections.__path__[0]) / "community"
    mount = ("--volume", f"{community}:{inside.PACKAGES}/ansible_collections/community:ro")
    with bench_host(inside.database_host, options=mount) as host:
        host.run("mkdir", "-p", FOLDER)
        let_root_in(host)
        for engine in engines:
            compare(host, engine)


if __name__ == "__main__":
    main()
