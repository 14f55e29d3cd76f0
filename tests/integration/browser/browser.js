// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// A browser that does what each line of its input says, and answers with a line. Its argument maps names to addresses.
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
  executablePath: '/usr/bin/chromium',
  // The tests have authorities of their own; certificates are what smoke_check looks at.
  acceptInsecureCerts: true,
  // The tests are root, as whom Chromium cannot have a sandbox.
  args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server', `--host-resolver-rules=${process.argv[2]}`],
});
let page;
let heard;

const commands = {
  async open({ url, width, height, touch, dark, paper }) {
    await page?.close();
    heard = { requests: [], complaints: [] };
    page = await browser.newPage();
    page.setDefaultTimeout(20000);
    page.on('request', (request) => heard.requests.push(request.url()));
    page.on('requestfailed', (request) => heard.complaints.push(`${request.url()}: ${request.failure().errorText}`));
    page.on('console', (said) => heard.complaints.push(`${said.type()}: ${said.text()}`));
    page.on('pageerror', (error) => heard.complaints.push(String(error)));
    await page.setViewport({ width, height, hasTouch: touch, isMobile: touch });
    // Both at once: of Puppeteer's own two calls each takes back what the other has set.
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    const session = await page.createCDPSession();
    await session.send('Emulation.setEmulatedMedia', { media: paper ? 'print' : 'screen', features });
    await page.goto(url);
  },
  reload: () => page.reload(),
  value: ({ expression }) => page.evaluate(expression),
  until: ({ expression }) => page.waitForFunction(expression).then(() => null),
  click: ({ selector }) => page.locator(selector).click(),
  write: ({ selector, text }) => page.locator(selector).fill(text),
  shoot: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => null),
  // What the browser tells before it answers something has been heard by then.
  heard: () => page.evaluate('null').then(() => heard),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line);
  const answer = await commands[command](given).then(
    (value) => ({ value }),
    (error) => ({ error: `${command} ${JSON.stringify(given)}: ${error.message}` }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
