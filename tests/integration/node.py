# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages of Node for the tests, installed once for all runs from a package-lock.json."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.machine import BIN, ROOT


@contextmanager
def packages(name: str, source: Path, *options: str) -> Iterator[Path]:
    """The folder .cache/name with the packages that source asks for, which nobody else changes meanwhile."""
    installed = ROOT / ".cache" / name
    installed.mkdir(parents=True, exist_ok=True)
    with (installed / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = (source / "package-lock.json").read_bytes()
        stamp = installed / "installed-from"
        if not stamp.exists() or stamp.read_bytes() != wanted:
            for file in ("package.json", "package-lock.json"):
                shutil.copy(source / file, installed)
            environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
            install = [str(BIN / "npm"), "ci", *options, "--silent"]
            subprocess.run(install, cwd=installed, env=environment, check=True)
            stamp.write_bytes(wanted)
        yield installed
