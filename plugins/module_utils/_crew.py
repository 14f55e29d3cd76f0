# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that work side by side and stop together. This module is private to the collection."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import Interrupted

# As much as Python counts on: with less, JSON that is nested deeply ends the process. What is not used takes no memory.
_STACK = 8 * 1024 * 1024


class HostCrew:
    """As many threads as there are tasks, of which only some do something at a time."""

    def __init__(self, at_a_time: int = 8) -> None:
        self._turns = threading.BoundedSemaphore(at_a_time)
        self._is_stopped = threading.Event()

    def together(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Raise the first mistake once all have come to their end."""
        results: list[Any] = [None] * len(tasks)
        errors: list[BaseException] = []
        ends = [threading.Event() for task in tasks]

        def carry_out(number: int, task: Callable[[], Any]) -> None:
            try:
                results[number] = task()
            except BaseException as error:  # noqa: BLE001 (it is raised in the thread that waits)
                errors.append(error)
                self._is_stopped.set()
            finally:
                ends[number].set()

        threads = [threading.Thread(target=carry_out, args=one) for one in enumerate(tasks)]
        try:
            _start(threads)
            # Not by join: when a signal interrupts that, Python 3.11 takes a thread that still runs for ended.
            for end in ends:
                end.wait()
        except BaseException:
            # A signal reaches this thread alone; the others clear up after themselves before they end.
            self._is_stopped.set()
            for thread, end in zip(threads, ends):
                if thread.ident is not None:
                    end.wait()
            raise
        if errors:
            raise errors[0]
        return results

    @contextlib.contextmanager
    def turn(self, *, at_last: bool = False) -> Iterator[None]:
        """Take one of the turns, and give it back."""
        with self._turns:
            if not at_last:
                self.pause(0)
            yield

    def pause(self, seconds: float) -> None:
        """Wait until it is over, or until the crew is stopped."""
        if self._is_stopped.wait(seconds):
            raise Interrupted("The suite was stopped before it was done.")


def _start(threads: Sequence[threading.Thread]) -> None:
    before = threading.stack_size(_STACK)
    try:
        for thread in threads:
            thread.start()
    finally:
        threading.stack_size(before)
