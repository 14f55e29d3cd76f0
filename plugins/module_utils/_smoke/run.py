# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a suite: gates first, then all side by side, at last what disturbs the others.

This module is private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._errors import Interrupted, ShipshapeError
from ansible_collections.shipshape.webapp.plugins.module_utils._secrets import headers_of
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke import arguments, path
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expectation import Assertion, judged
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.expression import expanded
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.kind import Observed, Setting, Unobserved, World
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.outcome import (
    ERROR,
    FAILED,
    INCONCLUSIVE,
    PASSED,
    SKIPPED,
    Outcome,
    Verdict,
    cut,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.suite import (
    Check,
    Step,
    Suite,
    in_order,
    own_names,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._smoke.web import header_problems
from ansible_collections.shipshape.webapp.plugins.module_utils._types import (
    Crew,
    Http,
    HttpSession,
    Request,
    Response,
    Trust,
)

# What a query is judged by that asks for one number.
_VALUE = "value"
_NO_DATA = "the query returned NULL: there is nothing to judge by."


@dataclass(frozen=True)
class Terms:
    """What holds for a whole run."""

    setting: Setting
    # What earlier runs had to remember, by the names of checks, and the numbers that they recorded.
    remembered: Mapping[str, Mapping[str, Any]]
    recorded: Mapping[str, Mapping[str, float]]
    # Record numbers in place of comparing them.
    is_recording: bool = False
    # Only checks with one of these tags, and gates; without any, all.
    tags: Sequence[str] = ()
    # No checks with one of these, but for gates.
    left_out: Sequence[str] = ()
    only_reads: bool = False


def carry_out(suite: Suite, terms: Terms, world: World, crew: Crew) -> Verdict:
    """Carry out all checks; what fails is in the verdict."""
    begun = world.clock()
    run = _Run(suite, terms, world, crew)
    outcomes = run.all()
    return Verdict([outcomes[check.name] for check in suite.checks], world.clock() - begun)


class _LateSession:
    """A session that is opened by the first request, as most kinds need none, nor the library for it."""

    def __init__(self, http: Http, trust: Trust) -> None:
        self._http = http
        self._trust = trust
        self._session: HttpSession | None = None

    def ask(self, request: Request, *, follows: bool = False, timeout: float = 10) -> Response:
        """The answer, as that session gives it."""
        self._session = self._session or self._http.session(self._trust)
        return self._session.ask(request, follows=follows, timeout=timeout)


class _Run:
    """The state of one run: what is saved, and what became of each check."""

    def __init__(self, suite: Suite, terms: Terms, world: World, crew: Crew) -> None:
        self._suite, self._terms, self._world, self._crew = suite, terms, world, crew
        self._variables = dict(suite.variables)
        self._outcomes: dict[str, Outcome] = {}
        self._marks: dict[str, Any] = {}
        # The gate that did not pass, and what nobody has saved because it was skipped.
        self._shut: str | None = None
        self._forgone: set[str] = set()

    def all(self) -> Mapping[str, Outcome]:
        """The outcome of each check by its name."""
        for check in self._suite.checks:
            why = self._why_not(check)
            if why:
                self._done(check, _skipped(check.name, check.kind, why))
        wanted = [check for check in self._suite.checks if check.name not in self._outcomes]
        for check in wanted:
            self._mark(check)
        for together, is_in_order in in_order(wanted):
            if is_in_order:
                for check in together:
                    self._done(check, self._carried_out(check))
            else:
                tasks = [partial(self._carried_out, check) for check in together]
                for check, outcome in zip(together, self._crew.together(tasks)):
                    self._done(check, outcome)
        return self._outcomes

    def _why_not(self, check: Check) -> str | None:
        if self._terms.tags and not check.is_gate and not set(self._terms.tags) & set(check.tags):
            return "it has none of the tags that were asked for"
        if not check.is_gate and set(self._terms.left_out) & set(check.tags):
            return "it has a tag that was to be left out"
        if self._terms.only_reads and not all(map(_only_reads, (*check.steps, *check.at_last))):
            return "it may change something, and nothing may be changed in check mode"
        return None

    def _done(self, check: Check, outcome: Outcome) -> None:
        self._outcomes[check.name] = replace(outcome, severity=check.severity, ids=check.ids)
        self._variables.update(outcome.saved)
        if outcome.outcome == SKIPPED:
            self._forgone |= check.saves
        if check.is_gate and outcome.outcome in (FAILED, ERROR):
            self._shut = check.name

    def _mark(self, check: Check) -> None:
        """What is to be known from before the first check; where that fails, the check itself will say why."""
        setting = self._setting(check)
        for step in (*check.steps, *check.at_last):
            try:
                options = self._options(step, self._variables)
                self._marks[step.place + step.name] = step.kind.mark(options, setting, self._world)
            except Interrupted:
                raise
            except ShipshapeError:
                continue

    def _carried_out(self, check: Check) -> Outcome:
        if self._shut is not None:
            return _skipped(check.name, check.kind, f"the gate {self._shut} did not pass")
        missing = min(check.needs - set(self._variables), default=None)
        if missing is not None:
            return self._without(check, missing)
        if check.is_scenario:
            return self._scenario(check, self._setting(check))
        return self._one(check.steps[0], self._setting(check), self._variables)

    def _without(self, check: Check, name: str) -> Outcome:
        if name in self._forgone:
            return _skipped(check.name, check.kind, f"there is no {name}, because the check that saves it was skipped")
        why = f"There is no {name}, because the check that saves it did not pass."
        return Outcome(check.name, check.kind, ERROR, failures=[why])

    def _setting(self, check: Check) -> Setting:
        terms = self._terms
        session = _LateSession(self._world.http, terms.setting.trust)
        return replace(terms.setting, session=session, remembered=terms.remembered.get(check.name, {}))

    def _scenario(self, check: Check, setting: Setting) -> Outcome:
        """The steps until one does not pass, and the last steps in any case."""
        begun = self._world.clock()
        variables = dict(self._variables)
        outcomes: list[Outcome] = []

        def carry_out(step: Step, *, at_last: bool) -> None:
            missing = min(step.needs - set(variables), default=None)
            if not at_last and any(one.outcome in (FAILED, ERROR) for one in outcomes):
                outcome = _skipped(step.name, step.kind.name, "an earlier step did not pass")
            elif missing is not None:
                why = f"there is no {missing}, because the step that saves it did not come to it"
                outcome = _skipped(step.name, step.kind.name, why)
            else:
                outcome = self._one(step, setting, variables, at_last=at_last)
            outcomes.append(outcome)
            variables.update(outcome.saved)

        # What the steps have made is taken away even if a signal, or a mistake of ours, ends them.
        with ExitStack() as last_steps:
            for step in reversed(check.at_last):
                last_steps.callback(carry_out, step, at_last=True)
            for step in check.steps:
                carry_out(step, at_last=False)
        worst = next(
            (word for word in (ERROR, FAILED, INCONCLUSIVE) if any(o.outcome == word for o in outcomes)), PASSED
        )
        return Outcome(
            check.name,
            check.kind,
            worst,
            ms=(self._world.clock() - begun) * 1000,
            attempts=1,
            failures=[
                f"{one.name}: {line}"
                for one in outcomes
                if one.outcome not in (PASSED, SKIPPED)
                for line in one.failures
            ],
            steps=outcomes,
            remember={key: value for one in outcomes for key, value in one.remember.items()},
        )

    def _one(self, step: Step, setting: Setting, variables: Mapping[str, Any], *, at_last: bool = False) -> Outcome:
        """Look until it is true, and then as long as it has to stay true."""
        clock, begun = self._world.clock, self._world.clock()
        look = partial(self._look, step, setting, variables, at_last=at_last)
        attempts, outcome, until = 1, look(), begun + (step.within or 0)
        while outcome.outcome != PASSED and clock() < until:
            self._crew.pause(min(step.pause, max(until - clock(), 0)))
            attempts, outcome = attempts + 1, look()
        until = clock() + (step.lasts or 0)
        while outcome.outcome not in (FAILED, ERROR) and clock() < until:
            self._crew.pause(min(step.pause_while_true, max(until - clock(), 0)))
            attempts, outcome = attempts + 1, look()
        if outcome.outcome in (FAILED, ERROR) and attempts > 1:
            said = f"This was so at attempt {attempts}, after {clock() - begun:.0f} s."
            outcome = replace(outcome, failures=[*outcome.failures[:-1], f"{outcome.failures[-1]} {said}"])
        return replace(outcome, ms=(clock() - begun) * 1000, attempts=attempts)

    def _look(self, step: Step, setting: Setting, variables: Mapping[str, Any], *, at_last: bool) -> Outcome:
        """Observe once, and judge."""
        seen = Observed({})
        try:
            options = self._options(step, variables)
            setting = replace(setting, headers=_headers(step, variables))
            with self._crew.turn(at_last=at_last):
                seen = step.kind.observe(options, setting, self._world, self._marks.get(step.place + step.name))
            # A check may expect something of what else it has seen.
            known = {**variables, **seen.values}
            expect = step.kind.default(options) if step.expect is None else expanded(step.expect, known)
            return self._judged(step, expect, seen)
        except Interrupted:
            raise
        except ShipshapeError as error:
            failures = [f"{error.message}{_evidence(seen)}"]
            return Outcome(step.name, step.kind.name, ERROR, failures=failures, observed=cut(seen.values))

    def _judged(self, step: Step, expect: Mapping[str, Any], seen: Observed) -> Outcome:
        recorded, compared = self._compared(step, seen.values)
        assertions = [*judged(expect, seen.values), *compared]
        unknown = [] if self._terms.is_recording else self._unrecorded(step)
        if _is_without_data(expect, seen.values):
            assertions = [one for one in assertions if one.path != _VALUE]
            if step.no_data == "fail":
                assertions.append(Assertion(_VALUE, False, f"{_VALUE}: {_NO_DATA}"))
            elif step.no_data == "warn":
                unknown.insert(0, _NO_DATA)
        broken = [one.told for one in assertions if not one.is_met]
        if broken:
            broken[-1] += _evidence(seen)
        outcome = FAILED if broken else INCONCLUSIVE if unknown else PASSED
        return Outcome(
            step.name,
            step.kind.name,
            outcome,
            assertions=assertions,
            failures=broken or unknown,
            observed=cut(seen.values),
            saved={} if broken else {name: path.saved(rule, seen.values) for name, rule in step.save.items()},
            remember=seen.remember,
            recorded=recorded if outcome == PASSED else {},
        )

    def _options(self, step: Step, variables: Mapping[str, Any]) -> dict[str, Any]:
        known = {**variables, **own_names(step.kind)}
        options, problems = arguments.read(step.kind.options, expanded(step.options, known), step.kind.name)
        problems += [f"{step.kind.name}: {one}" for one in ([] if problems else step.kind.problems(options))]
        if problems:
            raise Unobserved(" ".join(problems))
        return options

    def _recorded(self, step: Step) -> Mapping[str, float]:
        return self._terms.recorded.get(step.name, {})

    def _unrecorded(self, step: Step) -> list[str]:
        names = [name for name in step.baseline if name not in self._recorded(step)]
        return [f"no earlier run has recorded {name} of it: run it once with record: true." for name in names]

    def _compared(self, step: Step, values: Mapping[str, Any]) -> tuple[dict[str, float], list[Assertion]]:
        """The numbers of now, and how they compare with those that were recorded."""
        now, compared = {}, []
        for name, percent in step.baseline.items():
            number = path.find(name, values)
            if not isinstance(number, (int, float)) or isinstance(number, bool):
                compared.append(Assertion(name, False, f"{name}: it is no number, so that it cannot be compared"))
                continue
            now[name] = float(number)
            before = self._recorded(step).get(name)
            if before is None or self._terms.is_recording:
                continue
            most = before * (1 + percent / 100)
            is_met = number <= most
            word = "is" if is_met else f"expected at most {most:g} ({percent:g} % above the recorded {before:g}), got"
            compared.append(Assertion(name, is_met, f"{name}: {word} {number:g}"))
        return now, compared


def _headers(step: Step, variables: Mapping[str, Any]) -> dict[str, str]:
    """What tells who asks."""
    headers = headers_of(expanded(step.identity or {}, variables))
    for problem in header_problems("The identity", headers):
        raise Unobserved(problem)
    return headers


def _is_without_data(expect: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Whether a query is judged by its value, and that is NULL; NULL can be what is expected, and no row is no NULL."""
    is_null = _VALUE in values and values[_VALUE] is None and values.get("count") != 0
    return is_null and expect.get(_VALUE) not in (None, {"eq": None}, {"type": "null"})


def _evidence(seen: Observed) -> str:
    return f" ({seen.told})" if seen.told else ""


def _only_reads(step: Step) -> bool:
    options, problems = arguments.read(step.kind.options, step.options, "")
    return not problems and step.kind.only_reads(options)


def _skipped(name: str, kind: str, why: str) -> Outcome:
    return Outcome(name, kind, SKIPPED, failures=[f"{why}."])
