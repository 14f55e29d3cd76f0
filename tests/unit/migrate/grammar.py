# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts made by chance, of statements that the engines accept and that nobody would write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

from tests.unit.migrate.scripts import BREAK

_T = TypeVar("_T")

_LITERALS = {
    "sqlite": ("1", "1.5", "';'", "'it''s; '", "'\\'", "x'3b'", "'--'", "'/*'", "NULL", "'END;'"),
    "postgresql": (
        *(
            "1",
            "1.5",
            "';'",
            "'it''s; '",
            "'\\'",
            "E'\\';'",
            "E'\\\\'",
            "$$;'$$",
            "$x$ $$;' $x$",
            "'--'",
            "'/*'",
            "NULL",
        ),
        *("U&'\\0061;'", "B'01'", "$END$ END; $END$", "E'a'\n'\\';'", "$1"),
    ),
    "mysql": (
        "1",
        "1.5",
        "';'",
        "'it''s; '",
        "'\\';'",
        "'\\\\'",
        '"it\'s; "',
        '"\\";"',
        "x'3b'",
        "'-- '",
        "'/*'",
        "NULL",
        "@end",
    ),
}

_NAMES = {
    "sqlite": ("a", '"a;"', '"it""s;"', "[a;]", "[it's]", "`a``;`", '"END"', "é"),
    "postgresql": ("a", '"a;"', '"it""s;"', '"it\'s;"', '"END"', "a$$", "é", 'U&"a;"'),
    "mysql": ("a", "`a;`", "`it's;`", "`a``;`", "`END`", "a$$", "é", "1st", "end", "begin"),
}

_GAPS = {
    "sqlite": (" /* ; ' /* */ ", " -- ; it's\n", ' --;"\n'),
    "postgresql": (" /* ; ' /* ; \" */ ; */ ", " -- ; it's\n", " --;$$\n", "\v"),
    "mysql": (" /* ; ' /* */ ", " -- ; it's\n", ' # ; "\n', " /* `; */ "),
}

_ENDS = (
    ";",
    ";\n",
    " ;\n\n",
    ";;",
    "; -- ; it's\n",
    "; /* ; ' */ ",
    f"\n{BREAK}\n",
    f";{BREAK}\n",
    f";\r\n  {BREAK}\r\n",
)

_DELIMITERS = ("//", "$$", ";;", "|", "~~~")


class Grammar:
    """Makes statements of a dialect, and scripts of them."""

    def __init__(self, dialect: str, random: Random) -> None:
        self._dialect = dialect
        self._random = random
        self._labels = 0

    def statements(self) -> list[str]:
        """Some statements, each as it stands in a script."""
        return [self.statement() for _number in range(self._random.randrange(5))]

    def statement(self) -> str:
        """One statement, every other with statements in it."""
        if self._is_likely():
            made = self._select()
        elif self._dialect == "sqlite":
            made = self._trigger()
        elif self._dialect == "postgresql":
            made = self._choice([self._atomic, self._rule, self._do])()
        else:
            made = ["CREATE OR REPLACE PROCEDURE", "p", "(", ")", *self._block()]
        return made[0] + "".join(f"{self._gap()}{word}" for word in made[1:])

    def script(self, statements: Iterable[str]) -> str:
        """The statements with what may stand between them."""
        opening = self._choice(["", "\ufeff", "-- ;\n", ";\n"])
        return opening + "".join(self._ended(text) for text in statements)

    def delimited(self, text: str) -> str:
        """The statement as the client of MySQL and MariaDB reads it whatever is in it."""
        delimiter = self._choice([delimiter for delimiter in _DELIMITERS if delimiter not in text])
        space = self._choice(["", " ", "\n"])
        return f"DELIMITER {delimiter}\n{text}{space}{delimiter}\nDELIMITER ;\n"

    def _ended(self, text: str) -> str:
        if self._dialect == "mysql" and self._is_likely():
            return "\n" + self.delimited(text)
        return text + self._choice(_ENDS)

    def _choice(self, among: Sequence[_T]) -> _T:
        return self._random.choice(among)

    def _is_likely(self) -> bool:
        return self._random.random() < 0.5

    def _gap(self) -> str:
        return self._choice([" ", " ", " ", "\n", "\r\n", "\t", *_GAPS[self._dialect]])

    def _name(self) -> str:
        return self._choice(_NAMES[self._dialect])

    def _expression(self, depth: int = 0) -> list[str]:
        forms = ["literal"]
        if depth < 2:
            forms += ["literal", "minus", "parentheses", "case", "search", "function", "query"]
        form = self._choice(forms)
        if form == "literal":
            return [self._choice(_LITERALS[self._dialect])]
        if form == "query":
            return ["(", "SELECT", *self._expression(depth + 1), ")"]
        first, second, third = (self._expression(depth + 1) for _number in range(3))
        made = {
            "minus": [*first, "-", "1"],
            "parentheses": ["(", *first, ")"],
            "case": ["CASE", *first, "WHEN", *second, "THEN", *third, "END"],
            "search": ["CASE", "WHEN", *first, "IS", "NULL", "THEN", *second, "ELSE", *third, "END"],
            "function": ["COALESCE", "(", *first, ",", *second, ")"],
        }
        if self._dialect == "mysql":
            made["function"] = self._choice(
                [["IF", "(", *first, ",", *second, ",", *third, ")"], ["REPEAT", "(", *first, ",", "2", ")"]]
            )
        return made[form]

    def _select(self) -> list[str]:
        return ["SELECT", *self._expression(), "AS", self._name()]

    def _selects(self) -> list[str]:
        return [word for _number in range(self._random.randrange(1, 4)) for word in (*self._select(), ";")]

    def _trigger(self) -> list[str]:
        explained = self._choice(["", "EXPLAIN", "EXPLAIN QUERY PLAN"]).split()
        when = ["AFTER", "INSERT", "ON", self._name()]
        return [*explained, "CREATE", "TEMP", "TRIGGER", self._name(), *when, "BEGIN", *self._selects(), "END"]

    def _atomic(self) -> list[str]:
        head = ["CREATE OR REPLACE", self._choice(["FUNCTION", "PROCEDURE"]), "f", "(", ")", "LANGUAGE sql"]
        return [*head, "BEGIN", "ATOMIC", *self._selects(), "END"]

    def _rule(self) -> list[str]:
        return ["CREATE RULE r AS ON INSERT TO t DO ALSO", "(", *self._selects(), ")"]

    def _do(self) -> list[str]:
        return ["DO", f"$do$ BEGIN {' '.join(self._selects())} END; $do$"]

    def _block(self, depth: int = 0) -> list[str]:
        inside = [word for _number in range(self._random.randrange(3)) for word in self._in_block(depth + 1)]
        block = ["BEGIN", *inside, "END"]
        if self._is_likely():
            return block
        label = self._label()
        return [label, ":", *block, *([label] if self._is_likely() else [])]

    def _label(self) -> str:
        self._labels += 1
        return f"x{self._labels}"

    def _in_block(self, depth: int) -> list[str]:
        forms = ["select", "set", "do"]
        if depth < 3:
            forms += ["block", "if", "else", "case", "loop", "while", "repeat"]
        form = self._choice(forms)
        if form == "select":
            return [*self._select(), ";"]
        if form in ("set", "do"):
            return [*(["SET", "@a", "="] if form == "set" else ["DO"]), *self._expression(), ";"]
        if form == "block":
            return [*self._block(depth), ";"]
        condition, first, second = self._expression(), self._in_block(depth + 1), self._in_block(depth + 1)
        label = self._label()
        made = {
            "if": ["IF", *condition, "THEN", *first, *second, "END", "IF"],
            "else": ["IF", *condition, "THEN", *first, "ELSEIF", "1", "THEN", *second, "ELSE", *second, "END", "IF"],
            "case": ["CASE", *condition, "WHEN", "1", "THEN", *first, "ELSE", *second, "END", "CASE"],
            "loop": [label, ":", "LOOP", *first, "LEAVE", label, ";", "END", "LOOP"],
            "while": ["WHILE", *condition, "DO", *first, *second, "END", "WHILE"],
            "repeat": ["REPEAT", *first, *second, "UNTIL", *condition, "END", "REPEAT"],
        }
        return [*made[form], ";"]
