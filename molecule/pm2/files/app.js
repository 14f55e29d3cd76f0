// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// app.js: an application that answers on PORT, and ends at once while DATABASE names a file that is not there.
const { existsSync } = require('node:fs')
const { createServer } = require('node:http')

if (process.env.DATABASE && !existsSync(process.env.DATABASE)) process.exit(1)
createServer((request, response) => {
  const wanted = new URL(request.url, 'http://x').searchParams
  console.log('x'.repeat(Number(wanted.get('log') ?? 0)))
  response.end(process.env.RELEASE)
}).listen(Number(process.env.PORT), '127.0.0.1')
