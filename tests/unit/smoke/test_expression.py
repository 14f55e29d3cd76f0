# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expression import (
    ExpressionError,
    expanded,
    names_in,
)

CANARY = "canary"

VARIABLES: Mapping[str, object] = {
    "id": 7,
    "half": 0.5,
    "token": CANARY,
    "ready": True,
    "broken": False,
    "nothing": None,
    "reply": {"id": 4, "items": [{"name": "a"}], "a.b": 1},
    "größe": 3,
    "huge": 10**200,
    "large": 10**99,
    "tickets": 2,
    "_a1": 5,
}

TEXTS = st.one_of(st.text(max_size=30), st.text(alphabet="${}+-*/() .ab1_", max_size=30))
DATA = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=10,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (7, 7),
        (None, None),
        ("${id}", 7),
        ("${ id }", 7),
        ("${(id)}", 7),
        ("${nothing}", None),
        ("${reply}", VARIABLES["reply"]),
        ("${reply.id}", 4),
        ("${reply.items.0.name}", "a"),
        ("${reply.a.b}", 1),
        ("${größe}", 3),
        ("${tickets + 1}", 3),
        ("${tickets+1}", 3),
        ("${1 + 2 * 3}", 7),
        ("${(1 + 2) * 3}", 9),
        ("${10 - 3 - 2}", 5),
        ("${100 / 10 / 5}", 2),
        ("${2 * 3 - 4 / 2}", 4),
        ("${7 / 2}", 3.5),
        ("${half / 0.25}", 2.0),
        ("${id * 0 + 0 - 0}", 0),
        ("${1.5 * 2}", 3.0),
        ("${half + id}", 7.5),
        (f"${{{'(' * 20}1{')' * 20}}}", 1),
        (f"${{{'1+' * 99}10}}", 109),
        ("${_a1}", 5),
        ("/things/${id}", "/things/7"),
        ("/things/${id}/${token}", f"/things/7/{CANARY}"),
        ("${id}${id}", "77"),
        (" ${id}", " 7"),
        ("/pages/${6 / 2}", "/pages/3"),
        ("is ${ready} or ${broken}, ${half}", "is true or false, 0.5"),
        ("$${id}", "${id}"),
        ("a $${ and ${id}", "a ${ and 7"),
        ("$id $ {id} }", "$id $ {id} }"),
        ("$", "$"),
        ({"a": ["${id}", {"b": "x${id}"}]}, {"a": [7, {"b": "x7"}]}),
        ({"${id}": "${id}", 5: "$${"}, {"7": 7, 5: "${"}),
        ({"x-${token}": 1}, {f"x-{CANARY}": 1}),
    ],
)
def test_expression_has_its_value(value: object, expected: object) -> None:
    found = expanded(value, VARIABLES)
    assert (found, type(found)) == (expected, type(expected))


def test_value_of_a_variable_is_no_expression() -> None:
    assert expanded(["${a}", "x${a}"], {"a": "${b}"}) == ["${b}", "x${b}"]


NO_END = "An expression ${…} is not understood: it has no }. Write $${ where no expression is meant."
NO_TERM = (
    "An expression ${…} is not understood: a number, a name or ( is missing. Write $${ where no expression is meant."
)
NO_SIGN = (
    "An expression ${…} is not understood: +, -, * or / is missing between two of its parts. "
    "Write $${ where no expression is meant."
)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("a${id", NO_END),
        ("${", NO_END),
        ("${}", NO_TERM),
        ("${  }", NO_TERM),
        ("${id +}", NO_TERM),
        ("${+ id}", NO_TERM),
        ("${-1}", NO_TERM),
        ("${id + * id}", NO_TERM),
        ("${()}", NO_TERM),
        ("${!}", NO_TERM),
        ("${²}", NO_TERM),
        ("${id id}", NO_SIGN),
        ("${2a}", NO_SIGN),
        ("${id.}", NO_SIGN),
        ("${id)}", NO_SIGN),
        ("${id % 2}", NO_SIGN),
        ("${a ${b}", NO_SIGN),
        (
            "${(id + 1}",
            "An expression ${…} is not understood: a ) is missing. Write $${ where no expression is meant.",
        ),
        (
            f"${{{'(' * 21}1{')' * 21}}}",
            "An expression ${…} is not understood: it has more than 20 parentheses in each other. "
            "Write $${ where no expression is meant.",
        ),
        (
            f"${{{'1' * 201}}}",
            "An expression ${…} is not understood: it has more than 200 characters. "
            "Write $${ where no expression is meant.",
        ),
    ],
)
def test_expression_that_is_not_understood_is_refused(value: str, told: str) -> None:
    for place in (value, [value], {"a": value}, {value: "a"}):
        with pytest.raises(ExpressionError) as found:
            names_in(place)
        assert found.value.message == told
        with pytest.raises(ExpressionError) as found:
            expanded(place, {**VARIABLES, "a": 1})
        assert found.value.message == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("${tikets}", "There is no variable tikets. Did you mean tickets?"),
        (
            "${zzzzzz.id}",
            "There is no variable zzzzzz. Known are: _a1, broken, größe, half, huge, id, large, nothing, ready, "
            "reply, tickets, token.",
        ),
        ("${reply.name}", "${reply.name}: there is no reply.name in what was saved."),
        ("${reply.items.1}", "${reply.items.1}: there is no reply.items.1 in what was saved."),
        ("${token.a}", "${token.a}: there is no token.a in what was saved."),
        ("${id / 0}", "${id / 0}: this divides by zero."),
        ("${id / (half - 0.5)}", "${id / (half - 0.5)}: this divides by zero."),
        ("${token + 1}", "${token + 1}: + takes two numbers of at most 1e+100, and no text is one."),
        ("${1 * token}", "${1 * token}: * takes two numbers of at most 1e+100, and no text is one."),
        ("${ready + 1}", "${ready + 1}: + takes two numbers of at most 1e+100, and no text is one."),
        ("${nothing - 1}", "${nothing - 1}: - takes two numbers of at most 1e+100, and no text is one."),
        ("${huge - 1}", "${huge - 1}: - takes two numbers of at most 1e+100, and no text is one."),
        ("${large * large}", "${large * large}: the result is greater than 1e+100."),
        ("x${reply}", "${reply}: only texts, numbers, true and false can be a part of a text."),
        ("x${nothing}", "${nothing}: only texts, numbers, true and false can be a part of a text."),
        ("x${huge}", "${huge}: only texts, numbers, true and false can be a part of a text."),
        ({"${id}": 1, "7": 2}, "Two keys of one mapping are the same once their expressions have values."),
    ],
)
def test_expression_without_a_value_is_refused(value: object, told: str) -> None:
    names_in(value)
    with pytest.raises(ExpressionError) as found:
        expanded(value, VARIABLES)
    assert found.value.message == told
    assert CANARY not in str(found.value)


def test_unknown_name_where_no_name_is_known() -> None:
    with pytest.raises(ExpressionError) as found:
        expanded("${id}", {})
    assert found.value.message == "There is no variable id. None is known here."


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("plain", set()),
        (7, set()),
        ("$${id}", set()),
        ("${1 + 2}", set()),
        ("${id}", {"id"}),
        ("${reply.id}", {"reply"}),
        ("/${a}/${b * (c + 1)}?d", {"a", "b", "c"}),
        ({"${a}": ["${b}", {"c": "${d.e}"}], "f": None}, {"a", "b", "d"}),
    ],
)
def test_names_of_a_value(value: object, names: set[str]) -> None:
    assert names_in(value) == names


@given(DATA)
def test_value_without_expressions_is_itself(value: object) -> None:
    if "${" not in repr(value):
        assert expanded(value, {}) == value
        assert names_in(value) == set()


@given(TEXTS)
def test_doubled_sign_stands_for_the_characters(text: str) -> None:
    doubled = text.replace("${", "$${")
    assert expanded(doubled, {}) == text
    assert names_in(doubled) == set()


def refusal(act: Callable[[], object]) -> str | None:
    """What the error says, or None if there is none."""
    try:
        act()
    except ExpressionError as error:
        return error.message
    return None


@given(DATA, DATA)
def test_nothing_but_the_error_comes_out_of_any_value(value: object, variable: object) -> None:
    variables = {"a": variable, "b": 10**99, "ab": 0.5}
    not_understood = refusal(lambda: names_in(value))
    without_value = refusal(lambda: expanded(value, variables))
    if not_understood is not None:
        assert not_understood.endswith("where no expression is meant.")
        assert without_value is not None
    elif without_value is None:
        assert names_in(value) <= variables.keys()


@given(
    st.recursive(
        st.sampled_from(["1", "2.5", "a", "b", "30"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*/"), inner).map(" ".join), inner.map("({})".format)
        ),
        max_leaves=12,
    )
)
def test_arithmetic_is_that_of_python(text: str) -> None:
    variables = {"a": 3, "b": 0.5}
    expression = f"${{{text}}}"
    if told := refusal(lambda: expanded(expression, variables)):
        assert "divides by zero" in told or text.count("(") > 20
        return
    found = expanded(expression, variables)
    expected = eval(text, {}, {**variables})  # noqa: S307  # It is made of numbers and signs alone.
    assert found == pytest.approx(expected)
