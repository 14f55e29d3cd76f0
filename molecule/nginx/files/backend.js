// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// backend.js NAME PORT: an application that says who answers and what it was sent, and that also sends headers which
// the web server is to send.
const http = require('node:http')
const { createHash } = require('node:crypto')

const [name, port] = process.argv.slice(2)
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

const server = http.createServer((request, response) => {
  for (const header of ['X-Content-Type-Options', 'X-Frame-Options', 'X-XSS-Protection', 'Referrer-Policy',
    'Strict-Transport-Security', 'Content-Security-Policy', 'Permissions-Policy', 'X-Powered-By']) {
    response.setHeader(header, 'of the application')
  }
  response.setHeader('Content-Type', 'application/json')
  let bytes = 0
  request.on('data', (part) => { bytes += part.length })
  request.on('end', () => {
    const wanted = new URL(request.url, 'http://x').searchParams
    response.statusCode = Number(wanted.get('status') ?? 200)
    const answer = { name, url: request.url, bytes, headers: request.headers, filler: 'x'.repeat(2000) }
    setTimeout(() => response.end(JSON.stringify(answer)), Number(wanted.get('wait') ?? 0))
  })
})

server.on('upgrade', (request, socket) => {
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + MAGIC).digest('base64')
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`)
  const text = Buffer.from(`${name} ${request.url}`)
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), text]))
  socket.on('error', () => socket.destroy())
  socket.on('data', () => socket.end())
})

server.listen(Number(port), '127.0.0.1')
