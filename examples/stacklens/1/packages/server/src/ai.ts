// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Asks the provider with the lowest priority, and the next one if that has no answer.

import type { CredentialService } from './credentials.ts';
import type { Logger } from './logger.ts';

export class AIService {
  constructor(
    private readonly credentials: CredentialService,
    private readonly logger: Logger,
    private readonly address: string,
  ) {}

  async initialize(): Promise<void> {
    const usable = await this.credentials.usable();
    for (const { provider, priority } of usable) this.logger.info(`Provider: ${provider} | Priority: ${priority}`);
    this.logger.info(`AI service initialized with ${usable.length} credentials in the order of their priorities`);
  }

  /** What a provider says of an error, or null if none has an answer. */
  async explain(message: string): Promise<{ provider: string; text: string } | null> {
    for (const { id, provider, priority, endpoint, key } of await this.credentials.usable()) {
      this.logger.info(`Provider: ${provider} | Priority: ${priority}`);
      try {
        const response = await fetch(endpoint ?? `${this.address}/${encodeURIComponent(provider)}/explain`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
          body: JSON.stringify({ message }),
          signal: AbortSignal.timeout(10000),
        });
        if (!response.ok) throw new Error(`it answered ${response.status}`);
        const { text } = (await response.json()) as { text: string };
        await this.credentials.recordUse(id);
        return { provider, text };
      } catch (error) {
        this.logger.warn(`${provider} cannot be used: ${(error as Error).message}`);
      }
    }
    return null;
  }
}
