# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.shipshape.webapp.plugins.module_utils._dotenv.schema import declares_secret, parse_schema
from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput


def test_order_and_inferred_types() -> None:
    fields = parse_schema({"B": {"choices": ["x"]}, "A": None, "C": {"type": "port", "default": 3000}})
    assert [(field.name, field.type) for field in fields.values()] == [("B", "choice"), ("A", "string"), ("C", "port")]


@pytest.mark.parametrize(
    ("name", "limits", "problem"),
    [
        ("my-key", {}, "schema.my-key: is no name of an environment variable"),
        ("1A", {}, "is no name"),
        ("A", "port", "schema.A: is not a dictionary"),
        ("A", {"type": "prot"}, "schema.A.type: there is no such type. Did you mean port?"),
        ("A", {"type": "xyzzy"}, "Known are: boolean, choice, email"),
        ("A", {"requierd": True}, "schema.A.requierd: is not known. Did you mean required?"),
        ("A", {"type": "port", "min_entropy": 3}, "schema.A.min_entropy: does not go with type port."),
        ("A", {"type": "choice"}, "schema.A.choices: is required by type choice."),
        ("A", {"choices": []}, "schema.A.choices: is not a list of words."),
        ("A", {"choices": [{}]}, "schema.A.choices: is not a list of words."),
        ("A", {"required": "yes"}, "schema.A.required: is not true or false."),
        ("A", {"type": 3}, "there is no such type"),
        ("A", {"min_length": 0}, "schema.A.min_length: is not a whole number above 0."),
        ("A", {"min_length": True}, "schema.A.min_length: is not a whole number above 0."),
        ("A", {"type": "integer", "min": "1"}, "schema.A.min: is not a number."),
        ("A", {"type": "integer", "min": 2, "max": 1}, "schema.A.min: is greater than its counterpart max."),
        ("A", {"min_length": 2, "max_length": 1}, "schema.A.min_length: is greater than its counterpart max_length."),
        ("A", {"pattern": "("}, "schema.A.pattern: is not a regular expression"),
        ("A", {"type": "secret", "encoding": "hax"}, "schema.A.encoding: is not one of auto, base64, hex, plain."),
        ("A", {"type": "list", "separator": "a"}, "schema.A.separator: is not one mark"),
        ("A", {"type": "list", "separator": ", "}, "schema.A.separator: is not one mark"),
        ("A", {"description": "two\nlines"}, "schema.A.description: is not one line"),
        ("A", {"description": "ends in \\"}, "schema.A.description: is not one line"),
        ("A", {"type": "port", "default": 0}, "schema.A.default: is not a port"),
        ("A", {"type": "secret", "default": "hunter22"}, "schema.A.default: a secret has none"),
        ("A", {"secret": True, "default": "hunter22"}, "schema.A.default: a secret has none"),
        ("A", {"type": "url", "default": "redis://:hunter22@x"}, "schema.A.default: a secret has none"),
        ("A", {"default": "changeme"}, "schema.A.default: is still a placeholder"),
    ],
)
def test_mistake_is_told_with_its_place(name: str, limits: object, problem: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_schema({name: limits})
    assert problem in refusal.value.message
    assert "hunter22" not in refusal.value.message


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_schema({"A": {"type": "prot"}, "B": {}, "C": {"min": 1}})
    assert refusal.value.details["problems"] == [
        "schema.A.type: there is no such type. Did you mean port?",
        "schema.C.min: does not go with type string.",
    ]


@pytest.mark.parametrize(
    ("limits", "is_secret"),
    [
        (None, False),
        ({}, False),
        ({"type": "port"}, False),
        ({"choices": ["a"]}, False),
        ({"type": "secret"}, True),
        ({"secret": True}, True),
        ({"typ": "secret"}, True),
        ({"type": "sceret"}, True),
        ("secret", True),
    ],
)
def test_a_doubtful_declaration_counts_as_secret(limits: object, is_secret: bool) -> None:
    assert declares_secret(limits) is is_secret
