# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows that an API lists, and what each is as a credential. This module is private to the collection."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api_keys import shown_in
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Credential, Id
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Response

Row = Mapping[str, Any]

_NEEDED = ("id", "name", "provider", "priority")

# Names without what is between their words, and in lower case.
_TELLS_OF_LIST = re.compile(r"links|meta|metadata|page|pageinfo|pagination|paging")
_COUNTS_ALL = re.compile(r"(?:total)?count|total(?:items|results|rows)?")
_COUNTS_PAGES = re.compile(r"totalpages|pages|pagecount|lastpage")
_LEADS_ON = re.compile(r"has(?:more|next)(?:page)?|next(?:page|cursor|link|token|url|pagetoken)?")
_NEXT = re.compile(r"""rel\s*=\s*["']?next\b""", re.IGNORECASE)
_MOST_NAMES = 20


def json_of(response: Response) -> Any:
    """What the body says, or None if it is no JSON."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def rows_of(response: Response, items: str | None) -> list[Row]:
    """All rows of a listing, which stands where these dotted names lead. Raises ShipshapeError."""
    answer = json_of(response)
    if answer is None:
        said = response.headers.get("content-type", "nothing that says what it is")
        raise ShipshapeError(f"its answer is no JSON, but {said.partition(';')[0]}. Give the address of the API.")
    found = answer
    for name in items.split(".") if items else ():
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, list):
        raise ShipshapeError(f"there is no list {_place(items)}. {_where_lists_stand(answer)}")
    if any(not isinstance(row, Mapping) for row in found):
        raise ShipshapeError(f"the list {_place(items)} has rows that are no objects, so it is not one of credentials.")
    if _is_part(answer, response.headers, len(found), (items or "").split(".")):
        raise ShipshapeError(
            f"it lists {len(found)} credentials and says that there are more. A part of them is not worked on: give an"
            " address in api.url that lists them all."
        )
    return found


def field_problems(rows: Sequence[Row], fields: Mapping[str, str], wanted: Iterable[str]) -> Iterator[str]:
    """What the rows lack of the fields that every one needs, and of those that at least one should have."""
    for word in _NEEDED:
        lacking = next((row for row in rows if fields[word] not in row), None)
        if lacking is not None:
            yield _lacks(word, fields[word], lacking)
    for word in wanted:
        if word not in _NEEDED and rows and not any(fields[word] in row for row in rows):
            yield _lacks(word, fields[word], rows[0])


def id_problems(rows: Sequence[Row], fields: Mapping[str, str]) -> Iterator[str]:
    """Why the rows cannot be told apart."""
    ids = [row[fields["id"]] for row in rows]
    if not all(map(is_id, ids)):
        yield f"{fields['id']} of a row is no whole number and no text: name the right field in api.fields.id."
    elif len(set(map(str, ids))) < len(ids):
        yield f"two rows have the same {fields['id']}: name the right field in api.fields.id."


def credential_of(row: Row, fields: Mapping[str, str]) -> Credential:
    """What a row is, without any key."""
    return Credential(
        id=id_of(row, fields),
        name=_text(row[fields["name"]]),
        provider=_text(row[fields["provider"]]),
        priority=_whole(row[fields["priority"]]),
        # As JavaScript takes what is no boolean.
        is_active=bool(row.get(fields["active"], True)),
        is_global=bool(row.get(fields["global"], True)),
        user=row.get(fields["user"]),
        endpoint=row.get(fields["endpoint"]),
        rate_limit=_whole(row.get(fields["rate_limit"])),
        has_key=shown_in(row, fields["key"], "key").exists,
    )


def id_of(row: Row, fields: Mapping[str, str]) -> Id:
    """What the API calls the row by."""
    found: Id = row[fields["id"]]
    return found


def is_id(value: object) -> bool:
    """Whether something can be called by this."""
    return value != "" and isinstance(value, (int, str)) and not isinstance(value, bool)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _whole(value: object) -> int | None:
    """Node gives the large whole numbers of databases as text."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _lacks(word: str, name: str, row: Row) -> str:
    return f"a row has no {name}, but {_names(row)}: name the field of the {word} in api.fields.{word}."


def _names(row: Row) -> str:
    return ", ".join([*list(row)[:_MOST_NAMES], *(["more"] if len(row) > _MOST_NAMES else [])]) or "nothing"


def _place(items: str | None) -> str:
    return f"at {items} in its answer" if items else "as its answer"


def _where_lists_stand(answer: object) -> str:
    places = list(_lists_in(answer))
    if places:
        return f"Say in api.items where it stands: {' or '.join(places)}."
    if isinstance(answer, list):
        return "The whole answer is a list: leave out api.items."
    held = f"what it answers has {_names(answer)}" if isinstance(answer, Mapping) else "what it answers is no object"
    return f"Give the address of the collection in api.url: {held}."


def _lists_in(value: object) -> Iterator[str]:
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, list):
            yield name
        yield from (f"{name}.{place}" for place in _lists_in(inner))


def _is_part(answer: object, headers: Mapping[str, str], count: int, above: Sequence[str]) -> bool:
    if _NEXT.search(headers.get("link", "")):
        return True
    told = [*_told_beside(answer, above), ("totalcount", headers.get("x-total-count"))]
    return any(
        (_COUNTS_ALL.fullmatch(name) and (_whole(value) or 0) > count)
        or (_COUNTS_PAGES.fullmatch(name) and (_whole(value) or 0) > 1)
        or (_LEADS_ON.fullmatch(name) and value)
        for name, value in told
    )


def _told_beside(value: object, above: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """What an answer says of the list: above it, and in what is commonly beside it."""
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        plain = re.sub(r"[\W_]", "", name).casefold()
        yield plain, inner
        if name in above or _TELLS_OF_LIST.fullmatch(plain):
            yield from _told_beside(inner, above)
