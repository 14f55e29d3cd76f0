# SPDX-FileCopyrightText: Shipshape contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A deployment's record as a page that needs nothing beside it. This module is private to the collection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ansible_collections.shipshape.webapp.plugins.module_utils._record.plot import availability_plot
from ansible_collections.shipshape.webapp.plugins.module_utils._record.record import VERDICTS, moment

_MARKS = {"passed": "✓", "failed": "✗", "error": "!", "inconclusive": "?", "skipped": "-"}

_STYLE = """
:root{--ink:#1c2430;--soft:#5d6b7c;--line:#d9dfe6;--paper:#fff;--tint:#f4f6f8;--good:#1a7f4b;--bad:#b3261e;--warn:#9a6200;
--accent:#2158b8}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa8b8;--line:#364150;--paper:#151a21;
--tint:#1d242d;--good:#4cc38a;--bad:#ff8078;--warn:#e3a83b;--accent:#7ea8f8}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere;
-webkit-text-size-adjust:100%}
main{max-width:60rem;margin:0 auto;padding:1.25rem}
header{border-left:.4rem solid var(--tone);background:var(--tint);padding:1rem 1.25rem;border-radius:.3rem}
h1{margin:0;font-size:1.6rem;line-height:1.25}
h1 b{color:var(--tone)}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.4rem 0}
.good{--tone:var(--good)}.bad{--tone:var(--bad)}.calm{--tone:var(--accent)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1rem 0 0}
dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-size:.9rem;font-weight:600}
table{width:100%;border-collapse:collapse;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td.wide{width:50%}
.bar{position:relative;height:1.1rem;background:var(--tint);border-radius:.2rem}
.bar i{position:absolute;top:0;bottom:0;background:var(--accent);border-radius:.2rem;min-width:3px}
.bar i.failed{background:var(--bad)}
.mark{width:1.6rem;font-weight:700;white-space:nowrap}
.passed .mark{color:var(--good)}.failed .mark,.error .mark{color:var(--bad)}.inconclusive .mark{color:var(--warn)}
.skipped{color:var(--soft)}
.id{display:inline-block;border:1px solid var(--line);border-radius:.6rem;padding:0 .45rem;font-size:.75rem;
color:var(--soft)}
small,.soft{color:var(--soft)}
code,pre{font:.85rem/1.45 ui-monospace,monospace}
pre{background:var(--tint);padding:.75rem;border-radius:.3rem;margin:.4rem 0;white-space:pre-wrap}
details>summary{cursor:pointer;color:var(--accent)}
ul{margin:.4rem 0;padding-left:1.2rem}
svg{width:100%;height:auto;display:block;margin-top:1rem;overflow:visible}
svg text{fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line)}svg .line{fill:none;stroke:var(--accent);stroke-width:1.5;vector-effect:non-scaling-stroke}
svg .failed{fill:var(--bad);opacity:.55}svg .switch{stroke:var(--good);stroke-dasharray:4 3}
svg text.switch{fill:var(--good);stroke:none}
@media (max-width:36rem){main,header{padding:.75rem}h1{font-size:1.3rem}.wide{display:none}
svg text{font-size:22px}}
@media print{:root{--ink:#000;--paper:#fff;--tint:#f4f4f4;--line:#bbb;--soft:#444}body{font-size:11pt}
details::details-content{content-visibility:visible}h2{break-after:avoid}tr,svg{break-inside:avoid}
.bar,header{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def page(record: Mapping[str, Any]) -> str:
    """The whole page."""
    title = f"{record['application']}: {VERDICTS[record['verdict']]}"
    sections = [*_sections(record)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def _sections(record: Mapping[str, Any]) -> Iterator[str]:
    yield _header(record)
    yield _section("How to go back", _code(record["go_back"]))
    yield _section("To note", _list(record["warnings"]))
    yield _section("Phases", _phases(record))
    yield _section("Availability", _availability(record))
    yield _section("Checks", "".join(_suite(suite) for suite in record["suites"]))
    yield _section("Confirmed by a person", _attested(record["attested"]))
    yield _section("To be confirmed by a person", _asked(record["asked"]))
    yield _section("Known issues", _list(record["known_issues"]))
    yield _section("Database", _database(record))
    yield _section("Configuration", _configuration(record["configuration"]))
    yield _section("Build", _steps(record["steps"]))
    yield _section("What the logs say", "".join(_log(log) for log in record["logs"]))


def _header(record: Mapping[str, Any]) -> str:
    tone = {"good": "good", "unchanged": "calm", "rolled_back": "calm"}.get(record["verdict"], "bad")
    release = record["release"]
    availability = record["availability"] or {}
    facts = {
        "Live release": release.get("live") or release.get("id"),
        "Before": record["before"],
        "Commit": (release.get("origin") or "")[:12],
        "Change": release.get("title"),
        "Hosts": ", ".join(record["hosts"]),
        "Began": _time(record["began"]),
        "Took": _duration(record["seconds"]),
        "By": record["by"],
        "Failed requests": _of(availability.get("failed"), availability.get("requests")),
        "Longest gap": _seconds(availability.get("longest_gap")),
        "Expected downtime": record["expected_downtime"],
        "Kind": record["kind"],
        "Schema version": record["schema_version"],
        "Next review": record["next_review"],
        "Snapshot": (record["snapshot"] or {}).get("id"),
        "Checks": _of(record["counts"]["passed"], record["counts"]["checks"]) if record["counts"]["checks"] else None,
    }
    told = "".join(f"<div><dt>{escape(name)}</dt><dd>{_in(fact)}</dd></div>" for name, fact in facts.items() if fact)
    return (
        f'<header class="{tone}"><h1>{_in(record["application"])}: <b>{VERDICTS[record["verdict"]]}</b></h1>'
        f"<p>{_in(record['sentence'])}</p><dl>{told}</dl>"
        f"<p><small>{_in(record['deployment'])}</small></p></header>"
    )


def _phases(record: Mapping[str, Any]) -> str:
    total = max(record["seconds"] or 0, 1)
    begun = moment(record["began"])
    rows = []
    for phase in record["phases"]:
        start = (moment(phase["began"]) - begun).total_seconds() / total * 100
        width = (phase["seconds"] or 0) / total * 100
        state = "failed" if phase.get("state") == "failed" else ""
        note = "".join(f"<br><small>{_in(line)}</small>" for line in [phase.get("note")] if line)
        hosts = "".join(
            f"<br><small>{_in(host['name'])}: {_in(host.get('line') or host.get('state') or '')}</small>"
            for host in phase.get("hosts") or ()
        )
        rows.append(
            f'<tr class="{state}"><td>{_in(phase["name"])}{note}{hosts}</td>'
            f'<td class="wide"><div class="bar"><i class="{state}" style="left:{start:.1f}%;width:{width:.1f}%"></i>'
            f'</div></td><td class="number">{_duration(phase["seconds"])}</td></tr>'
        )
    return _table(rows)


def _availability(record: Mapping[str, Any]) -> str:
    measured = record["availability"]
    if not measured:
        return ""
    outcomes = ", ".join(f"{count} times {_in(outcome)}" for outcome, count in (measured.get("outcomes") or {}).items())
    return (
        f"<p><b>{measured['failed']}</b> of {measured['requests']} requests failed"
        f" ({outcomes}); longest gap {_seconds(measured['longest_gap'])}; half of the answers took"
        f" {_ms(measured.get('p50'))}, 95 of 100 at most {_ms(measured.get('p95'))},"
        f" the slowest {_ms(measured.get('slowest'))}.</p>"
        f"{availability_plot(measured.get('series') or [], record['switched'])}"
    )


def _suite(suite: Mapping[str, Any]) -> str:
    title = " on ".join(filter(None, [suite.get("title"), suite.get("host")]))
    rows = [_check(check) for check in suite.get("checks") or ()]
    return f"<h3>{_in(title)}</h3>{_table(rows)}" if rows else ""


def _check(check: Mapping[str, Any]) -> str:
    outcome = check.get("outcome") or "error"
    ids = _ids(check)
    failures = "".join(f"<br>{_in(line)}" for line in check.get("failures") or ())
    evidence = _evidence(check)
    return (
        f'<tr class="{_in(outcome)}"><td class="mark" title="{_in(outcome)}">{_MARKS.get(outcome, "!")}</td>'
        f"<td>{_in(check.get('name'))}{ids}{failures}{evidence}</td>"
        f'<td class="number">{_ms(check.get("ms") or None)}</td></tr>'
    )


def _evidence(check: Mapping[str, Any]) -> str:
    told = [
        f"{'✓' if one.get('is_met') else '✗'} {one.get('path')}: {one.get('told')}"
        for one in check.get("assertions") or ()
    ]
    observed = check.get("observed")
    if observed:
        told.append(json.dumps(observed, ensure_ascii=False, indent=1, default=str))
    return f"<details><summary>Evidence</summary><pre>{_in(chr(10).join(told))}</pre></details>" if told else ""


def _database(record: Mapping[str, Any]) -> str:
    snapshot = record["snapshot"]
    parts = []
    if snapshot:
        verified = (snapshot.get("verified") or {}).get("level")
        parts.append(
            f"<p>Snapshot <code>{_in(snapshot.get('id'))}</code>, {_bytes(snapshot.get('bytes'))}"
            f"{', verified by ' + _in(verified) if verified else ''}<br><small>{_in(snapshot.get('path'))}</small></p>"
        )
    rows = [
        f'<tr><td>{_in(one.get("name"))}</td><td class="number">{_seconds(one.get("seconds"))}</td></tr>'
        for one in record["migrations"]
    ]
    return "".join(parts) + _table(rows)


def _configuration(changes: Mapping[str, Sequence[str]]) -> str:
    return "".join(
        f"<p>{word}: {', '.join(f'<code>{_in(name)}</code>' for name in changes[key])}</p>"
        for key, word in (("added", "Came"), ("changed", "Changed"), ("removed", "Went"))
        if changes.get(key)
    )


def _steps(steps: Sequence[Mapping[str, Any]]) -> str:
    return _table(
        f"<tr><td><code>{_in(step.get('run'))}</code>"
        f"{' <small>from the cache</small>' if step.get('is_restored') else ''}</td>"
        f'<td class="number">{_seconds(step.get("seconds"))}</td></tr>'
        for step in steps
    )


def _attested(items: Sequence[Mapping[str, Any]]) -> str:
    return _table(
        f'<tr><td class="mark">✓</td><td>{_in(item.get("name"))}<br><small>{_in(item.get("who"))}, '
        f"{_in(item.get('when'))}</small></td></tr>"
        for item in items
    )


def _asked(items: Sequence[Mapping[str, Any]]) -> str:
    return _table(
        f'<tr><td class="mark">☐</td><td>{_in(item.get("name"))}{_ids(item)}'
        f"{'<br><small>until ' + _in(item['due']) + '</small>' if item.get('due') else ''}</td></tr>"
        for item in items
    )


def _ids(item: Mapping[str, Any]) -> str:
    return "".join(f' <span class="id">{_in(one)}</span>' for one in item.get("ids") or ())


def _log(log: Mapping[str, Any]) -> str:
    where = " on ".join(filter(None, [log.get("path"), log.get("host")]))
    lines = "\n".join(str(line) for line in log.get("lines") or ())
    return f"<p><code>{_in(where)}</code></p><pre>{_in(lines)}</pre>"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_in(line)}</li>' for line in lines)}</ul>" if lines else ""


def _code(command: str | None) -> str:
    return f"<pre>{_in(command)}</pre>" if command else ""


def _table(rows: Iterable[str]) -> str:
    inner = "".join(rows)
    return f"<table>{inner}</table>" if inner else ""


def _in(text: object) -> str:
    return "" if text is None else escape(str(text))


def _time(text: str) -> str:
    return f"{moment(text):%Y-%m-%d %H:%M:%S} UTC"


def _of(part: object, whole: object) -> str | None:
    return None if part is None else f"{part} of {whole}"


def _ms(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 1000:
        return _seconds(value / 1000)
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _bytes(size: float | None) -> str:
    if size is None:
        return ""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
