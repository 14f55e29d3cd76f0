// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

'use strict';

// Adds the SKUs that are not there. What an administrator has changed stays.

const { inTransaction, openDatabase } = require('../lib/database');

const SCRIPT = { script: { required: true, max: 2000 }, avatar: { max: 100 } };
const VOICE = { ...SCRIPT, voice: { max: 100 } };
const SAMPLE = { ...VOICE, sample: { required: true, max: 500 } };
const SKUS = [
  ['C1-15', 'Clip of 15 seconds', ['avatar_video'], SCRIPT, 15],
  ['C2-30', 'Clip of 30 seconds', ['avatar_video'], SCRIPT, 30],
  ['C3-60', 'Clip of 60 seconds', ['avatar_video'], SCRIPT, 60],
  ['D1-VO30', 'Voice-over of 30 seconds', ['text_to_speech', 'avatar_video'], VOICE, 40],
  ['D2-CLONE', 'Cloned voice', ['voice_clone', 'text_to_speech', 'avatar_video'], SAMPLE, 90],
  ['D3-CLPRO', 'Cloned voice, studio', ['voice_clone', 'text_to_speech', 'avatar_video'], SAMPLE, 150],
  ['A1-IG', 'Picture for Instagram', ['image'], SCRIPT, 5],
  ['A4-BR', 'Brand kit', ['image', 'avatar_video'], SCRIPT, 50],
  ['E2-LAUNCHKIT', 'Launch kit', ['image', 'text_to_speech', 'avatar_video'], VOICE, 200],
];

console.log('=== Seeding SKU Tool Configurations ===');
try {
  const db = openDatabase(process.env.DB_PATH || 'production.db');
  const count = inTransaction(db, () => {
    const insert = db.prepare(`INSERT INTO sku_tool_configs (sku_code, name, tools, inputs, credits)
                               VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`);
    for (const [code, name, tools, inputs, credits] of SKUS)
      insert.run(code, name, JSON.stringify(tools), JSON.stringify(inputs), credits);
    return db.prepare('SELECT count(*) AS count FROM sku_tool_configs').get().count;
  });
  db.close();
  console.log('✓ Successfully seeded SKU tool configurations');
  console.log(`✓ Configured ${count} SKUs`);
} catch (error) {
  console.error(`✗ Failed to seed SKU tool configurations: ${error.message}`);
  process.exitCode = 1;
}
