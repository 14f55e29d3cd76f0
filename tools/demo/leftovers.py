# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""End and remove all that a demo has started and made, however it ended. Python's own library is enough for it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / ".demo"
# nginx is started in here, and writes over its environment.
NGINX = DEMO / "nginx"

_MARKS = {os.fsencode(f"{name}={place}") for name, place in {"SHIPSHAPE_DEMO": DEMO, "PM2_HOME": DEMO / "pm2"}.items()}
_PATIENCE = 10


def running() -> list[int]:
    """The processes of the demo, besides this one."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [number for number in numbers if number != os.getpid() and _belongs(number)]


def clear() -> None:
    """Have nothing left of a demo on this machine."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _PATIENCE
        while left := running():
            for process in left:
                _signal(process, number)
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
    if left := running():
        sys.exit(f"These processes of the demo do not end: {', '.join(map(str, left))}.")
    if DEMO.exists():
        shutil.rmtree(DEMO, onerror=_with_right)


def _belongs(number: int) -> bool:
    try:
        place = Path(f"/proc/{number}")
        if place.stat().st_uid != os.geteuid():
            return False
        variables = (place / "environ").read_bytes().split(b"\0")
        program, folder = os.readlink(place / "exe"), os.readlink(place / "cwd")
    except OSError:
        # It has ended, or is not ours to look at.
        return False
    is_nginx = os.path.basename(program.removesuffix(" (deleted)")) == "nginx"
    return not _MARKS.isdisjoint(variables) or (is_nginx and folder.removesuffix(" (deleted)") == str(NGINX))


def _signal(number: int, what: signal.Signals) -> None:
    """Send it, unless another process has got the number meanwhile."""
    with suppress(ProcessLookupError), closing(_Handle(number)) as handle:
        if _belongs(number):
            handle.send(what)


class _Handle:
    """A process, whatever becomes of its number."""

    def __init__(self, number: int) -> None:
        self._descriptor = os.pidfd_open(number)

    def send(self, what: signal.Signals) -> None:
        signal.pidfd_send_signal(self._descriptor, what)

    def close(self) -> None:
        os.close(self._descriptor)


def _with_right(function: Callable[[str], object], path: str, _error: object) -> None:
    """Remove also what somebody has made read-only."""
    parent = os.path.dirname(path)
    os.chmod(parent, stat.S_IMODE(os.stat(parent).st_mode) | stat.S_IRWXU)
    function(path)


if __name__ == "__main__":
    was_there = DEMO.exists()
    clear()
    print("Nothing is left of the demo." if was_there else "There is no demo.")
