# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which migrations a directory of SQL files holds, and in which order. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.migration import Migration
from ansible_collections.shipshape.webapp.plugins.module_utils._migrate.script import (
    Script,
    Unfit,
    digest,
    parse_script,
)

_DIALECTS = {
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "pg": "postgresql",
    # Nobody's here: what is written for them must not run elsewhere.
    "clickhouse": "other",
    "cockroach": "other",
    "cockroachdb": "other",
    "mssql": "other",
    "oracle": "other",
    "sqlserver": "other",
}

_FLYWAY = re.compile(r"(?P<kind>[VU])(?P<version>[0-9]+(?:[._][0-9]+)*)__(?P<name>.*)")

_DATE = r"(?:19|20)[0-9]{2}([-_])[0-9]{2}\2[0-9]{2}(?:[-_T][0-9]{2}[-_]?[0-9]{2}(?:[-_]?[0-9]{2})?)?"
_NUMBER = r"[0-9]+(?:\.[0-9]+)*[a-z]?"
_TEXT = r"[A-Za-z]+[-_]?[0-9]+(?:\.[0-9]+)*"

_VERSIONED = re.compile(rf"(?P<version>{_DATE}|{_NUMBER}|{_TEXT})(?:[-_. ]+(?P<name>.*))?")

_PIECE = re.compile(r"([0-9]+)|([^0-9._-]+)")

_Key = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class _File:
    """What the name of a file says; a dialect of None suits all."""

    path: str
    version: str
    name: str
    is_down: bool = False
    dialect: str | None = None
    is_autocommit: bool = False


def migrations(files: Mapping[str, bytes], dialect: str) -> list[Migration]:
    """The migrations in their order. Raises InvalidInput with all that is wrong with the directory.

    `files` are the contents by their paths below the directory. Only what ends in .sql counts, and nothing hidden:

    - `N_name.sql`, or `N_name.up.sql` with `N_name.down.sql`; `_` may be `-`, `.` or a space, and the name may lack
    - `N_name/up.sql` or `N_name/migration.sql`, with `N_name/down.sql`
    - `V1__name.sql` with `U1__name.sql`, as Flyway has them

    N is a number (`0001`), numbers with dots (`0.9`, which is before `0.10`), either with a letter (`12b`), a date with
    or without a time, or a word with a number (`patch2`, which is before `patch10`). Where there is none there is no
    order, so that a name without a version is refused, also if it is the only one: it would have to be renamed, and so
    be another migration, as soon as there is a second.

    Before .sql, up and down may stand for which engine a file is (sqlite, sqlite3, mysql, mariadb, postgres,
    postgresql, pg), and whether it has to run outside of a transaction (autocommit). A file for this engine takes the
    place of one of the same name that is for all.

    The SHA-256 is that of the file with the way up, without a mark of byte order and with LF as line ends: what git
    makes of a file in checking it out is no change of it. An empty file is an empty migration.
    """
    problems: list[str] = []
    found: list[Migration] = []
    for versions in _by_version(_named(files, problems)):
        up, down = _pair(versions, dialect, problems)
        if up:
            found += _read(up, down, files, dialect, problems)
    if problems:
        raise InvalidInput("The migrations", problems)
    return found


def _named(files: Iterable[str], problems: list[str]) -> Iterator[_File]:
    for path in sorted(files):
        if not path.lower().endswith(".sql") or any(part.startswith(".") for part in path.split("/")):
            continue
        file = _file(path)
        if file:
            yield file
        else:
            problems.append(
                f"{path}: its name is none of a migration: call it by a version and a name, such as"
                " 0001_create_users.sql or 0001_create_users/up.sql, or take it out of the directory."
            )


def _file(path: str) -> _File | None:
    """What the path says, or None if it fits no layout."""
    *folders, last = path[: -len(".sql")].split("/")
    base, infixes = _split_infixes(last)
    if len(folders) > 1:
        return None
    if folders:
        is_known = (base == "migration" and "role" not in infixes) or (not base and "role" in infixes)
        base = folders[0] if is_known else ""
    flyway = _FLYWAY.fullmatch(base)
    match = flyway or _VERSIONED.fullmatch(base)
    if not match:
        return None
    return _File(
        path,
        match["version"],
        match["name"] or "",
        is_down=infixes.get("role") == "down" or bool(flyway and flyway["kind"] == "U"),
        dialect=infixes.get("dialect"),
        is_autocommit="autocommit" in infixes,
    )


def _split_infixes(stem: str) -> tuple[str, dict[str, str]]:
    """The name without what is said after dots at its end, and that, each kind at most once."""
    parts = stem.split(".")
    infixes: dict[str, str] = {}
    while parts:
        word = parts[-1].lower()
        if word in ("up", "down"):
            kind, value = "role", word
        elif word == "autocommit":
            kind, value = word, word
        elif word in _DIALECTS:
            kind, value = "dialect", _DIALECTS[word]
        else:
            break
        if kind in infixes:
            break
        infixes[kind] = value
        parts.pop()
    return ".".join(parts), infixes


def _by_version(files: Iterable[_File]) -> Iterator[list[_File]]:
    groups: dict[_Key, list[_File]] = {}
    for file in files:
        groups.setdefault(_key(file.version), []).append(file)
    return (groups[key] for key in sorted(groups))


def _key(version: str) -> _Key:
    """What versions are ordered by: numbers by their size, and before words."""
    return tuple(
        (0, int(number), "") if number else (1, 0, word.casefold()) for number, word in _PIECE.findall(version)
    )


def _pair(versions: Sequence[_File], dialect: str, problems: list[str]) -> tuple[_File | None, _File | None]:
    """The way up and the way down of one version, as far as this dialect has them."""
    up = _chosen([file for file in versions if not file.is_down], dialect, problems)
    down = _chosen([file for file in versions if file.is_down], dialect, problems)
    if down and all(file.is_down for file in versions):
        problems.append(f"{down.path}: there is no way up that it takes back: add it, or remove this file.")
    return up, down


def _chosen(files: Sequence[_File], dialect: str, problems: list[str]) -> _File | None:
    own = [file for file in files if file.dialect == dialect]
    replaced = {file.name.casefold() for file in own}
    plain = [file for file in files if file.dialect is None and file.name.casefold() not in replaced]
    candidates = own + plain
    if len(candidates) > 1:
        paths = " and ".join(sorted(file.path for file in candidates))
        problems.append(f"{paths}: they have the same version, {candidates[0].version}: give each one of its own.")
    return candidates[0] if candidates else None


def _read(
    up: _File, down: _File | None, files: Mapping[str, bytes], dialect: str, problems: list[str]
) -> Iterator[Migration]:
    script = _script(up, files, dialect, problems)
    back = _script(down, files, dialect, problems) if down else None
    if down and back and back.has_parts:
        problems.append(f"{down.path}: by its name it is a way down, and yet it has a part up.")
    if down and script and script.down is not None:
        problems.append(f"{down.path}: {up.path} has a way down already: keep one of them.")
    if script:
        yield Migration(
            up.version,
            up.name,
            up.path,
            digest(files[up.path]),
            script.up,
            back.up if back else script.down,
            script.up_line,
            back.up_line if back else script.down_line,
            is_autocommit=script.is_autocommit or up.is_autocommit,
        )


def _script(file: _File, files: Mapping[str, bytes], dialect: str, problems: list[str]) -> Script | None:
    try:
        return parse_script(files[file.path], dialect)
    except Unfit as unfit:
        problems += [f"{file.path} {problem}" for problem in unfit.problems]
        return None
