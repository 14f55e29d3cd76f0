// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// boot.cjs: starts the daemon of PM2 in PM2_HOME, with what it saved; if that cannot be read, with what the definition
// files say. PM2 itself would then delete it and take the backup, which may be of an older release.
'use strict'
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const home = process.env.PM2_HOME
const inHome = (...names) => path.join(home, ...names)
const pm2 = (...words) => execFileSync('pm2', words, { stdio: ['ignore', 'ignore', 'inherit'] })

function refuseForeignDaemon () {
  let pid, title
  try {
    pid = fs.readFileSync(inHome('pm2.pid'), 'utf8').trim()
    title = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return
  }
  if (title.includes(`God Daemon (${home})`)) {
    console.error(`The daemon of PM2 with process id ${pid} was not started by this unit. As its user, save what it ` +
      'runs with `pm2 save` and end it with `pm2 kill`; then start this unit again.')
    process.exit(1)
  }
}

function readApps (file, appsOf) {
  try {
    const apps = appsOf(JSON.parse(fs.readFileSync(file, 'utf8')))
    return apps.every(app => typeof app.name === 'string') ? apps : null
  } catch {
    return null
  }
}

// Until when the end of a process is final is a matter of the start that it was written for: after a reboot, a process
// may have to try again until its database is there.
function forget (app) {
  for (const record of [app, app.env ?? {}]) {
    delete record.created_at
    delete record.unstable_restarts
  }
  return app
}

function write (file, content) {
  fs.writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 })
  fs.renameSync(`${file}.new`, file)
}

function definitionFiles () {
  try {
    return fs.readdirSync(inHome('shipshape')).filter(name => name.endsWith('.json')).sort()
  } catch {
    return []
  }
}

function startProcesses () {
  const dump = inHome('dump.pm2')
  const saved = readApps(dump, content => content)
  if (saved) {
    write(dump, saved.map(forget))
    return pm2('resurrect')
  }
  const defined = definitionFiles().flatMap(name => readApps(inHome('shipshape', name), content => content.apps) ?? [])
  if (defined.length) {
    console.log(`${dump} is missing or cannot be read; what the files in ${inHome('shipshape')} say is started.`)
    const all = inHome('boot.json')
    write(all, { apps: defined.map(forget) })
    try {
      pm2('start', all)
    } finally {
      fs.unlinkSync(all)
    }
  }
}

refuseForeignDaemon()
// Without this file PM2 reports that it was installed.
fs.closeSync(fs.openSync(inHome('touch'), 'a', 0o600))
pm2('ping')
startProcesses()
