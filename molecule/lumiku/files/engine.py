# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packs what stands in for Prisma's own engine, which cannot be downloaded everywhere, with the packages it needs."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from tests.integration.machine import ROOT
from tests.integration.node import packages

_PROJECTS = ROOT / "tests" / "integration" / "migrate" / "projects"
_NEEDED = ("@prisma/schema-engine-wasm", "@prisma/driver-adapter-utils", "@prisma/adapter-pg", "pg")


def _needed(locked: dict[str, Any]) -> set[str]:
    """The directories of the packages that are needed, and of those that these need in turn."""
    found: set[str] = set()
    left = [f"node_modules/{name}" for name in _NEEDED]
    while left:
        directory = left.pop()
        if directory in found:
            continue
        found.add(directory)
        for name in locked[directory].get("dependencies", {}):
            nested = f"{directory}/node_modules/{name}"
            left.append(nested if nested in locked else f"node_modules/{name}")
    return found


def main() -> None:
    with packages("migrate", _PROJECTS, "--ignore-scripts") as installed, tarfile.open(sys.argv[1], "w") as archive:
        locked = json.loads((_PROJECTS / "package-lock.json").read_text())["packages"]
        for directory in sorted(_needed(locked)):
            archive.add(installed / directory, directory)
        program = Path(_PROJECTS / "prisma" / "schema-engine.mjs")
        content = f"#!/usr/bin/env node\n{program.read_text()}".encode()
        entry = tarfile.TarInfo(program.name)
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
        archive.addfile(tarfile.TarInfo("query-engine.node"))


if __name__ == "__main__":
    main()
