# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an alert can be about: the expression, and figures for which it is to fire and for which it is not.

This module is private to the collection. The figures lie close to both sides of the limit, so that a rule with another
limit is found out. A function for each kind; what it does not find in the condition it says as a ValueError.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.amounts import (
    duration,
    number,
    plain,
    seconds,
    share,
)
from ansible_collections.shipshape.webapp.plugins.module_utils._monitoring.selector import Selector, selector, series

# Seconds between two figures of a test, and what stands for how many of the last one the test needs.
STEP = 15
END = "END"

_CALM = 600

Read = TypeVar("Read")


@dataclass(frozen=True)
class Figures:
    """Series by their names, with the values of each as promtool reads them.

    What they say begins to be true after `onset` seconds and is surely so `settle` seconds later; `labels` are those of
    the alert.
    """

    values: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    onset: int = 0
    settle: int = 0


@dataclass(frozen=True)
class Meaning:
    """What a condition means to Prometheus, and in words."""

    expr: str
    words: str
    firing: Sequence[Figures]
    quiet: Sequence[Figures]
    # For how long at most it stays true after what it is about.
    holds: int | None = None


class Condition:
    """What was declared, each option by its name; tells at the end which of them mean nothing here."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = {name: value for name, value in given.items() if value is not None}
        self._seen: set[str] = set()

    def read(self, name: str, reader: Callable[[str], Read]) -> Read:
        """An option, as the reader understands it. Raises ValueError with the name of the option."""
        self._seen.add(name)
        if name not in self._given:
            raise ValueError(f"{name} is missing")
        try:
            return reader(str(self._given[name]))
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None

    def number(self, name: str, reader: Callable[[str], float] = number, default: str | None = None) -> float:
        """A number, or what reads as one."""
        if default is not None and name not in self._given:
            self._seen.add(name)
            return reader(default)
        return float(self.read(name, reader))

    def seconds(self, name: str, default: str | None = None) -> int:
        """A duration above 0."""
        found = int(self.number(name, seconds, default))
        if found <= 0:
            raise ValueError(f"{name} has to be longer than nothing")
        return found

    def text(self, name: str) -> str:
        """A text that is not empty."""
        found = self.read(name, str)
        if not found.strip():
            raise ValueError(f"{name} is empty")
        return found

    def selector(self, name: str) -> Selector:
        """A selector."""
        return self.read(name, selector)

    def names(self, name: str, default: Sequence[str]) -> list[str]:
        """Names of labels."""
        self._seen.add(name)
        found = self._given.get(name, default)
        return [str(one) for one in found] if isinstance(found, (list, tuple)) else []

    def has(self, name: str) -> bool:
        """Whether the option is given."""
        self._seen.add(name)
        return name in self._given

    def unread(self) -> list[str]:
        """The options that this kind knows nothing of."""
        return sorted(set(self._given) - self._seen)


def _level(value: float) -> str:
    return f"{plain(value)}+0x{END}"


def _growth(value: float) -> str:
    return f"0+{plain(value)}x{END}"


# The figures that exporters have of whether they reach what they are about; of other jobs Prometheus knows it itself.
_UP = {"mysql": "mysql_up", "nginx": "nginx_up", "postgresql": "pg_up", "redis": "redis_up"}


def _down(given: Condition) -> Meaning:
    job = given.text("down")
    chosen = selector(_UP[job] if job in _UP else f"up{{job={json.dumps(job)}}}")
    return _absent_or(chosen, "== 0", f"{job} is down", bad=0, good=1)


def _unhealthy(given: Condition) -> Meaning:
    url = given.text("unhealthy")
    chosen = selector(f'probe_success{{instance={json.dumps(url)},job="health"}}')
    return _absent_or(chosen, "== 0", f"{url} does not answer as it should", bad=0, good=1)


def _absent_or(chosen: Selector, comparison: str, words: str, *, bad: float, good: float) -> Meaning:
    """What is so, or cannot be seen at all."""
    labels = chosen.sample()
    seen = {"instance": "here", "job": "job", **labels}
    name = series(chosen.metric, seen)
    return Meaning(
        f"{chosen} {comparison} or absent({chosen})",
        words,
        [Figures({name: _level(bad)}, seen), Figures({}, labels)],
        [Figures({name: _level(good)})],
    )


def _any(given: Condition) -> Meaning:
    chosen, over = given.selector("any"), given.seconds("over", "5m")
    # By itself, increase() does not see the event with which a counter begins.
    window = duration(over)
    expr = f"increase({chosen}[{window}]) > 0 or ({chosen} unless {chosen} offset {window}) > 0"
    labels = chosen.sample(instance="here")
    name, calm = series(chosen.metric, labels), max(_CALM, over * 2)
    steps = calm // STEP
    return Meaning(
        expr,
        f"{chosen} has counted something within {window}",
        [
            Figures({name: f"_x{steps} 1x{END}"}, labels, onset=steps * STEP),
            Figures({name: f"0x{steps - 1} 1x{END}"}, labels, onset=steps * STEP),
            Figures({name: f"3x{steps - 1} 4x{END}"}, labels, onset=steps * STEP),
        ],
        [Figures({name: f"0x{END}"}, onset=calm), Figures({name: f"3x{END}"}, onset=calm)],
        holds=over,
    )


def _per_minute(given: Condition) -> Meaning:
    chosen, above = given.selector("per_minute"), given.number("above")
    over, by = given.seconds("over", "5m"), given.names("by", ["instance"])
    labels = chosen.sample(**dict.fromkeys(by, "here"))
    name = series(chosen.metric, labels)
    each = above * STEP / 60
    return Meaning(
        f"sum by ({', '.join(by)}) (rate({chosen}[{duration(over)}])) * 60 > {plain(above)}",
        f"{chosen} counts more than {plain(above)} a minute",
        [Figures({name: _growth(each * 1.02 + 0.001)}, _only(labels, by), settle=over)],
        [Figures({name: _growth(each * 0.98)}, settle=over)],
    )


def _share(given: Condition) -> Meaning:
    part, whole, above = given.selector("share"), given.selector("of"), given.number("above", share)
    over, by = given.seconds("over", "15m"), given.names("by", ["instance"])
    window, of = duration(over), f"sum by ({', '.join(by)})"
    here = dict.fromkeys(by, "here")
    bad = part.sample(**here)
    is_within = part.metric == whole.metric and whole.takes(bad)
    rest = whole.without(part, bad) if is_within else whole.sample(**here)
    if rest is None:
        raise ValueError(f"of has to take in more than {part}, or be another metric")

    def figures(ratio: float) -> dict[str, str]:
        names = series(part.metric, bad), series(whole.metric, rest)
        return {names[0]: _growth(ratio * 1000), names[1]: _growth((1 - ratio if is_within else 1) * 1000)}

    return Meaning(
        f"{of} (rate({part}[{window}])) / {of} (rate({whole}[{window}])) > {plain(above)}",
        f"more than {plain(above * 100)} % of {whole} are {part}",
        [Figures(figures(above + (1 - above) * 0.02), _only(bad, by), settle=over)],
        [Figures(figures(above * 0.98), settle=over)],
    )


def _slower_than(given: Condition) -> Meaning:
    chosen, limit = given.selector("of"), given.number("slower_than")
    quantile, over = given.number("quantile", default="0.95"), given.seconds("over", "5m")
    by = given.names("by", ["instance"])
    if not 0 < quantile < 1:
        raise ValueError("quantile has to be above 0 and below 1")
    labels = chosen.sample(**dict.fromkeys(by, "here"))
    bucket = f"{chosen.metric}_bucket"

    def figures(below: float) -> dict[str, str]:
        counts = {plain(limit): below, plain(limit * 10): 1.0, "+Inf": 1.0}
        return {series(bucket, {**labels, "le": le}): _growth(1000 * count) for le, count in counts.items()}

    return Meaning(
        f"histogram_quantile({plain(quantile)}, sum by ({', '.join([*by, 'le'])}) "
        f"(rate({chosen.named(bucket)}[{duration(over)}]))) > {plain(limit)}",
        f"{plain((1 - quantile) * 100)} % of {chosen} take longer than {plain(limit)} s",
        [Figures(figures(quantile * 0.99), _only(labels, by), settle=over)],
        [Figures(figures(quantile + (1 - quantile) * 0.5), settle=over)],
    )


def _memory_above(given: Condition) -> Meaning:
    limit = given.number("memory_above", share)
    labels = {"instance": "here", "job": "node"}

    def figures(used: float) -> dict[str, str]:
        return {
            series("node_memory_MemTotal_bytes", labels): _level(1000),
            series("node_memory_MemAvailable_bytes", labels): _level(1000 * (1 - used)),
        }

    return Meaning(
        f"1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > {plain(limit)}",
        f"more than {plain(limit * 100)} % of the memory is in use",
        [Figures(figures(limit + (1 - limit) * 0.02), labels)],
        [Figures(figures(limit * 0.98))],
    )


def _disk_free_below(given: Condition) -> Meaning:
    limit = given.number("disk_free_below", share)
    at = f"{{mountpoint={json.dumps(given.text('at'))}}}" if given.has("at") else ""
    free, size, read_only = (
        selector(f"node_filesystem_{name}{at}") for name in ("avail_bytes", "size_bytes", "readonly")
    )
    labels = {"instance": "here", "job": "node", "mountpoint": "/", **free.sample()}

    def figures(share_free: float, is_read_only: int = 0) -> dict[str, str]:
        return {
            series(free.metric, labels): _level(1000 * share_free),
            series(size.metric, labels): _level(1000),
            series(read_only.metric, labels): _level(is_read_only),
        }

    return Meaning(
        f"{free} / {size} < {plain(limit)} unless {read_only} == 1",
        f"less than {plain(limit * 100)} % of a file system is free",
        [Figures(figures(limit * 0.98), labels)],
        [Figures(figures(limit * 1.02)), Figures(figures(limit * 0.98, is_read_only=1))],
    )


def _certificate_within(given: Condition) -> Meaning:
    within = given.seconds("certificate_within")
    url = f"{{instance={json.dumps(given.text('of'))}}}" if given.has("of") else ""
    chosen = selector(f"probe_ssl_earliest_cert_expiry{url}")
    labels = {"instance": "https://here", "job": "health", **chosen.sample()}
    name = series(chosen.metric, labels)
    return Meaning(
        f"{chosen} - time() < {within}",
        f"a certificate expires within {duration(within)}",
        [Figures({name: _level(within - 60)}, labels)],
        # By the end of the test, time has gone on.
        [Figures({name: _level(within + 10_000_000)})],
    )


def _check_fails(given: Condition) -> Meaning:
    check = given.text("check_fails")
    only = "" if check == "*" else f",check={json.dumps(check)}"
    chosen = selector(f'smoke_check_success{{severity!="warn"{only}}}')
    labels = chosen.sample(check="http /health", instance="here", severity="fail")
    name, warning = (series(chosen.metric, {**labels, "severity": word}) for word in ("fail", "warn"))
    return Meaning(
        f"{chosen} == 0",
        "a check fails" if check == "*" else f"the check {check} fails",
        [Figures({name: _level(0)}, labels)],
        [Figures({name: _level(1), warning: _level(0)})],
    )


def _job_silent(given: Condition) -> Meaning:
    job, over = given.text("job_silent"), given.seconds("over")
    chosen = selector(f"shipshape_job_last_success_timestamp_seconds{{name={json.dumps(job)}}}")
    labels = {"instance": "here", **chosen.sample()}
    name = series(chosen.metric, labels)
    return Meaning(
        f"time() - {chosen} > {over} or absent({chosen})",
        f"the job {job} has not ended well for {duration(over)}",
        [Figures({name: _level(-over - 1)}, labels), Figures({}, chosen.sample())],
        [Figures({name: _level(10_000_000)})],
    )


# How many connections there are, and how many there can be.
_CONNECTIONS = {
    "mysql": ("mysql_global_status_threads_connected", "mysql_global_variables_max_connections"),
    "postgresql": ("pg_stat_activity_count", "pg_settings_max_connections"),
}


def _connections_above(given: Condition) -> Meaning:
    limit, of = given.number("connections_above", share), given.text("of")
    if of not in _CONNECTIONS:
        raise ValueError(f"of has to be one of {', '.join(_CONNECTIONS)}")
    used, most = _CONNECTIONS[of]
    labels = {"instance": "here"}

    def figures(taken: float) -> dict[str, str]:
        return {series(used, labels): _level(1000 * taken), series(most, labels): _level(1000)}

    return Meaning(
        f"sum by (instance) ({used}) / max by (instance) ({most}) > {plain(limit)}",
        f"more than {plain(limit * 100)} % of the connections of {of} are taken",
        [Figures(figures(limit + (1 - limit) * 0.02), labels)],
        [Figures(figures(limit * 0.98))],
    )


def _only(labels: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: labels[name] for name in names}


# Each kind by the option that asks for it.
KINDS: Mapping[str, Callable[[Condition], Meaning]] = {
    "any": _any,
    "certificate_within": _certificate_within,
    "check_fails": _check_fails,
    "connections_above": _connections_above,
    "disk_free_below": _disk_free_below,
    "down": _down,
    "job_silent": _job_silent,
    "memory_above": _memory_above,
    "per_minute": _per_minute,
    "share": _share,
    "slower_than": _slower_than,
    "unhealthy": _unhealthy,
}


def meaning_of(given: Mapping[str, object]) -> Meaning:
    """What a condition means. Raises ValueError with what is wrong with it."""
    asked = sorted(name for name in KINDS if given.get(name) is not None)
    if len(asked) != 1:
        raise ValueError(f"has to have exactly one of {', '.join(KINDS)}")
    condition = Condition(given)
    meaning = KINDS[asked[0]](condition)
    unread = condition.unread()
    if unread:
        raise ValueError(f"has {' and '.join(unread)}, which {asked[0]} knows nothing of")
    return meaning
