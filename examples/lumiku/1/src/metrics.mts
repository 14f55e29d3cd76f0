// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// What is counted since the start, and how it is told to Prometheus.

type Labels = Record<string, string>;
export type Gauge = [name: string, labels: Labels, value: number];

const counters = new Map<string, number>();

/** A series as Prometheus writes it. Labels are words of this application, so nothing has to be escaped. */
const series = (name: string, labels: Labels) => {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length ? `${name}{${pairs.join(',')}}` : name;
};

export function count(name: string, labels: Labels = {}, by = 1) {
  const key = series(`lumiku_${name}`, labels);
  counters.set(key, (counters.get(key) ?? 0) + by);
}

// All of them are there from the beginning, because an alert cannot see the first of what was not there.
for (const outcome of ['success', 'conflict', 'refused']) count('credit_transactions_total', { outcome }, 0);
for (const outcome of ['success', 'failure']) count('credit_refunds_total', { outcome }, 0);
for (const app of ['avatar-creator', 'pose-generator', 'payments', 'other'])
  count('json_parse_errors_total', { app }, 0);
for (const name of ['redis_connection_failures_total', 'websocket_disconnects_total']) count(name, {}, 0);

/** The page, with these numbers of the moment. */
export function page(gauges: Gauge[]) {
  const now = new Map(gauges.map(([name, labels, value]) => [series(`lumiku_${name}`, labels), value]));
  const lines: string[] = [];
  let last = '';
  for (const [key, value] of [...counters, ...now].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const name = key.split('{')[0];
    if (name !== last) lines.push(`# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}`);
    lines.push(`${key} ${value}`);
    last = name;
  }
  return `${lines.join('\n')}\n`;
}
