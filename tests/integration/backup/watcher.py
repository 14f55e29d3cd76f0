# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks for words in the processes and in the files of a host, over and over. Runs on a test host.

Its standard input says by its first line what to look for, and ends when it is to end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

# How many times it looks at the processes, which come and go, for each time at the files.
OFTEN = 10

# Only the beginning of what is larger, such as the files of a private server, is read while there is something to see.
GLANCE = 256 * 1024


class Watcher:
    """Knows what it has seen so far."""

    def __init__(self, words: Iterable[str], folders: Iterable[str]) -> None:
        self.words = [word.encode() for word in words]
        self.folders = [Path(folder) for folder in folders]
        self.seen: set[str] = set()
        self._without: dict[str, tuple[int, ...]] = {}
        self.processes: set[str] = set()
        self.looks = 0

    def look(self) -> None:
        """Once at all processes, and now and then at all files."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                self.look_at_process(process)
        if self.looks % OFTEN == 0:
            self.seen.update(self.new_holders())
        self.looks += 1

    def look_at_process(self, process: Path) -> None:
        """At its arguments and its environment."""
        arguments = _content(process / "cmdline", -1)
        self.processes.add(os.path.basename(arguments.split(b"\0")[0]).decode("utf-8", "replace"))
        for place, content in (("cmdline", arguments), ("environ", _content(process / "environ", -1))):
            if self.is_in(content):
                self.seen.add(f"{place} of {arguments[:40]!r}")

    def new_holders(self) -> Iterator[str]:
        """The files that hold one of the words at their beginning, of those that have changed since they did not."""
        for file in self._files():
            try:
                status = os.lstat(file)
            except OSError:
                continue
            state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            if self._without.get(file) == state:
                continue
            if self._holds(file, GLANCE):
                yield file
            # What is written to shared memory leaves no time behind.
            elif not file.startswith("/dev/shm/"):
                self._without[file] = state

    def holders(self) -> set[str]:
        """All files that hold one of the words, or have it in their names."""
        return {file for file in self._files() if self._holds(file, -1)}

    def _files(self) -> Iterator[str]:
        for folder in self.folders:
            for path, _folders, files in os.walk(folder):
                yield from (os.path.join(path, name) for name in files)

    def _holds(self, file: str, limit: int) -> bool:
        return self.is_in(os.fsencode(file)) or self.is_in(_content(Path(file), limit))

    def is_in(self, content: bytes) -> bool:
        """Whether one of the words is."""
        return any(word in content for word in self.words)


def _content(file: Path, limit: int) -> bytes:
    try:
        # Neither sockets nor pipes, which would be waited for.
        if not file.is_file():
            return b""
        with file.open("rb") as opened:
            return opened.read(limit)
    except OSError:
        return b""


def _wait_for_the_end(is_over: threading.Event) -> None:
    sys.stdin.read()
    is_over.set()


def main() -> None:
    """Look until the standard input ends, then at all that is left."""
    watcher = Watcher(**json.loads(sys.stdin.readline()))
    before = watcher.holders()
    since = subprocess.run(["date", "+%s"], check=True, capture_output=True, text=True).stdout.strip()
    is_over = threading.Event()
    reader = threading.Thread(target=_wait_for_the_end, args=(is_over,))
    reader.start()
    print("ready", flush=True)
    while not is_over.wait(0.001):
        watcher.look()
    reader.join()
    left = (watcher.holders() | watcher.seen) - before
    journal = subprocess.run(
        ["journalctl", f"--since=@{since}", "--all", "--output=cat"], check=True, capture_output=True
    )
    if watcher.is_in(journal.stdout):
        left.add("the journal")
    told = {"seen": sorted(left), "processes": sorted(watcher.processes), "looks": watcher.looks}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
