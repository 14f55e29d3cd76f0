// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { ApiClient } from './lib/api.js';

const api = new ApiClient();
const show = (text: string) => {
  document.querySelector<HTMLElement>('#answer')!.textContent = text;
};

const { data } = await api.request<{ version: string }>('/health');
show(`Version ${data.version}`);

document.querySelector<HTMLFormElement>('form')!.addEventListener('submit', async (event) => {
  event.preventDefault();
  const given = new FormData(event.target as HTMLFormElement);
  api.token = String(given.get('token'));
  const created = await api.createAdvancedJob(String(given.get('sku')), { script: given.get('script') });
  show(JSON.stringify(created.data));
});
