# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is changed in a dump of MySQL or MariaDB on its way into a database. This module is private to the collection.

Rows are never mistaken for a definition: their lines begin otherwise, and texts in them have no line breaks. The body
of a routine could be, if it held all the lines that the tool writes; the copy's schema is then another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.shipshape.webapp.plugins.module_utils._types import Stage

# What becomes of events and views: they wait in a database beside another, or what waits there goes live.
HOLD, RELEASE = "hold", "release"

_NAME = r'(`([^`]|``)*`|"([^"]|"")*")'
_DEFINER = rf"DEFINER={_NAME}(@{_NAME})?"
_SCHEDULE = r"(EVERY ('[^']*'|[0-9]+) [A-Z_]+( STARTS '[^']*')?( ENDS '[^']*')?|AT '[^']*')"
_EVENT = (
    rf"/\*!50106 CREATE\*/ (/\*!50117 {_DEFINER}\*/ )?/\*!50106 EVENT {_NAME}"
    rf" ON SCHEDULE {_SCHEDULE} ON COMPLETION (NOT )?PRESERVE"
)

# The lines in front of what makes a routine or a trigger, a view, an event.
_BEFORE_ROUTINE = r"^DELIMITER ;;$"
_BEFORE_VIEW = r"^/\*!50001 CREATE ALGORITHM=[A-Z]+ \*/$"
_BEFORE_EVENT = r"^/\*!50003 SET time_zone += '"
_EVENTS = "/^-- Dumping events for database /,/^-- Dumping routines for database /"

# The tool names the database that was dumped where a routine is older than the database's collation: it would be
# changed, whatever database the dump is loaded into.
_IN_THIS_DATABASE = rf"s#^ALTER DATABASE {_NAME} (CHARACTER SET [a-z0-9_]+ COLLATE [a-z0-9_]+ ;+)$#ALTER DATABASE \4#"

# Dropped first, a routine would lose the rights that were granted on it.
_NOT_DROPPED = r"\#^/\*!50003 DROP (FUNCTION|PROCEDURE|PACKAGE BODY|PACKAGE) IF EXISTS .*\*/;$#d"
_REPLACED = "s#^CREATE DEFINER=#CREATE OR REPLACE DEFINER=#"

_ANYBODYS_ROUTINE = rf"s#^CREATE {_DEFINER} #CREATE #; s#^(/\*!50003 CREATE\*/ )/\*!50017 {_DEFINER}\*/ #\1#"
_ANYBODYS_VIEW = rf"s#^(/\*!50013 ){_DEFINER} #\1#"
_ANYBODYS_EVENT = rf"s#^(/\*!50106 CREATE\*/ )/\*!50117 {_DEFINER}\*/ #\1#"

# A view waits with the other kind of rights: its definer may have none but on the live database, so that nobody could
# use it in the copy. One with the rights of whoever uses it waits as ours, because its definer matters to nothing.
_SECURITY = rf"(/\*!50013 ({_DEFINER} )?SQL SECURITY )"
_TURNED = (
    rf"s#^{_SECURITY}DEFINER \*/$#\1OTHER */#",
    rf"s#^{_SECURITY}INVOKER \*/$#\1DEFINER */#",
    r"s#SECURITY OTHER \*/$#SECURITY INVOKER */#",
)
_OURS = rf"s#^(/\*!50013 ){_DEFINER} (SQL SECURITY INVOKER \*/)$#\1\9#"
_VIEW_CHANGED = {HOLD: (_OURS, *_TURNED), RELEASE: _TURNED}

# An event waits in the state of those that run on another server: it does not run, and it can be told from one that is
# disabled. One that was in this state before does not run here either way: it becomes a disabled one.
_EVENT_CHANGED = {
    HOLD: (
        rf"s#^({_EVENT}) ENABLE#\1 DISABLE ON SLAVE#; t",
        rf"s#^({_EVENT}) DISABLE ON (SLAVE|REPLICA)#\1 DISABLE#; t",
        rf"\#^{_EVENT} DISABLE #b",
        # What is not understood is not let through.
        "Q 3",
    ),
    RELEASE: (rf"s#^({_EVENT}) DISABLE ON (SLAVE|REPLICA)#\1 ENABLE#",),
}


def filtering(*, waiting: str | None = None, is_anybodys: bool = False, is_replaced: bool = False) -> Stage:
    """The program between a dump and the database.

    Nobody is named as the owner of what is_anybodys, and what is_replaced takes the place of routines of MariaDB.
    """
    script = "\n".join(_script(waiting or "", is_anybodys, is_replaced))
    # In a locale, texts of another character set would match nothing.
    return Stage(("sed", "--regexp-extended", script), {"LC_ALL": "C"})


def _script(waiting: str, is_anybodys: bool, is_replaced: bool) -> Iterator[str]:
    if is_replaced:
        yield _NOT_DROPPED
        yield from _after(_BEFORE_ROUTINE, [_REPLACED])
    if is_anybodys:
        yield from _after(_BEFORE_ROUTINE, [_ANYBODYS_ROUTINE])
    yield from _after(_BEFORE_VIEW, [*([_ANYBODYS_VIEW] if is_anybodys else ()), *_VIEW_CHANGED.get(waiting, ())])
    changes = [*([_ANYBODYS_EVENT] if is_anybodys else ()), "t next", ":next", *_EVENT_CHANGED.get(waiting, ())]
    yield f"{_EVENTS}{{"
    yield from _after(_BEFORE_EVENT, changes)
    yield "}"
    # At the end, which is also passed by lines that were read as what follows another.
    yield _IN_THIS_DATABASE


def _after(line: str, changes: Iterable[str]) -> Iterator[str]:
    yield f"\\#{line}#{{"
    yield "n"
    yield from changes
    yield "}"
