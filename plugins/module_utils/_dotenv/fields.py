# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The types of a value and what each accepts. This module is private to the collection.

A type turns what the user gave into the text of the environment file, or says why it cannot. What it says never holds
the value, because any value can be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import SplitResult, urlsplit

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv import placeholders, strength


class Unfit(ValueError):
    """A value is not what its field asks for; the text continues a sentence that begins with the field's name."""


@dataclass(frozen=True)
class Field:
    """One variable of the schema. A limit that its type does not know is None."""

    name: str
    type: str = "string"
    description: str | None = None
    required: bool = False
    default: object = None
    secret: bool = False
    refuse: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min: Decimal | None = None
    max: Decimal | None = None
    scheme: tuple[str, ...] = ()
    separator: str = ","
    absolute: bool = False
    min_entropy: int | None = None
    encoding: str = "auto"
    generate: bool = False

    def text(self, value: object) -> str:
        """The value as it stands in the environment file."""
        # First, so that a forgotten placeholder is called that, not a bad port or a weak secret.
        _refuse_known(value, self)
        text = TYPES[self.type].text(value, self)
        if text == "" and (self.required or self.type != "string"):
            raise Unfit("is empty.")
        _check_text(text, self)
        return text

    def hides(self, text: str) -> bool:
        """Whether nobody may see this value of the field: a URL that carries a password is a secret too."""
        if self.type == "secret" or self.secret:
            return True
        parts = _split_url(text) if self.type == "url" else None
        return bool(parts and parts.password)


@dataclass(frozen=True)
class Type:
    """How a type reads a value, and which limits a field of it may carry beside the common ones."""

    text: Callable[[object, Field], str]
    limits: frozenset[str] = frozenset()


def _refuse_known(value: object, field: Field) -> None:
    for text in value if isinstance(value, (list, tuple)) else [value]:
        is_forgotten = placeholders.is_placeholder if field.type == "secret" else placeholders.holds_placeholder
        if is_forgotten(str(text)):
            raise Unfit("is still a placeholder: give the real value.")
        if str(text).strip().casefold() in {published.casefold() for published in field.refuse}:
            raise Unfit("is a published default that the schema refuses: give one of your own.")


def _check_text(text: str, field: Field) -> None:
    if field.min_length is not None and len(text) < field.min_length:
        raise Unfit(f"is shorter than {field.min_length} characters.")
    if field.max_length is not None and len(text) > field.max_length:
        raise Unfit(f"is longer than {field.max_length} characters.")
    if field.pattern is not None:
        parts = text.split(field.separator) if field.type == "list" else [text]
        if not all(re.fullmatch(field.pattern, part) for part in parts):
            raise Unfit(f'does not match the pattern "{field.pattern}".')


def _scalar(value: object, expected: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise Unfit(f"is not {expected}.")


def _string(value: object, field: Field) -> str:
    return _scalar(value, "a string")


def _integer(value: object, field: Field) -> str:
    text = _scalar(value, "a whole number").strip()
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]+", text):
        raise Unfit("is not a whole number.")
    _check_range(Decimal(text), field)
    return str(int(text))


def _number(value: object, field: Field) -> str:
    text = _scalar(value, "a number").strip()
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if isinstance(value, bool) or not number.is_finite():
        raise Unfit("is not a number.")
    _check_range(number, field)
    # Not in scientific notation, which shells and many parsers do not read.
    return format(number, "f")


def _check_range(number: Decimal, field: Field) -> None:
    if field.min is not None and number < field.min:
        raise Unfit(f"is less than {field.min}.")
    if field.max is not None and number > field.max:
        raise Unfit(f"is greater than {field.max}.")


def _boolean(value: object, field: Field) -> str:
    text = _scalar(value, "true or false").strip().lower()
    if text in ("true", "yes", "on", "1"):
        return "true"
    if text in ("false", "no", "off", "0"):
        return "false"
    raise Unfit("is not true or false.")


def _url(value: object, field: Field) -> str:
    text = _scalar(value, "a URL")
    parts = _split_url(text)
    if parts is None:
        raise Unfit("is not a URL with a scheme and a host.")
    if field.scheme and parts.scheme not in field.scheme:
        raise Unfit(f"is not a URL that begins with {' or '.join(f'{scheme}:' for scheme in field.scheme)}.")
    return text


def _split_url(text: str) -> SplitResult | None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", text):
        return None
    try:
        parts = urlsplit(text)
        complete = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    # An embedded database has a path instead of a host.
    return parts if complete or (parts.scheme in ("file", "sqlite") and parts.path.strip("/")) else None


def _email(value: object, field: Field) -> str:
    text = _scalar(value, "an e-mail address").strip()
    name, at, domain = text.rpartition("@")
    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    if not at or not re.fullmatch(rf"(?:{label}\.)+{label}", domain) or len(text) > 254:
        raise Unfit("is not an e-mail address.")
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", name):
        raise Unfit("is not an e-mail address.")
    return text


def _emails(value: object, field: Field) -> str:
    addresses = []
    for position, item in enumerate(_items(value, field), start=1):
        try:
            addresses.append(_email(item, field))
        except Unfit:
            raise Unfit(f"has as its item {position} what is not an e-mail address.") from None
    return field.separator.join(addresses)


def _list(value: object, field: Field) -> str:
    items = _items(value, field)
    for position, item in enumerate(items, start=1):
        if field.separator in item:
            raise Unfit(f"has the separator {field.separator} within its item {position}.")
        if not item:
            raise Unfit(f"has nothing as its item {position}.")
    return field.separator.join(items)


def _items(value: object, field: Field) -> list[str]:
    given: Iterable[object]
    if isinstance(value, str):
        given = value.split(field.separator) if value.strip() else []
    elif isinstance(value, (list, tuple)):
        given = value
    else:
        raise Unfit("is not a list.")
    return [_scalar(item, "a list of plain values").strip() for item in given]


def _port(value: object, field: Field) -> str:
    try:
        text = _integer(value, field)
    except Unfit:
        text = "0"
    if not 1 <= int(text) <= 65535:
        raise Unfit("is not a port, a whole number from 1 to 65535.")
    return text


def _path(value: object, field: Field) -> str:
    text = _scalar(value, "a path")
    if text != text.strip():
        raise Unfit("is not a path: it begins or ends with white space.")
    if text.startswith("~") or "$" in text:
        raise Unfit("is not a plain path: neither ~ nor $ is expanded in an environment file.")
    if field.absolute and not text.startswith("/"):
        raise Unfit("is not an absolute path.")
    return text


def _choice(value: object, field: Field) -> str:
    text = _scalar(value, "one of the choices")
    if text not in field.choices:
        raise Unfit(f"is not one of {', '.join(field.choices)}.")
    return text


def _secret(value: object, field: Field) -> str:
    text = _scalar(value, "a secret")
    if text != text.strip():
        raise Unfit("begins or ends with white space, which is seldom a part of a secret.")
    if not strength.is_encoded(text, field.encoding):
        raise Unfit(f"is not {field.encoding}.")
    if field.min_entropy is not None and strength.entropy_bytes(text, field.encoding) < field.min_entropy:
        raise Unfit(f"is too weak: it holds less than {field.min_entropy} bytes of chance.")
    return text


TYPES: Mapping[str, Type] = {
    "boolean": Type(_boolean),
    "choice": Type(_choice, frozenset({"choices"})),
    "email": Type(_email, frozenset({"pattern"})),
    "emails": Type(_emails, frozenset({"separator"})),
    "integer": Type(_integer, frozenset({"min", "max"})),
    "list": Type(_list, frozenset({"pattern", "separator"})),
    "number": Type(_number, frozenset({"min", "max"})),
    "path": Type(_path, frozenset({"absolute", "pattern"})),
    "port": Type(_port),
    "secret": Type(_secret, frozenset({"min_length", "max_length", "pattern", "min_entropy", "encoding", "generate"})),
    "string": Type(_string, frozenset({"min_length", "max_length", "pattern"})),
    "url": Type(_url, frozenset({"pattern", "scheme"})),
}
