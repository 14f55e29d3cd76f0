# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the controller adds to the module: who it is, and whether another deployment from here still lives."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from typing import Any

from ansible.plugins.action import ActionBase

# The machine, its start, and its table of processes: only together they tell what a number of a process means.
_MACHINE = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")
_NAMESPACE = "/proc/self/ns/pid"

_JOBS = ("AWX_JOB_ID", "TOWER_JOB_ID", "JOB_ID")


class ActionModule(ActionBase):
    """Runs the module, and once more where the lock is held by a deployment that has died here."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = {**self._task.args}
        here = _owner()
        options["owner"] = {**here, **(options.get("owner") or {})}
        result.update(self._execute_module(module_args=options, task_vars=task_vars))
        holder = result.get("holder") if result.get("failed") else None
        if holder and options.get("state") == "held" and not options.get("deployment") and _has_died(holder, here):
            options["take_over"] = holder["deployment"]
            result = self._execute_module(module_args=options, task_vars=task_vars)
        return result


def _owner() -> dict[str, Any]:
    # This runs in a worker; its parent is the process that lives as long as the playbook.
    pid = os.getppid()
    told = [_content(path) for path in _MACHINE] + [_link(_NAMESPACE)]
    return {
        "who": _user(),
        "controller": socket.gethostname(),
        "machine": hashlib.sha256("\n".join(told).encode()).hexdigest()[:32],
        "pid": pid,
        "began": _began(pid),
        "job": next((os.environ[name] for name in _JOBS if os.environ.get(name)), None),
    }


def _has_died(holder: dict[str, Any], here: dict[str, Any]) -> bool:
    owner = holder["owner"]
    is_from_here: bool = owner["machine"] == here["machine"] and owner["controller"] == here["controller"]
    return is_from_here and _began(owner["pid"]) != owner["began"]


def _began(pid: int) -> str:
    """When the process began, in a unit of the kernel's; nothing if there is none."""
    # The name of the program, which can hold anything, stands in parentheses before.
    status = _content(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return status[19] if status and status[0] not in "XZ" else ""


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
