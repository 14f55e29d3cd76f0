# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of a host nginx reads as its configuration, and how they are read from another place.

This module is private to the collection.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ansible_collections.shipshape.webapp.plugins.module_utils._nginx.language import Directive, directives

# The texts of the files that match a pattern of the shell, by their paths.
Matching = Callable[[str], Mapping[str, bytes]]


@dataclass(frozen=True)
class Change:
    """What is to be written over a directory of configuration, by absolute paths, once what is `replaced` is gone."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    replaced: str | None = None


NOTHING = Change()


@dataclass(frozen=True)
class Configuration:
    """The texts that nginx reads, by the paths under which it reads them, and what they say."""

    directory: str
    texts: Mapping[str, str]
    directives: Sequence[Directive]

    def path(self, argument: str) -> str:
        """The absolute path that nginx understands by an argument."""
        return posixpath.normpath(posixpath.join(self.directory, argument))

    def pid(self) -> Directive | None:
        """The directive that says where the number of the master process stands."""
        return next((one for one in self.directives if one.name == "pid" and not one.depth and one.arguments), None)

    def error_logs(self) -> list[str]:
        """The files into which errors are written."""
        return self._paths(lambda name: name == "error_log")

    def made_by_a_test(self) -> list[str]:
        """The files and directories that nginx makes even where it only tests."""
        return self._paths(
            lambda name: name in ("error_log", "access_log") or name.endswith(("_cache_path", "_temp_path"))
        )

    def _paths(self, is_wanted: Callable[[str], bool]) -> list[str]:
        first = (one.arguments[0].text for one in self.directives if one.arguments and is_wanted(one.name))
        return list(dict.fromkeys(path for path in first if path.startswith("/") and "$" not in path))


def read_configuration(directory: str, matching: Matching, change: Change = NOTHING) -> Configuration:
    """What nginx would read from nginx.conf on, with the change."""
    texts: dict[str, str] = {}
    found: list[Directive] = []
    patterns = [f"{directory}/nginx.conf"]
    while patterns:
        for path, content in _files(patterns.pop(0), matching, change).items():
            if path not in texts:
                texts[path] = decoded(content)
                said = list(directives(path, texts[path]))
                found += said
                patterns += [
                    posixpath.join(directory, one.arguments[0].text)
                    for one in said
                    if one.name == "include" and one.arguments
                ]
    return Configuration(directory, texts, found)


def _files(pattern: str, matching: Matching, change: Change) -> dict[str, bytes]:
    kept = {path: text for path, text in matching(pattern).items() if not is_below(path, change.replaced)}
    return {**kept, **{path: text for path, text in change.files.items() if _matches(path, pattern)}}


def is_below(path: str, directory: str | None) -> bool:
    """Whether a path leads into the directory."""
    return directory is not None and path.startswith(f"{directory}/")


def _matches(path: str, pattern: str) -> bool:
    """As the shell has it: no star stands for a slash or for the dot of a hidden name."""
    names, marks = path.split("/"), posixpath.normpath(pattern).split("/")
    return len(names) == len(marks) and all(
        fnmatchcase(name, mark) and name.startswith(".") == mark.startswith(".") for name, mark in zip(names, marks)
    )


def staged(configuration: Configuration, stage: str, change: Change) -> dict[str, bytes]:
    """The files that a stage needs of its own, by paths below the directory; all others are as they are."""
    directory = configuration.directory
    pid = configuration.pid()
    of_its_own: dict[str, bytes] = {path: text for path, text in change.files.items() if is_below(path, directory)}
    for path, text in configuration.texts.items():
        word = pid.arguments[0] if pid and pid.file == path else None
        said = f"{text[: word.start]}{stage}/nginx.pid{text[word.end :]}" if word else text
        said = _rewritten(said, directory, stage)
        if is_below(path, directory) and said != text:
            of_its_own[path] = encoded(said)
    return {posixpath.relpath(path, directory): text for path, text in of_its_own.items()}


def _rewritten(text: str, directory: str, stage: str) -> str:
    return re.sub(rf"(?<![\w./-]){re.escape(directory)}(?=[/\s;\"']|$)", lambda _found: stage, text)


def decoded(content: bytes) -> str:
    """Text of whatever encoding, so that it can be written again as it was."""
    return content.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """The bytes of such a text."""
    return text.encode("utf-8", "surrogateescape")
