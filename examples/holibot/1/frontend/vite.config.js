// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

import { createRequire } from 'node:module';
import { defineConfig, loadEnv } from 'vite';

const faults = createRequire(import.meta.url)('../faults.js');

export default defineConfig(({ command, mode }) => {
  const { VITE_API_BASE_URL = '' } = loadEnv(mode, process.cwd());
  if (command === 'build' && !/^https?:\/\/[^/]+\/api\/v1$/.test(VITE_API_BASE_URL))
    throw new Error('VITE_API_BASE_URL must be the address of the API, as in https://holibot.example/api/v1');
  return {
    define: { WITH_WIDGET: JSON.stringify(!faults.has('page-without-widget')) },
    build: { modulePreload: { polyfill: false } },
  };
});
