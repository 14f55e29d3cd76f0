# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what no other linter does: licence headers, forgotten marks, hosts of package registries, huge files."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST = 1024 * 1024
HEADER = (
    "SPDX-FileCopyrightText: Shipshape contributors",
    "SPDX-License-Identifier: GPL-3.0-or-later",
)
# Written by a tool, free of comments by format, kept byte for byte as something else wrote it, or read as a page.
NO_HEADER = (
    "LICENSE",
    "CHANGELOG.rst",
    "changelogs/changelog.yaml",
    "changelogs/fragments/*",
    "tools/locks/*.txt",
    "*/fixtures/*",
    "*/recordings/*",
    "*.csv",
    "*.json",
    "*.jsonl",
    "*.lock",
    "*.log",
    "*.md",
    "*.pem",
)
# Spelt so that this file passes its own check.
MARK = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b")
URL = re.compile(r"https?://[^\s'\"]+")


def has_header(text: str) -> bool:
    """Tell whether the two lines stand one below the other at the top, whatever the language's comment is."""
    top = text.splitlines()[:6]
    return any(HEADER[0] in first and HEADER[1] in second for first, second in zip(top, top[1:]))


def complaints(path: str, content: bytes, hosts: Iterable[str]) -> Iterator[str]:
    """Yield one line for everything that is wrong with one file."""
    if len(content) > LARGEST:
        yield f"{path}: {len(content) / LARGEST:.1f} MiB, and 1 MiB is the limit"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return
    if not text or "\0" in text:
        return
    if not any(fnmatch(path, pattern) for pattern in NO_HEADER) and not has_header(text):
        yield f"{path}:1: the two SPDX lines are missing"
    registry = re.compile("|".join(rf"(?<![\w.-]){re.escape(host)}(?![\w-])" for host in hosts) or r"(?!)")
    for number, line in enumerate(text.splitlines(), start=1):
        if mark := MARK.search(line):
            yield f"{path}:{number}: {mark[0]}: do it, or open an issue"
        if host := registry.search(line):
            yield f"{path}:{number}: {host[0]}: the client knows its registry, so nothing has to name it"


def output_of(*command: str) -> str:
    """Return what a command prints; its warnings are nobody's business here."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def registry_hosts() -> set[str]:
    """Return the hosts that pip, apt and npm fetch from; they are asked, because no file may name them."""
    index = importlib.import_module("pip._internal.models.index").PyPI
    hosts = {index.netloc, index.file_storage_domain}
    settings = [path.read_text() for pattern in ("*.list", "*.sources") for path in Path("/etc/apt").rglob(pattern)]
    if npm := shutil.which("npm"):
        settings.append(output_of(npm, "config", "get", "registry"))
    lines = (line for text in settings for line in text.splitlines() if not line.startswith("#"))
    hosts.update(urlsplit(url).hostname or "" for line in lines for url in URL.findall(line))
    # A mirror on this machine is nobody else's registry, and its name is an ordinary word.
    return {host for host in hosts if "." in host and not host.startswith("127.")}


def sources() -> list[str]:
    """Return every file that is in the repository, or would be after git add."""
    listed = output_of("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({path for path in listed if path and Path(path).is_file() and not Path(path).is_symlink()})


def main() -> int:
    """Print every complaint; return 1 when there is one."""
    hosts = registry_hosts()
    found = [line for path in sources() for line in complaints(path, Path(path).read_bytes(), hosts)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
