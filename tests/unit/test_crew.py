# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._crew import HostCrew
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import Interrupted

AT_MOST = 10


def pausing(crew: HostCrew, stopped: list[int]) -> Callable[[], None]:
    """A task that waits, and notes that it was stopped before its time was up."""

    def task() -> None:
        try:
            crew.pause(AT_MOST)
        except Interrupted:
            stopped.append(1)
            raise

    return task


def test_results_come_in_the_order_of_the_tasks() -> None:
    second_is_done, is_left = threading.Event(), threading.Event()

    def first() -> str:
        assert second_is_done.wait(AT_MOST)
        return "first"

    def second() -> str:
        second_is_done.set()
        return "second"

    def last() -> str:
        # What would come about at once if the main thread did not wait.
        is_left.wait(0.1)
        return "last"

    assert HostCrew().together([first, second, last]) == ["first", "second", "last"]
    is_left.set()
    assert HostCrew().together([]) == []


def test_a_mistake_in_one_task_stops_the_others_and_is_raised() -> None:
    crew = HostCrew()
    stopped: list[int] = []
    waits = pausing(crew, stopped)

    with pytest.raises(KeyError, match="mistake"):
        crew.together([waits, lambda: {"a": 1}["mistake"], waits])

    assert stopped == [1, 1]


def test_only_so_many_have_a_turn_at_a_time() -> None:
    crew, at_work, most = HostCrew(2), [], []
    both = threading.Barrier(2)

    def works() -> None:
        with crew.turn():
            at_work.append(1)
            most.append(len(at_work))
            both.wait(AT_MOST)
            at_work.pop()

    crew.together([works] * 6)

    assert max(most) == 2
    assert HostCrew()._turns._value == 8


def test_a_turn_is_given_back_by_a_mistake() -> None:
    crew = HostCrew(1)
    for _time in range(2):
        with pytest.raises(KeyError), crew.turn():
            raise KeyError


def test_a_pause_is_a_wait_for_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    crew = HostCrew()
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    monkeypatch.setattr(crew._is_stopped, "wait", wait)
    crew.pause(600)

    assert waited == [600]


@contextmanager
def stopped_by_a_signal() -> Iterator[None]:
    """As the entry point does it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted("Stopped.")

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


def interrupts() -> None:
    os.kill(os.getpid(), signal.SIGUSR1)


def waits_for_all() -> bool:
    """Whether the main thread has begun all tasks, and now waits for their ends."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    functions = [inner.f_code.co_name for inner, _line in traceback.walk_stack(frame)]
    return functions[0] in ("wait", "join", "_wait_for_tstate_lock") and "_start" not in functions


def test_a_signal_stops_the_crew_and_those_who_clear_up_still_have_their_turn() -> None:
    crew, done, is_left = HostCrew(), [], threading.Event()

    def waits() -> None:
        try:
            crew.pause(AT_MOST)
        except Interrupted:
            with crew.turn(at_last=True):
                # What would come about at once if the main thread did not wait.
                is_left.wait(0.1)
                done.append("cleared up")
            raise

    def begins() -> None:
        with crew.turn():
            for _time in range(10_000):
                if waits_for_all():
                    break
                crew.pause(0.001)
            interrupts()
            crew.pause(AT_MOST)
            done.append("went on")

    def comes_later() -> None:
        with suppress(Interrupted):
            crew.pause(AT_MOST)
        with crew.turn():
            done.append("worked")

    threads = threading.active_count()
    with stopped_by_a_signal(), pytest.raises(Interrupted, match="Stopped"):
        crew.together([waits, begins, comes_later])
    done.append("left")
    is_left.set()

    assert done == ["cleared up", "left"]
    assert threading.active_count() <= threads


def test_a_signal_while_the_crew_begins_leaves_nobody_behind() -> None:
    crew = HostCrew()
    stopped: list[int] = []
    task = pausing(crew, stopped)

    class Thread(threading.Thread):
        def start(self) -> None:
            super().start()
            interrupts()

    with pytest.MonkeyPatch.context() as patch, stopped_by_a_signal():
        patch.setattr(threading, "Thread", Thread)
        with pytest.raises(Interrupted):
            crew.together([task, task])

    assert stopped == [1]
    assert threading.stack_size() == 0


def test_tasks_have_as_much_stack_as_deep_json_needs() -> None:
    sizes: list[int] = []
    before: Callable[..., int] = threading.stack_size

    def note(size: int = 0) -> int:
        sizes.append(size)
        return before(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "stack_size", note)
        HostCrew().together([lambda: None])

    assert sizes[0] >= 8 * 1024 * 1024
    # In a process of its own, because this is how it would end.
    code = (
        "import json\n"
        f"from {HostCrew.__module__} import HostCrew\n"
        "def task():\n"
        "    try:\n"
        "        return json.loads('[' * 100000)\n"
        "    except RecursionError:\n"
        "        return 'too deep'\n"
        "print(json.dumps(HostCrew().together([task])))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(ended.stdout) == ["too deep"]
