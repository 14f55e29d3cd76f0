# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A suite as it is written, read as a whole before anything is sent. This module is private to the collection."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import InvalidInput, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import arguments, expectation, path
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.duration import seconds_of
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expression import expanded, names_in
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Kind, Setting, excerpt
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import base_url_problems
from ansible_collections.shipshape.webapp.plugins.module_utils._suggest import did_you_mean

# Who asks, as it is written.
Identity = Mapping[str, Any]

SCENARIO = "scenario"
SEVERITIES = ("fail", "warn")
NO_DATA = ("warn", "fail", "pass")

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?)\s*%?")

# Of a title, which is what a check is about.
_LONGEST = 60
_ADDRESSES = ("/", "http://", "https://")

# How often is looked again, if the check does not say: while something is to become true, and while it is to stay so.
_UNTIL, _WHILE = 1.0, 5.0

_COMMON = (
    *("name", "as", "expect", "save", "within", "for", "every", "gate", "severity", "tags", "ids", "baseline"),
    "no_data",
)
# What makes sense for a step, which has its place in an order, and for a scenario, which observes nothing itself.
_OF_A_STEP = ("name", "as", "expect", "save", "within", "every", "no_data")
_OF_A_SCENARIO = ("name", "as", "gate", "severity", "tags", "ids", "finally")


@dataclass(frozen=True)
class Step:
    """One observation, and what is expected of it."""

    name: str
    # Where it stands, for sentences; no two stand at the same place by the same name.
    place: str
    kind: Kind
    # As they are written, with expressions.
    options: Mapping[str, Any] = field(repr=False)
    identity: Identity | None = field(default=None, repr=False)
    # None is the kind's own.
    expect: Mapping[str, Any] | None = None
    save: Mapping[str, str] = field(default_factory=dict)
    within: float | None = None
    lasts: float | None = None
    every: float | None = None
    # By how many percent a number may be above the one that was recorded.
    baseline: Mapping[str, float] = field(default_factory=dict)
    no_data: str = "warn"

    @property
    def needs(self) -> set[str]:
        """The names that must have a value before it can look."""
        return (names_in(self.options) - set(own_names(self.kind))) | names_in(self.identity)

    @property
    def needs_to_judge(self) -> set[str]:
        """The names that must have a value before it can judge; an expectation may speak of the observation itself."""
        return names_in(self.expect) - set(self.kind.observes)

    @property
    def pause(self) -> float:
        """How long to wait until the next look while it is to become true."""
        return self.every or _UNTIL

    @property
    def pause_while_true(self) -> float:
        """How long to wait until the next look while it is to stay true."""
        return self.every or _WHILE


@dataclass(frozen=True)
class Check:
    """A step that stands by itself, or a scenario of several in their order."""

    name: str
    steps: tuple[Step, ...]
    # Carried out whatever became of the steps.
    at_last: tuple[Step, ...] = ()
    is_scenario: bool = False
    is_gate: bool = False
    severity: str = "fail"
    tags: tuple[str, ...] = ()
    # The requirements that it proves.
    ids: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What it is called in results."""
        return SCENARIO if self.is_scenario else self.steps[0].kind.name

    @property
    def is_alone(self) -> bool:
        """Whether it disturbs the others."""
        return any(step.kind.is_alone for step in (*self.steps, *self.at_last))

    @property
    def saves(self) -> set[str]:
        """The names that others can use once it is done; those of a scenario are its own."""
        return set() if self.is_scenario else set(self.steps[0].save)

    @property
    def needs(self) -> set[str]:
        """The names that others must have saved before it is carried out."""
        needed: set[str] = set()
        saved: set[str] = set()
        for step in (*self.steps, *self.at_last):
            needed |= (step.needs | step.needs_to_judge) - saved
            saved |= set(step.save)
        return needed


@dataclass(frozen=True)
class Suite:
    """All checks in their order, and the variables that they begin with."""

    checks: tuple[Check, ...]
    variables: Mapping[str, Any]


def read_suite(
    checks: Sequence[object],
    kinds: Mapping[str, Kind],
    setting: Setting,
    identities: Mapping[str, Identity],
    variables: Mapping[str, Any],
    only_tags: Sequence[str] = (),
) -> Suite:
    """The suite. Raises InvalidInput with everything that is wrong with it."""
    reader = _Reader(kinds, setting, identities, variables)
    if not checks:
        reader.told.append("checks: there is none, so that nothing would be proved.")
    found = _with_names([one for at, given in enumerate(checks, 1) for one in reader.check(given, f"check {at}")])
    told = [*reader.told, *_unknown_names(found, variables), *_unknown_tags(found, only_tags)]
    if told:
        # Of several checks that were written as one, each has the same problems.
        raise InvalidInput("The suite", list(dict.fromkeys(told)))
    return Suite(tuple(found), variables)


class _Reader:
    """What is wrong is collected, so that all of it can be told at once."""

    def __init__(
        self,
        kinds: Mapping[str, Kind],
        setting: Setting,
        identities: Mapping[str, Identity],
        variables: Mapping[str, Any],
    ) -> None:
        self._kinds = kinds
        self._setting = setting
        self._identities = identities
        self._variables = variables
        self.told: list[str] = []

    def check(self, given: object, place: str) -> Iterator[Check]:
        """The check, or one for each thing that it names."""
        if isinstance(given, Mapping) and SCENARIO in given and not any(word in given for word in self._kinds):
            place = _place(given, place)
            self._refuse_other_words(given, SCENARIO, _OF_A_SCENARIO, place)
            identity = self._identity(given, place)
            steps = self._steps(given, SCENARIO, place, identity)
            if given[SCENARIO] in ([], ()):
                self.told.append(f"{place}: the scenario has no step, so that nothing would be proved.")
            at_last = self._steps(given, "finally", place, identity)
            name = self._name(given, place) or SCENARIO
            yield Check(name, steps, at_last, is_scenario=True, **self._order(given, place))
            return
        for step in self.step(given, place, _COMMON):
            if isinstance(given, Mapping):
                yield Check(step.name, (step,), **self._order(given, step.place))

    def step(self, given: object, place: str, allowed: Collection[str]) -> Iterator[Step]:
        """The step, or one for each thing that it names."""
        if not isinstance(given, Mapping):
            self.told.append(f"{place}: this is no mapping such as {{http: /health}}.")
            return
        place = _place(given, place)
        words = [word for word in given if word in self._kinds or word == SCENARIO]
        if len(words) != 1 or words == [SCENARIO]:
            self.told.append(f"{place}: {self._not_one_kind(given, words, allowed)}")
            return
        [word] = words
        self._refuse_other_words(given, word, allowed, place)
        kind, argument = self._kinds[word], given[word]
        several = argument if kind.is_each and isinstance(argument, (list, tuple)) else [argument]
        if not several:
            self.told.append(f"{place}.{word}: the list is empty, so that nothing would be proved.")
        for at, one in enumerate(several, 1):
            number = f".{at}" if len(several) > 1 else ""
            yield self._one(kind, one, given, place, number)

    def _refuse_other_words(self, given: Mapping[Any, Any], kind: str, allowed: Collection[str], place: str) -> None:
        self.told += [
            f"{place}: there is no word {word} here. {did_you_mean(str(word), allowed)}"
            for word in given
            if word not in allowed and word != kind
        ]

    def _not_one_kind(self, given: Mapping[Any, Any], words: Sequence[str], allowed: Collection[str]) -> str:
        if words == [SCENARIO]:
            return "a step cannot be a scenario itself. Write its steps here."
        if words:
            return f"it has two kinds, {' and '.join(words)}. Make two checks of it, or a scenario of two steps."
        unknown = [str(key) for key in given if key not in (*allowed, "finally")]
        known = [*self._kinds, SCENARIO]
        return f"there is no kind {unknown[0]}. {did_you_mean(unknown[0], known)}" if unknown else "it has no kind."

    def _one(self, kind: Kind, argument: object, given: Mapping[Any, Any], place: str, number: str) -> Step:
        options = dict(argument) if isinstance(argument, Mapping) else {kind.shorthand: argument}
        self.told += self._option_problems(kind, options, f"{place}.{kind.name}{number}")
        # That of pm2 is a list of words.
        status = "status" if "status" in kind.observes and kind.name != "pm2" else None
        expect, save = given.get("expect"), self._mapping(given, "save", place)
        if "expect" in given:
            found = expectation.problems(expect, kind.observes, status, f"{place}.expect")
            self.told += found
            expect = None if found else expectation.normalised(expect, status)
        for name, rule in save.items():
            self.told += [f"{place}.save.{name}: {one}" for one in path.save_problems(rule, kind.observes)]
            if name in self._variables:
                self.told.append(f"{place}.save.{name}: there is a variable of this name already: give it another.")
        name = self._name(given, place)
        if number or not name:
            name = f"{name} {_title(kind, argument)}".strip()
        within, lasts, every = (self._seconds(given, word, place) for word in ("within", "for", "every"))
        if lasts is not None and kind.is_alone:
            self.told.append(f"{place}.for: {kind.name} disturbs the others, and cannot be repeated beside them.")
        if "every" in given and "within" not in given and "for" not in given:
            self.told.append(f"{place}.every: it is looked once only. Say how long with within or for.")
        return Step(
            name=name,
            place=place,
            kind=kind,
            options=options,
            identity=self._identity(given, place),
            expect=expect,
            save=save,
            within=within,
            lasts=lasts,
            every=every,
            baseline=self._baseline(given, kind, place),
            no_data=self._choice(given, "no_data", NO_DATA, place),
        )

    def _option_problems(self, kind: Kind, options: Mapping[Any, Any], place: str) -> list[str]:
        try:
            known: Mapping[Any, Any] = expanded(options, {**self._variables, **own_names(kind)})
        except ShipshapeError:
            # It needs what is saved on the way, or what nobody knows, which is told where names are looked up.
            known = options
        values, problems = arguments.read(kind.options, known, place)
        if not problems and known is not options:
            problems += [f"{place}: {sentence}" for sentence in kind.problems(values)]
        return [*problems, *(f"{place}: {one}" for one in base_url_problems(options, self._setting.base_url))]

    def _name(self, given: Mapping[Any, Any], place: str) -> str:
        name = given.get("name", "")
        if not isinstance(name, (str, int, float)):
            self.told.append(f"{place}.name: this is no text.")
            return ""
        return " ".join(str(name).split())

    def _steps(self, given: Mapping[Any, Any], word: str, place: str, identity: Identity | None) -> tuple[Step, ...]:
        listed = given.get(word, [])
        if not isinstance(listed, (list, tuple)):
            self.told.append(f"{place}.{word}: this is no list of steps.")
            return ()
        called = "step" if word == SCENARIO else "last step"
        found = [
            one for at, step in enumerate(listed, 1) for one in self.step(step, f"{place}, {called} {at}", _OF_A_STEP)
        ]
        return tuple(replace(step, identity=step.identity or identity) for step in found)

    def _order(self, given: Mapping[str, Any], place: str) -> dict[str, Any]:
        is_gate = given.get("gate", False)
        if not isinstance(is_gate, bool):
            self.told.append(f"{place}.gate: this is not true or false.")
        severity = self._choice(given, "severity", SEVERITIES, place)
        if is_gate and severity == "warn":
            self.told.append(f"{place}.severity: a gate that only warns would skip the rest and prove nothing.")
        words = {word: self._words(given.get(word, []), f"{place}.{word}") for word in ("tags", "ids")}
        return {"is_gate": is_gate is True, "severity": severity, **words}

    def _words(self, given: object, place: str) -> tuple[str, ...]:
        listed = [given] if isinstance(given, str) else given
        if isinstance(listed, (list, tuple)) and all(isinstance(word, str) for word in listed):
            return tuple(listed)
        self.told.append(f"{place}: this is no list of words.")
        return ()

    def _identity(self, given: Mapping[str, Any], place: str) -> Identity | None:
        name = given.get("as")
        if name is None:
            return None
        if isinstance(name, str) and name in self._identities:
            return self._identities[name]
        known = did_you_mean(str(name), self._identities) if self._identities else "There are none in identities."
        self.told.append(f"{place}.as: there is no identity of this name. {known}")
        return None

    def _choice(self, given: Mapping[str, Any], word: str, choices: Sequence[str], place: str) -> str:
        value = given.get(word, choices[0])
        if value not in choices:
            self.told.append(f"{place}.{word}: {did_you_mean(str(value), choices)}")
        return str(value)

    def _seconds(self, given: Mapping[str, Any], word: str, place: str) -> float | None:
        try:
            value = expanded(given.get(word), self._variables)
        except ShipshapeError as error:
            self.told.append(f"{place}.{word}: {error.message}")
            return None
        seconds = seconds_of(value)
        if value is not None and not seconds:
            self.told.append(f"{place}.{word}: this is no span of time such as 500ms, 60s or 15m.")
        return seconds

    def _mapping(self, given: Mapping[str, Any], word: str, place: str) -> dict[str, Any]:
        value = given.get(word) or {}
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            self.told.append(f"{place}.{word}: this is no mapping.")
            return {}
        return dict(value)

    def _baseline(self, given: Mapping[str, Any], kind: Kind, place: str) -> dict[str, float]:
        found = {}
        for name, percent in self._mapping(given, "baseline", place).items():
            self.told += [f"{place}.baseline: {one}" for one in path.problems(name, kind.observes)]
            match = _PERCENT.fullmatch(str(percent))
            if match:
                found[name] = float(match[1])
            else:
                self.told.append(f"{place}.baseline.{name}: this is no percentage such as 20%.")
        return found


def _title(kind: Kind, argument: object) -> str:
    """How a check is called that has no name: what it is about, without what may be secret."""
    if isinstance(argument, Mapping):
        addresses = [one for one in argument.values() if isinstance(one, str) and one.startswith(_ADDRESSES)]
        argument = next(iter([argument[kind.shorthand]] if kind.shorthand in argument else addresses), "")
    text = " ".join(str(argument).split()) if isinstance(argument, (str, int)) else ""
    return f"{kind.name} {excerpt(text, _LONGEST)}".strip()


def _with_names(checks: Sequence[Check]) -> list[Check]:
    """Each by a name of its own, because reports and what is remembered go by the names."""
    found: dict[str, Check] = {}
    for check in checks:
        name, number = check.name, 1
        while name in found:
            number += 1
            name = f"{check.name} ({number})"
        steps = check.steps if check.is_scenario else (replace(check.steps[0], name=name),)
        found[name] = replace(check, name=name, steps=steps)
    return list(found.values())


def _unknown_tags(checks: Sequence[Check], only_tags: Sequence[str]) -> Iterator[str]:
    known = {tag for check in checks for tag in check.tags}
    for tag in only_tags:
        if tag not in known:
            nearest = did_you_mean(tag, known) if known else "None has any."
            yield f"only_tags: no check has the tag {tag}. {nearest}"


def _unknown_names(checks: Sequence[Check], variables: Mapping[str, Any]) -> Iterator[str]:
    """Names that will have no value: what runs at the same time or later knows nothing of each other."""
    known, everywhere = set(variables), {name for check in checks for step in check.steps for name in step.save}
    for together, is_in_order in in_order(checks):
        for check in together:
            within = set(known)
            for step in (*check.steps, *check.at_last):
                yield from _unknown_in(step, within, everywhere)
                within |= set(step.save)
            known |= check.saves if is_in_order else set()
        known |= {name for check in together for name in check.saves}


def in_order(checks: Sequence[Check]) -> Iterator[tuple[Sequence[Check], bool]]:
    """The gates, what runs side by side, and what disturbs the others, and whether these run one after the other."""
    yield [check for check in checks if check.is_gate], True
    yield [check for check in checks if not check.is_gate and not check.is_alone], False
    yield [check for check in checks if not check.is_gate and check.is_alone], True


def _unknown_in(step: Step, known: Collection[str], everywhere: Collection[str]) -> Iterator[str]:
    # An expectation may speak of the observation itself.
    for value, names in (
        (step.options, {*known, *own_names(step.kind)}),
        (step.expect, {*known, *step.kind.observes}),
        (step.identity, known),
    ):
        try:
            unknown = sorted(names_in(value) - set(names))
        except ShipshapeError as error:
            yield f"{step.place}: {error.message}"
            continue
        for name in unknown:
            if name in everywhere:
                yield (
                    f"{step.place}: ${{{name}}} is saved by a check that runs at the same time or later. Make both"
                    " steps of one scenario."
                )
            else:
                yield f"{step.place}: there is no variable {name}. {_nearest(name, names)}"


def own_names(kind: Kind) -> Mapping[str, str]:
    """The names that a kind fills in by itself, with the expressions that they stay until then."""
    return {"payload": "${payload}"} if kind.name == "sanitize" else {}


def _nearest(name: str, known: Collection[str]) -> str:
    return did_you_mean(name, known) if known else "There are no variables at all: give it in vars."


def _place(given: Mapping[Any, Any], place: str) -> str:
    return f'{place} "{" ".join(given["name"].split())}"' if isinstance(given.get("name"), str) else place
