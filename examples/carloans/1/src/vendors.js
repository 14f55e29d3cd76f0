// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// OpenAI writes to customers, and Mailgun delivers it.

const LONGEST = 10000;

export class Vendors {
  constructor(config) {
    this.config = config;
  }

  /** A letter to a customer. */
  async write(lead) {
    const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = this.config;
    const content = `Answer ${lead.name}, who asks for a car loan, in two sentences.`;
    const answer = await fetch(new URL('/v1/chat/completions', base), {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content }] }),
      signal: AbortSignal.timeout(LONGEST),
    });
    if (!answer.ok) throw new Error(`OpenAI answered ${answer.status}`);
    return (await answer.json()).choices[0].message.content;
  }

  async send(to, subject, text) {
    const { MAILGUN_DOMAIN: domain } = this.config;
    const body = new URLSearchParams({ from: `Complete Car Loans <loans@${domain}>`, to, subject, text });
    await this.mailgun(`/v3/${domain}/messages`, { method: 'POST', body });
  }

  /** Whether Mailgun takes the key and the domain; its DNS records have to be right for that. */
  async canSend() {
    const { domain } = await this.mailgun(`/v3/domains/${this.config.MAILGUN_DOMAIN}`);
    return domain.state === 'active';
  }

  async mailgun(path, options = {}) {
    const { MAILGUN_BASE_URL: base, MAILGUN_API_KEY: key } = this.config;
    const headers = { Authorization: `Basic ${Buffer.from(`api:${key}`).toString('base64')}` };
    const signal = AbortSignal.timeout(LONGEST);
    const answer = await fetch(new URL(path, base), { ...options, headers, signal });
    if (!answer.ok) throw new Error(`Mailgun answered ${answer.status}`);
    return answer.json();
  }
}
