// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// show.js: prints its variables whose names begin with SHOW_, as JSON, and where it is.
const shown = Object.entries(process.env).filter(([name]) => name.startsWith('SHOW_'))
console.log(JSON.stringify({ ...Object.fromEntries(shown), cwd: process.cwd(), uid: process.getuid() }))
