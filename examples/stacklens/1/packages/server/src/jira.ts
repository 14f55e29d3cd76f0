// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Opens tickets in Jira.

import type { Config } from './config.ts';

export class Jira {
  constructor(private readonly config: Config) {}

  /** The key of the new ticket. */
  async open(summary: string, description: string): Promise<string> {
    const { JIRA_URL, JIRA_PROJECT, JIRA_TOKEN } = this.config;
    const fields = { project: { key: JIRA_PROJECT }, issuetype: { name: 'Bug' } };
    const response = await fetch(`${JIRA_URL}/rest/api/2/issue`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${JIRA_TOKEN}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ fields: { ...fields, summary: summary.slice(0, 200), description } }),
      signal: AbortSignal.timeout(10000),
    });
    if (!response.ok) throw new Error(`Jira answered ${response.status}`);
    return ((await response.json()) as { key: string }).key;
  }
}
