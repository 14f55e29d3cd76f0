// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a numbered line with the time each millisecond to two logs, of which one stays open and the other is opened
// anew on SIGHUP.
const fs = require('fs');

const open = (name) => fs.openSync(`${process.argv[2]}/${name}.log`, 'a');
const kept = open('app');
let reopened = open('reopened');
process.on('SIGHUP', () => {
    fs.closeSync(reopened);
    reopened = open('reopened');
});

let number = 0;
setInterval(() => {
    number += 1;
    const line = `${number} ${Date.now()}\n`;
    fs.writeSync(kept, line);
    fs.writeSync(reopened, line);
}, 1);
