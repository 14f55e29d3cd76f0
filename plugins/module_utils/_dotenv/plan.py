# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an environment file is to hold, and how that differs from what it holds.

This module is private to the collection.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.fields import Field, Unfit
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import declares_secret, is_name
from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.text import (
    Inexpressible,
    Parsed,
    misread,
    quote,
    render,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

UNKNOWN = ("refuse", "keep", "drop")


@dataclass(frozen=True)
class Plan:
    """The wanted content of the file, beside what npm's dotenv reads from the present one."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    generated: frozenset[str]
    dropped: tuple[str, ...]
    fields: Mapping[str, Field]

    @property
    def content(self) -> str:
        """The file as it is to be written."""
        return render(self.after, _comments(self.fields))

    @property
    def changes(self) -> dict[str, list[str]]:
        """The names that come, change and go."""
        return {
            "added": [name for name in self.after if name not in self.before],
            "changed": [name for name in self.after if self.before.get(name, self.after[name]) != self.after[name]],
            "removed": [name for name in self.before if name not in self.after],
        }

    @property
    def shareable(self) -> dict[str, str]:
        """The secrets that a fleet can have in common: those that a host may make by itself."""
        return {name: text for name, text in self.after.items() if name in self.fields and self.fields[name].generate}

    def shown(self) -> tuple[str, str]:
        """Both contents for people: no secret is in them, and still one sees which changed."""
        before = [f"{name}={self._shown(name, text)}\n" for name, text in self.before.items()]
        after = []
        for name, text in self.after.items():
            shown = self._shown(name, text)
            if shown == _HIDDEN and name in self.generated:
                shown = "(secret, generated)"
            elif shown == _HIDDEN and self.before.get(name, text) != text:
                shown = "(secret, changed)"
            after.append(f"{name}={shown}\n")
        return "".join(before), "".join(after)

    def _shown(self, name: str, text: str) -> str:
        field = self.fields.get(name)
        if field is None or field.hides(text) or not _fits(text, field):
            return _HIDDEN
        return text


_HIDDEN = "(secret)"

_SHORTEST_MASKED = 4

_MISREAD = "is misread by npm's dotenv, because it or one before it ends in a backslash: change that or its neighbours."


def _comments(fields: Mapping[str, Field]) -> dict[str, str]:
    return {name: field.description for name, field in fields.items() if field.description}


def _fits(text: str, field: Field) -> bool:
    """Whether the text is a proper value of the field; what is not could be anything, a misplaced secret too."""
    try:
        return field.text(text) == text
    except Unfit:
        return False


def plan_environment(
    *,
    fields: Mapping[str, Field],
    values: Mapping[str, object],
    present: Parsed,
    unknown: str,
    random: Callable[[int], bytes],
    subject: str,
) -> Plan:
    """The plan, or every problem at once: by name and without the values."""
    after: dict[str, str] = {}
    generated: set[str] = set()
    problems: list[str] = []
    for name, field in fields.items():
        try:
            given, is_new = _wanted(field, values.get(name), present.values.get(name), random)
            if given is not None:
                quote(name, given)
                after[name] = given
            if is_new:
                generated.add(name)
        except (Unfit, Inexpressible) as unfit:
            problems.append(f"{name} {unfit}")
    foreign = _foreign(fields, values, present.values)
    if unknown == "keep":
        for name, value in foreign.items():
            try:
                after[name] = Field(name).text(value)
                _check_name(name)
                quote(name, after[name])
            except (Unfit, Inexpressible) as unfit:
                problems.append(f"{name} {unfit}")
    elif unknown == "refuse":
        problems.extend(_unknown_names(foreign, fields, values))
    if unknown != "drop":
        problems.extend(
            f"Line {number} of the present file is no assignment: every reader passes over it; repair or remove it."
            for number in present.strange_lines
        )
    if not problems:
        problems = [f"{name} {_MISREAD}" for name in misread(after, _comments(fields))]
    if problems:
        raise InvalidInput(subject, problems)
    dropped = tuple(foreign) if unknown == "drop" else ()
    return Plan(present.values, after, frozenset(generated), dropped, fields)


def _wanted(
    field: Field, given: object, present: str | None, random: Callable[[int], bytes]
) -> tuple[str | None, bool]:
    """The text of a field and whether it was made just now."""
    if given is not None:
        return field.text(given), False
    if field.default is not None:
        return field.text(field.default), False
    if field.generate and present is not None:
        try:
            return field.text(present), False
        except Unfit as unfit:
            raise Unfit(f"in the present file {unfit} Remove it there and a new one is made, or give one.") from None
    if field.generate:
        return _new_secret(field, random), True
    if field.required:
        raise Unfit("is required and was not given.")
    return None, False


def _new_secret(field: Field, random: Callable[[int], bytes]) -> str:
    length = max(32, field.min_entropy or 0, -(-(field.min_length or 0) // 2))
    for _attempt in range(100):
        material = random(length)
        text = base64.urlsafe_b64encode(material).decode() if field.encoding == "base64" else material.hex()
        if _fits(text, field):
            return text
    raise Unfit("cannot be generated: no random value passes its own limits; loosen its pattern or its lengths.")


def _foreign(
    fields: Mapping[str, Field], values: Mapping[str, object], present: Mapping[str, str]
) -> dict[str, object]:
    """What the schema does not know, with the given value before the one in the file."""
    together: dict[str, object] = {**present, **{name: value for name, value in values.items() if value is not None}}
    return {name: value for name, value in together.items() if name not in fields}


def _check_name(name: str) -> None:
    if not is_name(name):
        raise Unfit("is no name that a shell can read: use letters, digits and _, no digit first.")


def _unknown_names(
    foreign: Mapping[str, object], fields: Mapping[str, Field], values: Mapping[str, object]
) -> Iterator[str]:
    for name in foreign:
        if values.get(name) is not None:
            yield f"{name} is not in the schema. {did_you_mean(name, fields)}"
        else:
            yield f"{name} is in the present file and not in the schema: declare it, or set unknown to keep or drop."


def confidential_texts(schema: Mapping[str, object], values: Mapping[str, object]) -> set[str]:
    """Every string among the values that nobody may see, judged before the schema is known to be right."""
    hidden: set[str] = set()
    for name, value in values.items():
        limits = schema.get(name)
        for text in value if isinstance(value, list) else [value]:
            if text is not None and (
                name not in schema or declares_secret(limits) or Field(name, "url").hides(str(text))
            ):
                hidden.add(str(text))
    # A mask for so short a text would protect nothing and turn every sentence into a riddle.
    return {text for text in hidden if len(text) >= _SHORTEST_MASKED}
