// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { PRIORITIES } from '@stacklens/schema/providers';

type Credential = { id: number; name: string; provider: string; apiKey: string | null; priority: number };

const PLACE = '/api/admin/credentials';
const [login, add] = ['#login', '#add'].map((id) => document.querySelector<HTMLFormElement>(id)!);
const [provider, priority] = ['provider', 'priority'].map((name) => add.elements.namedItem(name) as HTMLInputElement);

async function ask(path: string, method = 'GET', body?: unknown) {
  const token = new FormData(login).get('token');
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  const response = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  document.querySelector('#answer')!.textContent = response.ok ? '' : (await response.json()).error;
  return response;
}

function rowOf({ id, name, provider, apiKey, priority }: Credential) {
  const row = document.createElement('tr');
  for (const text of [name, provider, apiKey ?? 'none']) row.insertCell().textContent = text;
  const input = Object.assign(document.createElement('input'), { type: 'number', min: '0', value: String(priority) });
  input.addEventListener('change', async () => {
    await ask(`${PLACE}/${id}`, 'PUT', { priority: input.valueAsNumber });
    await show();
  });
  row.insertCell().append(input);
  return row;
}

async function show() {
  const response = await ask(PLACE);
  if (!response.ok) return;
  document.querySelector('tbody')!.replaceChildren(...((await response.json()) as Credential[]).map(rowOf));
  document.querySelector('table')!.hidden = false;
  add.hidden = false;
}

for (const name of Object.keys(PRIORITIES)) provider.append(new Option(name) as unknown as Node);
const suggest = () => Object.assign(priority, { value: String(PRIORITIES[provider.value]) });
provider.addEventListener('change', suggest);
suggest();

login.addEventListener('submit', (event) => {
  event.preventDefault();
  show();
});
add.addEventListener('submit', async (event) => {
  event.preventDefault();
  const given = Object.fromEntries(new FormData(add));
  await ask(PLACE, 'POST', { ...given, priority: priority.valueAsNumber, isGlobal: true });
  await show();
});
