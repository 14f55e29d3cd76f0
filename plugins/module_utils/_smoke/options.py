# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module is given, as options or in a file that holds most of them.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.shipshape.webapp.plugins.module_utils._database.address import Address, parse_address
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import (
    every_form,
    headers_of,
    secrets_in,
    secrets_of_identity,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.arguments import Option, read
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.duration import seconds_of
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expression import expanded, names_in
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.report import FORMATS
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.secrets import secrets_of_checks
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import (
    VERBS,
    base_url_problems,
    header_problems,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean
from ansible_collections.shipshape.webapp.plugins.module_utils._types import Trust

# What a whole suite can say, in a file or in checks itself; options of the module are stronger.
_OF_A_SUITE: Mapping[str, Option] = {
    **dict.fromkeys(("base_url", "ca", "database", "database_password"), Option()),
    **dict.fromkeys(("identities", "vars"), Option("mapping")),
    **dict.fromkeys(("checks", "timeout"), Option("any")),
    "secrets": Option("list"),
    "validate_certs": Option("flag"),
}
_OF_AN_IDENTITY = ("basic", "bearer", "headers")


def smoke_argument_spec() -> ArgumentSpec:
    """The options of the module."""
    return ArgumentSpec(
        {
            "checks": {"type": "raw", "required": True, "no_log": True},
            "base_url": {"type": "str"},
            "database": {"type": "str", "no_log": True},
            "database_password": {"type": "str", "no_log": True},
            "identities": {"type": "dict", "no_log": True},
            "vars": {"type": "dict", "no_log": True},
            "secrets": {"type": "list", "elements": "str", "no_log": True},
            "ca": {"type": "path"},
            "validate_certs": {"type": "bool"},
            "timeout": {"type": "str"},
            "only_tags": {"type": "list", "elements": "str", "default": []},
            "except_tags": {"type": "list", "elements": "str", "default": []},
            "report": {"type": "dict", "default": {}, "options": {form: {"type": "path"} for form in FORMATS}},
            "memory": {"type": "path"},
            "record": {"type": "bool", "default": False},
        }
    )


@dataclass(frozen=True)
class Request:
    """All that is asked for."""

    checks: list[Any] = field(repr=False)
    base_url: str | None
    database: Address | None
    # As they are written: a token can be what a check saves.
    identities: Mapping[str, Mapping[str, Any]] = field(repr=False)
    variables: Mapping[str, Any] = field(repr=False)
    secrets: list[str] = field(repr=False)
    trust: Trust
    timeout: float
    only_tags: list[str]
    except_tags: list[str]
    report: Mapping[str, str]
    memory: str | None
    record: bool


def request_of(params: Mapping[str, Any], load: Callable[[str], object]) -> Request:
    """What the options ask for, with the words of a whole suite where they are silent. Raises InvalidInput."""
    problems: list[str] = []
    given = _together(params, load, problems)
    variables = given.get("vars", {})
    if not isinstance(variables, Mapping):
        problems.append("vars: this is no mapping of names to values.")
        variables = {}
    for word in ("base_url", "ca", "database", "timeout"):
        try:
            given[word] = expanded(given.get(word), variables)
        except ShipshapeError as error:
            given[word] = None
            problems.append(f"{word}: {error.message}")
    problems += [f"{word}: this is no text." for word in ("base_url", "ca", "database") if not _is_text(given[word])]
    if isinstance(given["base_url"], str):
        problems += base_url_problems({VERBS[0]: "/"}, given["base_url"])
    identities = given.get("identities") or {}
    problems += _identity_problems(identities, variables)
    if not isinstance(given.get("checks"), list):
        problems.append("checks: this is no list of checks, and no path of a file that holds one.")
    timeout = _seconds(given["timeout"])
    if not timeout:
        problems.append("timeout: this is no span of time such as 500ms, 10s or 1m.")
    if given["record"] and not given.get("memory"):
        problems.append("record: name a file in memory, in which the numbers are kept.")
    report = {form: path for form, path in given["report"].items() if path}
    problems += _path_problems({"memory": given.get("memory"), **{f"report.{form}": report[form] for form in report}})
    database = _database(given, problems)
    if problems:
        raise InvalidInput("The suite", problems)
    return Request(
        checks=given["checks"],
        base_url=given["base_url"],
        database=database,
        identities=identities,
        variables=variables,
        secrets=secrets_of(given),
        trust=Trust(given["ca"], given.get("validate_certs") is not False),
        timeout=timeout or 0,
        only_tags=given["only_tags"],
        except_tags=given["except_tags"],
        report=report,
        memory=given.get("memory"),
        record=given["record"],
    )


def secrets_of(given: Mapping[str, Any]) -> list[str]:
    """What of these options nobody may see, in every form in which it may come back."""
    # The suite can stand there as a whole.
    checks = given.get("checks")
    parts = [given, checks] if isinstance(checks, Mapping) else [given]
    variables = [part["vars"] for part in parts if isinstance(part.get("vars"), Mapping)]
    known = {name: value for one in variables for name, value in one.items()}
    found = [text for part in parts for text in _secrets_of(part, known)]
    named = {name for text in found for name in _names(text)}
    behind = [value for one in variables for name, value in one.items() if name in named]
    return every_form([*found, *secrets_in(behind, is_secret=True)])


def secrets_shown(identities: object, variables: Mapping[str, Any]) -> Iterator[str]:
    """What identities send once their expressions have these values."""
    for identity in identities.values() if isinstance(identities, Mapping) else ():
        yield from secrets_of_identity(identity)
        try:
            sent = expanded(identity, variables)
        except ShipshapeError:
            # It shows what nobody has saved yet, or something that is refused.
            continue
        if not list(_identity_problems({"": sent}, {})):
            yield from secrets_in(headers_of(sent), is_secret=True)


def _secrets_of(given: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    for word in ("secrets", "database_password"):
        yield from secrets_in(given.get(word), is_secret=True)
    for word in ("base_url", "database", "vars"):
        yield from secrets_in(given.get(word))
    yield from secrets_of_checks(given.get("checks"))
    yield from secrets_shown(given.get("identities"), variables)


def _names(text: str) -> set[str]:
    try:
        return names_in(text)
    except ShipshapeError:
        # A password can look like half an expression.
        return set()


def _together(params: Mapping[str, Any], load: Callable[[str], object], problems: list[str]) -> dict[str, Any]:
    given = {name: value for name, value in params.items() if value is not None}
    suite = given.get("checks")
    if isinstance(suite, str):
        problems += _path_problems({"checks": suite})
        suite = {} if problems else load(suite)
        if not isinstance(suite, Mapping):
            problems.append("checks: the file holds no mapping with the key checks.")
    if not isinstance(suite, Mapping):
        return given
    words, told = read(_OF_A_SUITE, suite, "checks")
    problems += told
    of_suite = {name: value for name, value in words.items() if value is not None}
    both = {
        # Each name by itself is stronger.
        word: {**of_suite[word], **given.get(word, {})}
        for word in ("identities", "vars")
        if isinstance(of_suite.get(word), Mapping)
    }
    return {**of_suite, **given, **both, "checks": of_suite.get("checks")}


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


def _seconds(given: object) -> float | None:
    """Ansible makes a text of a bare number of seconds."""
    return seconds_of(10 if given is None else given) or seconds_of(f"{given}s")


def _path_problems(paths: Mapping[str, str | None]) -> list[str]:
    return [
        f"{word}: the path is not absolute: which file it is depends on who runs the module."
        for word, path in paths.items()
        if path is not None and not path.startswith("/")
    ]


def _database(given: Mapping[str, Any], problems: list[str]) -> Address | None:
    if not isinstance(given["database"], str):
        return None
    try:
        return parse_address(given["database"], given.get("database_password"))
    except InvalidInput as error:
        problems += [f"database: {problem}" for problem in error.details["problems"]]
        return None


def _identity_problems(identities: object, variables: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(identities, Mapping):
        yield "identities: this is no mapping of names to identities."
        return
    for name, written in identities.items():
        place = f"identities.{name}"
        try:
            # What a check has to save first is looked at when it is there.
            identity = expanded(written, variables) if names_in(written) <= set(variables) else written
        except ShipshapeError as error:
            yield f"{place}: {error.message}"
            continue
        if not isinstance(identity, Mapping) or not identity:
            yield f"{place}: give bearer, basic or headers."
            continue
        told = [
            f"{place}: there is no word {word}. {did_you_mean(str(word), _OF_AN_IDENTITY)}"
            for word in identity
            if word not in _OF_AN_IDENTITY
        ]
        told += _login_problems(identity, place)
        if not isinstance(identity.get("headers") or {}, Mapping):
            told.append(f"{place}.headers: this is no mapping.")
        yield from told or header_problems(place, headers_of(identity))


def _login_problems(identity: Mapping[str, Any], place: str) -> Iterator[str]:
    logins = {word: identity[word] for word in ("bearer", "basic") if word in identity}
    if len(logins) > 1:
        yield f"{place}: give bearer or basic: a request shows one of them."
    if "bearer" in logins and not _is_given(logins["bearer"]):
        yield f"{place}.bearer: give a token."
    basic = logins.get("basic", {"user": "-", "password": "-"})
    if not isinstance(basic, Mapping) or {"user", "password"} != set(basic) or not all(map(_is_given, basic.values())):
        yield f"{place}.basic: give user and password."


def _is_given(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and value != ""
