# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of their own for the benches that need one, and how long something takes on it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.integration import inside
from tests.integration.machine import Host

MODULES = "ansible_collections.shipshape.webapp.plugins.modules"

# Runs a module, and says on the standard error what memory it needed at most.
_MEASURED = """
import resource, runpy, sys
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


class Ran(NamedTuple):
    """What a command said, and how long it took."""

    seconds: float
    stdout: str
    stderr: str


class Measured(NamedTuple):
    """What a module returned, how long it took, and its memory without that of the tools."""

    seconds: float
    megabytes: float
    result: dict[str, Any]


@contextmanager
def bench_host(make: Callable[..., Host], *, options: Sequence[str] = ()) -> Iterator[Host]:
    """A host that is made so and runs, for one bench."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        host = make("debian-12", f"shipshape-bench-{os.getpid()}", Path(folder), options=options)
        try:
            host.wait_until_running()
            yield host
        finally:
            host.remove()


def let_root_in(host: Host) -> None:
    """Have root log in to PostgreSQL over the socket, as administrators do."""
    host.run("sh", "-c", "sed -i '1i local all postgres trust' /etc/postgresql/*/main/pg_hba.conf")
    host.run("systemctl", "reload", "postgresql@*")


def run(host: Host, argv: Sequence[str], told: str = "") -> Ran:
    """Run a command on the host, which must end well."""
    begun = time.perf_counter()
    ended = subprocess.run(inside.command(host, *argv), input=told, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begun
    if ended.returncode != 0:
        raise SystemExit(f"{shlex.join(argv)[:200]}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return Ran(took, ended.stdout, ended.stderr)


def run_module(host: Host, name: str, options: Mapping[str, Any]) -> Measured:
    """Run a module on the host, which must not fail."""
    ran = run(host, ["python3", "-c", _MEASURED, name], inside.module_input(dict(options)))
    result = json.loads(ran.stdout)
    if result.get("failed"):
        raise SystemExit(f"{name}: {result}")
    return Measured(ran.seconds, int(ran.stderr.strip().splitlines()[-1]) / 1000, result)
