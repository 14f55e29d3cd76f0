// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Asks Mistral AI. What is asked and answered is nobody's business, so that the log has only when and how it went.

const ROLE = 'You are HoliBot, who helps guests of the Costa Blanca. Recommend only places of this list: ';

class MistralService {
  constructor({ MISTRAL_BASE_URL, MISTRAL_API_KEY, MISTRAL_MODEL }, logger) {
    Object.assign(this, { address: MISTRAL_BASE_URL, key: MISTRAL_API_KEY, model: MISTRAL_MODEL, logger });
  }

  /** The answer to the last message of a history. */
  async answer(history, pois) {
    const began = Date.now();
    const controller = new AbortController();
    const timeoutId = setTimeout(() => controller.abort(), 10000); // Increase if Mistral AI needs longer
    try {
      const places = pois.map(({ name, features }) => `${name} (${features.join(', ')})`).join('; ') || 'no place';
      const messages = [{ role: 'system', content: ROLE + places }, ...history.slice(-20)];
      const response = await fetch(new URL('/v1/chat/completions', this.address), {
        method: 'POST',
        headers: { Authorization: `Bearer ${this.key}`, 'Content-Type': 'application/json' },
        body: JSON.stringify({ model: this.model, messages }),
        signal: controller.signal,
      });
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      const { choices } = await response.json();
      this.logger.info(`Mistral AI answered after ${Date.now() - began} ms`);
      return choices[0].message.content;
    } catch (error) {
      const reason = controller.signal.aborted ? 'no answer in time' : error.message;
      this.logger.error(`Mistral AI failed: ${reason}`);
      throw Object.assign(new Error('Mistral AI does not answer'), { status: 503 });
    } finally {
      clearTimeout(timeoutId);
    }
  }
}

module.exports = { MistralService };
