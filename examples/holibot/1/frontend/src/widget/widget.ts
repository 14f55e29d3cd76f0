// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { type Message, type Poi, deleteSession, getSession, sendMessage } from '../shared/services/chat.api';
import './widget.css';

const KEY = 'holibot-session';

function element<K extends keyof HTMLElementTagNameMap>(tag: K, className: string, text = '') {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

/** Adds the widget to the page; what comes back opens it. */
export function createWidget(): () => void {
  const widget = element('div', 'holibot');
  const panel = element('section', 'holibot-panel');
  const messages = element('div', 'holibot-messages');
  const places = element('ul', 'holibot-pois');
  const form = element('form', 'holibot-form');
  const input = element('input', 'holibot-input');
  const forget = Object.assign(element('button', 'holibot-forget', 'Forget'), { type: 'button' });
  const button = element('button', 'holibot-button', 'HoliBot');
  Object.assign(input, { required: true, maxLength: 500, ariaLabel: 'Question' });
  panel.hidden = true;
  form.append(input, element('button', 'holibot-send', 'Ask'), forget);
  panel.append(messages, places, form);
  widget.append(panel, button);
  document.body.append(widget);

  const say = ({ role, content }: Message) => messages.append(element('p', `holibot-${role}`, content));
  const item = ({ name, town, features }: Poi) =>
    element('li', 'holibot-poi', `${name}, ${town}: ${features.join(', ')}`);
  const list = (pois: Poi[]) => places.replaceChildren(...pois.map(item));
  const clear = () => {
    localStorage.removeItem(KEY);
    messages.replaceChildren();
    places.replaceChildren();
  };

  async function restore(id: string) {
    try {
      const { history, pois } = await getSession(id);
      history.forEach(say);
      list(pois);
    } catch {
      clear();
    }
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const query = input.value;
    input.value = '';
    say({ role: 'user', content: query });
    try {
      const { sessionId, message, pois } = await sendMessage(query, localStorage.getItem(KEY) ?? undefined);
      localStorage.setItem(KEY, sessionId);
      say({ role: 'assistant', content: message });
      list(pois);
    } catch (error) {
      say({ role: 'assistant', content: `HoliBot cannot answer now: ${(error as Error).message}` });
    }
  });
  forget.addEventListener('click', async () => {
    const id = localStorage.getItem(KEY);
    clear();
    if (id) await deleteSession(id).catch(() => {});
  });

  const open = () => {
    panel.hidden = false;
    input.focus();
  };
  button.addEventListener('click', open);
  const known = localStorage.getItem(KEY);
  if (known) restore(known);
  return open;
}
