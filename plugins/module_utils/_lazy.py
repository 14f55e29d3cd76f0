# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Things of which a run needs few, by their names. This module is private to the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")


class Lazy(Mapping[str, T]):
    """Makes each when it is asked for, by a function of its name that imports what it needs.

    A host compiles everything that a module imports anew in each run.
    """

    def __init__(self, *makers: Callable[[], T]) -> None:
        self._makers = {maker.__name__.strip("_"): maker for maker in makers}
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        # That of Mapping would make it.
        return name in self._makers
