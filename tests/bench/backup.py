# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long db_backup takes beside the plain tools and beside the community's modules, on about 1 GB for each engine.

Each is run by turns in the same container. What counts are the ratios and the memory; the seconds say nothing but how
fast this machine is.
"""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ansible_collections
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

OURS = "ansible_collections.shipshape.webapp.plugins.modules.db_backup"

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

# The module says on its standard error what it needed at most, once it has ended.
MEASURED = """
import resource, runpy, sys
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def seconds(host: Host, argv: Sequence[str], told: str = "") -> tuple[float, str, str]:
    """How long a command takes on the host, and what it says."""
    host.run("sh", "-c", f"rm -rf {FOLDER}/* && sync")
    begun = time.perf_counter()
    ended = subprocess.run(inside.command(host, *argv), input=told, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if ended.returncode != 0:
        raise SystemExit(f"{shlex.join(argv)[:200]}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return took, ended.stdout, ended.stderr


def run_module(host: Host, name: str, options: Mapping[str, Any]) -> tuple[float, float]:
    """How long a module takes, and its memory in MB without that of the tools."""
    took, stdout, stderr = seconds(host, ["python3", "-c", MEASURED, name], inside.module_input(dict(options)))
    result = json.loads(stdout)
    if result.get("failed"):
        raise SystemExit(f"{name}: {result}")
    return took, int(stderr.strip().splitlines()[-1]) / 1000


def compare(host: Host, engine: str) -> None:
    """Print the ratios of one engine."""
    prepared = inside.command(host, *CLIENTS[engine])
    subprocess.run(prepared, input=(DATA / f"{engine}.sql").read_bytes(), stdout=subprocess.DEVNULL, check=True)
    modules: dict[str, tuple[str, Mapping[str, Any]]] = {
        "a module that does nothing": ("ansible.modules.ping", {}),
        "db_backup": (OURS, {"database": URLS[engine], "directory": FOLDER, "verify": "none", **OPTIONS[engine]}),
        **({COMMUNITY[engine][0].rpartition(".")[2]: COMMUNITY[engine]} if engine in COMMUNITY else {}),
    }
    measured: dict[str, list[float]] = {"the plain tools": [], **{name: [] for name in modules}}
    memory = []
    # The other way round each time: a machine that has just rested is often faster than one that has just worked.
    order = ["the plain tools", *modules]
    for _round in range(ROUNDS):
        for name in order:
            if name in modules:
                took, used = run_module(host, *modules[name])
                memory.append(used if name == "db_backup" else 0)
            else:
                took, _out, _err = seconds(host, RAW[engine])
            measured[name].append(took)
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
    with tempfile.TemporaryDirectory() as folder:
        host = inside.database_host("debian-12", f"shipshape-bench-{os.getpid()}", Path(folder), options=mount)
        try:
            host.wait_until_running()
            host.run("mkdir", "-p", FOLDER)
            # root may log in over the socket, as administrators do.
            host.run("sh", "-c", "sed -i '1i local all postgres trust' /etc/postgresql/*/main/pg_hba.conf")
            host.run("systemctl", "reload", "postgresql@*")
            for engine in engines:
                compare(host, engine)
        finally:
            host.remove()


if __name__ == "__main__":
    main()
