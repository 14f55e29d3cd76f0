// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');
const { Application, MODULES, freePort, until } = require('./application');

const VITE = path.join('node_modules', 'vite', 'bin', 'vite.js');

/** The page as Vite builds and serves it, of which the backend knows. */
async function served(app) {
  const port = await freePort();
  app.origin = `http://127.0.0.1:${port}`;
  const environment = { VITE_API_BASE_URL: `http://127.0.0.1:${app.port}/api/v1` };
  const { status, stderr } = app.run(process.execPath, [VITE, 'build'], { environment, part: 'frontend' });
  assert.equal(status, 0, stderr);
  const args = ['preview', '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
  const child = app.spawn(VITE, { args, part: 'frontend' });
  await until(() => child.said.includes(String(port)));
  await app.start({ CORS_ORIGIN: app.origin });
}

test('the widget opens, answers, and knows the conversation when the page is loaded again', async (t) => {
  const app = await new Application(t).prepare();
  await served(app);
  const { Browser } = await import(path.join(MODULES.test, 'happy-dom', 'lib', 'index.js'));
  const kept = {};
  const settings = {
    enableJavaScriptEvaluation: true,
    suppressInsecureJavaScriptEnvironmentWarning: true,
    // This browser forgets localStorage with each page.
    navigation: { beforeContentCallback: (window) => Object.assign(window.localStorage, kept) },
  };
  const browser = new Browser({ settings });
  t.after(() => browser.close());
  const page = browser.newPage();
  const load = async () => {
    await page.goto(app.origin);
    await page.waitUntilComplete();
    return page.mainFrame.window;
  };
  const texts = (selector) =>
    [...page.mainFrame.window.document.querySelectorAll(selector)].map(({ textContent }) => textContent);

  const window = await load();
  const panel = window.document.querySelector('.holibot-panel');
  assert.equal(typeof window.openHoliBot, 'function');
  assert.equal(panel.hidden, true);
  window.openHoliBot();
  assert.equal(panel.hidden, false);
  panel.hidden = true;
  window.document.querySelector('.holibot-button').click();
  assert.equal(panel.hidden, false);

  const ask = async (query, answers) => {
    window.document.querySelector('.holibot-input').value = query;
    window.document.querySelector('.holibot-send').click();
    await until(() => texts('.holibot-assistant').length === answers);
  };
  await ask('best restaurants in Calpe', 1);
  assert.deepEqual(texts('.holibot-user'), ['best restaurants in Calpe']);
  assert.deepEqual(texts('.holibot-assistant'), ['I would go to El Mirador or Casa Marina or La Lonja.']);
  assert.equal(texts('.holibot-poi').length, 3);
  await ask('which one has outdoor seating?', 2);
  assert.deepEqual(texts('.holibot-poi'), [
    'El Mirador, Calpe: outdoor seating, sea view',
    'La Lonja, Calpe: outdoor seating, fish',
  ]);
  await ask('unanswerable', 3);
  assert.equal(texts('.holibot-assistant')[2], 'HoliBot cannot answer now: Mistral AI does not answer');

  Object.assign(kept, { ...window.localStorage });
  assert.equal(Object.keys(kept).length, 1);
  await load();
  await until(() => texts('.holibot-poi').length === 2);
  assert.equal(texts('.holibot-assistant').length, 2);
  page.mainFrame.window.document.querySelector('.holibot-forget').click();
  await until(async () => (await app.sql('SELECT * FROM ChatSession')).length === 0);
  assert.deepEqual(texts('.holibot-poi'), []);
  // The browser says itself of each answer whose status tells of a failure; the page says nothing.
  assert.deepEqual(page.virtualConsolePrinter.readAsString().match(/^(?!.*503).*\S.*$/gm), null);
});

test('the bundle knows the address of the API that it is built for, and has to be told', async (t) => {
  const app = await new Application(t).prepare();
  const build = (url) => {
    const environment = { VITE_API_BASE_URL: url };
    return app.run(process.execPath, [VITE, 'build'], { environment, part: 'frontend' });
  };
  const dist = path.join(app.folder, 'frontend', 'dist', 'assets');
  const bundle = () => {
    const file = fs.readdirSync(dist).find((name) => name.endsWith('.js'));
    return file && fs.readFileSync(path.join(dist, file), 'utf8');
  };
  assert.equal(build('https://holibot.example/api/v1').status, 0);
  assert.match(bundle(), /https:\/\/holibot\.example\/api\/v1/);
  assert.match(bundle(), /openHoliBot/);
  assert.doesNotMatch(bundle(), /localhost|127\.0\.0\.1/);
  for (const wrong of ['', '/api/v1', 'https://holibot.example']) {
    const { status, stderr } = build(wrong);
    assert.equal(status, 1);
    assert.match(stderr, /VITE_API_BASE_URL must be the address of the API/);
  }

  app.release('1', 'page-without-widget');
  assert.equal(build('https://holibot.example/api/v1').status, 0);
  const files = fs.readdirSync(path.join(app.folder, 'frontend', 'dist', 'assets'));
  assert.deepEqual(files.filter((name) => name.endsWith('.js')), []);
});
