# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module is given. This module is private to the collection."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.columns import COLUMNS
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.credential import Declared
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.database import Place
from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.plan import Wanted
from ansible_collections.shipshape.webapp.plugins.module_utils._database import options as database_options
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import (
    every_form,
    headers_of,
    secrets_in,
    secrets_of_identity,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Request, Trust

if TYPE_CHECKING:
    from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import Api

STATES = ("present", "absent", "active", "inactive")

_STEP = 10
# What the whole numbers of all engines can hold.
_HIGHEST = 2**31 - 1
_WHOLE = re.compile(r"\s*[0-9]{1,10}\s*")

_NO_VALUES = ("state", "name")


def credentials_argument_spec() -> ArgumentSpec:
    """The options of the module."""
    api = {
        "url": {"type": "str", "required": True},
        "bearer": {"type": "str", "no_log": True},
        "basic": {
            "type": "dict",
            "options": {
                "user": {"type": "str", "required": True},
                "password": {"type": "str", "required": True, "no_log": True},
            },
        },
        "headers": {"type": "dict", "no_log": True},
        "ca": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 10},
        "update_method": {"type": "str", "choices": ["PATCH", "PUT"], "default": "PUT"},
        "items": {"type": "str"},
        "fields": {"type": "dict", "default": {}},
    }
    credential = {
        "name": {"type": "str", "required": True},
        "state": {"type": "str", "choices": list(STATES), "default": "present"},
        "provider": {"type": "str"},
        "priority": {"type": "raw"},
        "key": {"type": "str", "no_log": True},
        "secret": {"type": "str", "no_log": True},
        "endpoint": {"type": "str"},
        "rate_limit": {"type": "int"},
        "global": {"type": "bool"},
        "user": {"type": "str"},
    }
    return ArgumentSpec(
        {
            **database_options.database_argument_spec().options,
            "database": {"type": "str", "no_log": True},
            "lock_timeout": {"type": "int", "default": 10},
            "table": {"type": "str", "default": "api_credentials"},
            "columns": {"type": "dict", "default": {}},
            "api": {"type": "dict", "no_log": True, "options": api, "mutually_exclusive": [["bearer", "basic"]]},
            "priorities": {"type": "dict"},
            "order": {"type": "list", "elements": "str"},
            "only_default": {"type": "bool", "default": False},
            "credentials": {"type": "list", "elements": "dict", "no_log": True, "options": credential, "default": []},
            "update_keys": {"type": "bool", "default": False},
            "strict": {"type": "bool", "default": False},
            "allow_ties": {"type": "bool", "default": False},
            "verify": {"type": "bool", "default": False},
        }
    )


def wanted_of(params: Mapping[str, Any]) -> Wanted:
    """What the options declare. Raises InvalidInput, which tells all that is wrong with any of them."""
    problems = [*_place_problems(params), *_wish_problems(params)]
    priorities = _priorities(params, problems)
    credentials = [_declared(given, problems) for given in params["credentials"]]
    if not params["allow_ties"]:
        problems += _ties(_together(priorities, credentials))
    if problems:
        raise InvalidInput("The options", problems)
    return Wanted(
        priorities=priorities,
        credentials=credentials,
        only_default=params["only_default"],
        strict=params["strict"],
        update_keys=params["update_keys"],
    )


def place_of(params: Mapping[str, Any], wanted: Wanted) -> Place:
    """The table that the options mean."""
    given = {word for one in wanted.credentials for word in one.values}
    has_activity = any(one.state in ("active", "inactive") for one in wanted.credentials)
    return Place(
        address=database_options.address_of(params),
        table=params["table"],
        columns={**COLUMNS, **params["columns"]},
        needed={*given, *params["columns"], *(["active"] if has_activity else [])},
        lock_timeout=params["lock_timeout"],
    )


def api_of(params: Mapping[str, Any]) -> Api:
    """The API that the options mean."""
    # Not above: a host compiles everything that a module imports.
    from ansible_collections.shipshape.webapp.plugins.module_utils._credentials.api import FIELDS, Api

    given = params["api"]
    return Api(
        url=given["url"],
        headers=headers_of(given),
        trust=Trust(given["ca"], given["validate_certs"]),
        timeout=given["timeout"],
        update_method=given["update_method"],
        items=given["items"],
        fields={**FIELDS, **given["fields"]},
        secrets=secrets_of(params),
    )


def shown_place(params: Mapping[str, Any]) -> str:
    """Where the credentials are, without any secret."""
    if params["database"]:
        return f"{database_options.address_of(params)} {params['table']}"
    return str(Request("", params["api"]["url"])).strip()


def secrets_of(params: Mapping[str, Any]) -> list[str]:
    """What of these options nobody may see, in every form in which it may come back."""
    api = params["api"] or {}
    keys = [given[word] for given in params["credentials"] for word in ("key", "secret") if given[word]]
    of_database = database_options.secrets_of(params) if params["database"] else [params["database_password"] or ""]
    identity = {word: api[word] for word in ("bearer", "basic", "headers") if api.get(word)}
    of_api = [
        *secrets_in(api.get("url")),
        *secrets_of_identity(identity),
        *secrets_in(headers_of(identity), is_secret=True),
    ]
    return [*of_database, *every_form([*keys, *of_api])]


def _place_problems(params: Mapping[str, Any]) -> Iterator[str]:
    api = params["api"] or {}
    if not params["database"] and not api:
        yield "Give database, or api: where the credentials are."
    if params["verify"] and not api:
        yield "verify: give api, of which it asks."
    if params["lock_timeout"] < 0:
        yield "lock_timeout: give a number of seconds from 0 on."
    if api and not 0 < api["timeout"] < _HIGHEST:
        yield "api.timeout: give a number of seconds above 0."
    if api and not _is_address(api["url"]):
        yield "api.url: begin it with http:// or https:// and a host."
    known = [word for word in COLUMNS if not word.endswith("_at")]
    yield from _name_problems("columns", params["columns"], COLUMNS)
    yield from _name_problems("api.fields", api.get("fields") or {}, known)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _name_problems(option: str, names: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    for word, name in names.items():
        if word not in known:
            yield f"{option}.{word}: there is no such word. {did_you_mean(str(word), known)}"
        elif not isinstance(name, str) or not name:
            yield f"{option}.{word}: give a name."


def _wish_problems(params: Mapping[str, Any]) -> Iterator[str]:
    if params["priorities"] and params["order"]:
        yield "Give priorities or order: both say the same."
    if not (params["priorities"] or params["order"] or params["credentials"]):
        yield "Give priorities, order or credentials: what is to be so."
    yield from (f"order: {provider} is there twice." for provider in _twice(params["order"] or ()))
    names = [given["name"] for given in params["credentials"]]
    yield from (f"credentials: {name} is there twice." for name in _twice(names))


def _priorities(params: Mapping[str, Any], problems: list[str]) -> dict[str, int]:
    if params["order"]:
        return {provider: _STEP * place for place, provider in enumerate(params["order"], 1)}
    given = params["priorities"] or {}
    return {str(provider): _priority(value, f"priorities.{provider}", problems) for provider, value in given.items()}


def _declared(given: Mapping[str, Any], problems: list[str]) -> Declared:
    name, state = given["name"], given["state"]
    place = f"credentials.{name}"
    values = {word: value for word, value in given.items() if value is not None and word not in _NO_VALUES}
    if not name:
        problems.append("credentials: give each a name.")
    if values.get("provider") == "":
        problems.append(f"{place}.provider: give a name.")
    if "priority" in values:
        values["priority"] = _priority(values["priority"], f"{place}.priority", problems)
    if values.get("rate_limit", 0) < 0:
        problems.append(f"{place}.rate_limit: give a whole number from 0 on.")
    if values.get("global") and "user" in values:
        problems.append(f"{place}: give global or user: what is for everybody is nobody's own.")
    if "user" in values and _WHOLE.fullmatch(values["user"]):
        values["user"] = int(values["user"])
    return Declared(name, state, values)


def _priority(value: object, place: str, problems: list[str]) -> int:
    """The number, which a template may have made a text of."""
    number = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _HIGHEST:
        return number
    problems.append(f"{place}: give a whole number from 0 to {_HIGHEST}.")
    return -1


def _together(priorities: Mapping[str, int], credentials: Sequence[Declared]) -> Iterator[tuple[int, str]]:
    """Which priority is given to which provider, as far as that is known before anything is read."""
    yield from ((priority, provider) for provider, priority in priorities.items())
    for one in credentials:
        is_for_all = one.state in ("present", "active") and one.values.get("user") is None
        if is_for_all and one.values.get("global") is not False and {"provider", "priority"} <= set(one.values):
            yield one.values["priority"], one.values["provider"]


def _ties(given: Iterable[tuple[int, str]]) -> Iterator[str]:
    by_priority: dict[int, dict[str, None]] = {}
    for priority, provider in given:
        by_priority.setdefault(priority, {})[provider] = None
    for priority, providers in by_priority.items():
        if priority >= 0 and len(providers) > 1:
            yield (
                f"{' and '.join(providers)} have the same priority {priority}: give each its own, or say allow_ties."
            )


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
