# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: timeline
type: stdout
short_description: Show a deployment as a line of time
version_added: 0.1.0
author:
  - Shipshape contributors (@shipshape)
description:
  - Shows for each phase of a deployment what is done on which host, how long it took, and which checks passed, and in
    the end what the deployment came to.
  - On a terminal the last line moves with what is under way, and tells how long it took the last time. Anywhere else,
    as in CI and in AWX, each line is written once.
  - It is for any playbook; tasks that only move data about are not shown.
options:
  memory:
    description:
      - The file that keeps how long each task took.
    type: path
    default: ~/.cache/shipshape/durations.json
    env:
      - name: SHIPSHAPE_TIMELINE_MEMORY
    ini:
      - section: callback_timeline
        key: memory
seealso:
  - module: shipshape.webapp.deployment_record
"""

EXAMPLES = r"""
ansible.cfg: |
  [defaults]
  stdout_callback = shipshape.webapp.timeline
"""

import contextlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.callback import CallbackBase

from ansible_collections.shipshape.webapp.plugins.plugin_utils import timeline

# Where nobody's terminal tells.
_WIDTH = 120

_TICK = 0.2
_CLEAR = "\r\x1b[2K"
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class CallbackModule(CallbackBase):
    """Writes a line for each task on each host."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "shipshape.webapp.timeline"

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()
        self._task_began = self._began
        self._phase = self._name = ""
        self._durations: dict[str, float] = {}
        self._last_screen: list[str] = []
        self._ticker = _Ticker(self._moving) if sys.stdout.isatty() else None

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Read what is known of earlier runs."""
        with contextlib.suppress(OSError, ValueError):
            self._durations = dict(json.loads(self._memory.read_text(encoding="utf-8")))

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Name the play."""
        self._phase = ""
        self._say(f"{play.get_name().strip()}", _color("HIGHLIGHT"))

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Show what is under way."""
        self._task_began = time.monotonic()
        # What belongs to a phase and is not named after it comes in its course.
        phase, self._name = timeline.phase_and_name(task.get_name())
        self._phase = phase or self._phase
        if self._ticker and not timeline.is_silent(task.action):
            self._ticker.start()

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """The same for a handler."""
        self.v2_playbook_on_task_start(task, is_conditional=False)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Show what was done."""
        told = _told(result)
        action = _task(result).action
        if timeline.is_silent(action):
            return
        # What is added to a record later is not how this command ended.
        if self._phase == "record" and "summary" in told and "report" in told:
            self._last_screen = [*timeline.last_screen(told["summary"], told["report"], self._width)]
        if action.rpartition(".")[2] == "debug":
            self._quote(told)
            return
        seconds = time.monotonic() - self._task_began
        self._durations[self._key()] = round(seconds, 1)
        changed = bool(told.get("changed"))
        self._task_line("✓", result, "changed" if changed else "", timeline.span(seconds), changed=changed)
        for detail in timeline.details(told):
            self._say(detail)
        for warning in told.get("warnings") or ():
            self._display.warning(warning)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show why it failed."""
        self._task_line("✗", result, timeline.span(time.monotonic() - self._task_began), failed=True)
        told = _told(result)
        for detail in timeline.details(told):
            self._say(detail)
        for text in timeline.problem(told, self._width):
            self._say(text, _color("ERROR"))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Show why nothing could be done there."""
        self.v2_runner_on_failed(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """What is not needed is not shown."""
        self._settle()

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Show which item failed."""
        self.v2_runner_on_failed(result)

    def v2_on_file_diff(self, result: Any) -> None:
        """Show what changes, where that was asked for."""
        diff = _told(result).get("diff")
        shown = self._get_diff(diff) if diff else ""  # type: ignore[no-untyped-call]  # Ansible has no types here
        if shown:
            self._say(shown)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Say that nothing was done."""
        self._say("There is no such host in the inventory, so nothing was done.", _color("WARN"))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Tell what it came to."""
        self._settle()
        for text in self._last_screen:
            self._say(text)
        with contextlib.suppress(OSError):
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            self._memory.write_text(json.dumps(self._durations), encoding="utf-8")
        failed = [host for host in sorted(stats.processed) if any(_failures(stats.summarize(host)))]
        if failed:
            self._say(f"Failed on {', '.join(failed)}.", _color("ERROR"))

    @property
    def _memory(self) -> Path:
        return Path(self.get_option("memory"))  # type: ignore[no-untyped-call]  # Ansible has no types here

    @property
    def _width(self) -> int:
        return shutil.get_terminal_size((_WIDTH, 24)).columns if self._ticker else _WIDTH

    def _key(self) -> str:
        return f"{self._phase} | {self._name}"

    def _moving(self, turn: int) -> str:
        """What stands in the last line while something is under way."""
        now = time.monotonic()
        far = timeline.progress(now - self._task_began, self._durations.get(self._key()))
        mark = _SPINNER[turn % len(_SPINNER)]
        return timeline.moving(now - self._began, self._phase, mark, self._name, far, self._width)

    def _task_line(self, mark: str, result: Any, *more: str, changed: bool = False, failed: bool = False) -> None:
        color = _color("ERROR") if failed else _color("CHANGED") if changed else _color("OK")
        since = self._task_began - self._began
        width = self._width if self._ticker else None
        for text in timeline.lines(width, since, self._phase, mark, _host(result), self._name, *more):
            self._say(text, color)

    def _quote(self, told: Mapping[str, Any]) -> None:
        """What a playbook says to people, unless the last screen is to say it."""
        said = told.get("msg")
        lines = said if isinstance(said, list) else str(said).splitlines()
        if said is None or self._last_screen:
            self._settle()
            return
        for text in lines:
            self._say(f"{' ' * 20}{text}")

    def _say(self, text: str, color: str | None = None) -> None:
        self._settle()
        self._display.display(text, color=color)

    def _settle(self) -> None:
        if self._ticker:
            self._ticker.stop()


class _Ticker:
    """Writes the last line of a terminal anew, until it is stopped."""

    def __init__(self, text: Any) -> None:
        self._text = text
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it goes on already."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._tick, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Leave the line empty."""
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None

    def _tick(self) -> None:
        turn = 0
        while not self._stopped.wait(_TICK):
            _write(f"{_CLEAR}{self._text(turn)}")
            turn += 1
        if turn:
            _write(_CLEAR)


def _write(text: str) -> None:
    # Not through a buffer with a lock, which a worker could inherit while this thread holds it.
    os.write(sys.stdout.fileno(), text.encode("utf-8", "replace"))


def _color(name: str) -> str:
    """The colour that the user's configuration has for this."""
    color: str = getattr(constants, f"COLOR_{name}")
    return color


def _failures(summary: Mapping[str, int]) -> Iterator[int]:
    yield summary["failures"]
    yield summary["unreachable"]


def _told(result: Any) -> Mapping[str, Any]:
    """What a module returned, as this version of Ansible has it."""
    told: Mapping[str, Any] = result.result if hasattr(result, "result") else result._result
    return told


def _task(result: Any) -> Any:
    return result.task if hasattr(result, "task") else result._task


def _host(result: Any) -> str:
    """Where it was done."""
    host = result.host if hasattr(result, "host") else result._host
    return str(_task(result).delegate_to or host.get_name())
