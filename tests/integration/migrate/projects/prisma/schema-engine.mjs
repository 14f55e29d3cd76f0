// SPDX-FileCopyrightText: Shipshape contributors
// SPDX-License-Identifier: GPL-3.0-or-later

// Stands in for Prisma's native schema engine where that cannot be downloaded: the same arguments, and the same
// JSON-RPC over standard input and output, carried out by the engine that Prisma itself compiles to WebAssembly.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);

async function load() {
  globalThis.PRISMA_WASM_PANIC_REGISTRY = {
    message: "",
    set_message(said) {
      this.message = said;
    },
  };
  const name = "@prisma/schema-engine-wasm/schema_engine_bg";
  const bindings = await import(name);
  const code = readFileSync(join(dirname(require.resolve(name)), "schema_engine_bg.wasm"));
  const { instance } = await WebAssembly.instantiate(code, { "./schema_engine_bg.js": bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start?.();
  return bindings.SchemaEngine;
}

function valuesOf(...options) {
  const words = process.argv.slice(2);
  return words.flatMap((word, at) => (options.includes(word) ? [words[at + 1]] : []));
}

function postgresql(url) {
  const { PrismaPg } = require("@prisma/adapter-pg");
  const { Pool } = require("pg");
  // The adapter does not know name, "char" and the arrays of both, of which the server's catalogue consists.
  const known = { 18: 1042, 19: 25, 1002: 1014, 1003: 1009 };
  const translated = (result) => {
    for (const { fields = [] } of [result].flat()) {
      for (const field of fields) field.dataTypeID = known[field.dataTypeID] ?? field.dataTypeID;
    }
    return result;
  };
  const translating = (session) => {
    if (session.isTranslating) return session;
    const query = session.query.bind(session);
    session.query = (...words) => {
      const answer = query(...words);
      return answer?.then ? answer.then(translated) : answer;
    };
    session.isTranslating = true;
    return session;
  };
  // A new session of the native engine begins with this; without a schema, it is as the server has it.
  const schema = new URL(url).searchParams.get("schema");
  const options = schema ? `-c search_path=${`"${schema}"`.replace(/[\\ ]/g, "\\$&")}` : undefined;
  const pool = translating(new Pool({ connectionString: url, max: 1, options }));
  const connectPool = pool.connect.bind(pool);
  pool.connect = (...words) => (words.length ? connectPool(...words) : connectPool().then(translating));
  const factory = new PrismaPg(pool, schema ? { schema } : {});
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const session = await connect();
    // A whole script at once, as the native engine sends it; the adapter would cut it at every semicolon.
    session.executeScript = (script) => pool.query(script).then(() => {}, (error) => session.onError(error));
    return session;
  };
  return factory;
}

function sqlite(url) {
  const { PrismaLibSQL } = require("@prisma/adapter-libsql");
  return new PrismaLibSQL({ url });
}

function migrationsIn(folder) {
  const lock = join(folder, "migration_lock.toml");
  const names = existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
    : [];
  return {
    baseDir: folder,
    lockfile: { path: "migration_lock.toml", content: existsSync(lock) ? readFileSync(lock, "utf8") : null },
    shadowDbInitScript: "",
    migrationDirectories: names.sort().map((path) => ({
      path,
      migrationFile: { path: "migration.sql", content: contentOf(join(folder, path, "migration.sql")) },
    })),
  };
}

function contentOf(path) {
  try {
    return { tag: "ok", value: readFileSync(path, "utf8") };
  } catch (error) {
    return { tag: "error", value: String(error) };
  }
}

function told(error) {
  const said = globalThis.PRISMA_WASM_PANIC_REGISTRY.message || String(error.message);
  return error.code
    ? { is_panic: false, message: error.message, meta: error.meta, error_code: error.code }
    : { is_panic: false, message: said, backtrace: null };
}

async function answer(engine, method, params) {
  if (params.migrationsDirectoryPath) params.migrationsList = migrationsIn(params.migrationsDirectoryPath);
  if (method === "listMigrationDirectories") {
    return { migrations: params.migrationsList.migrationDirectories.map(({ path }) => path) };
  }
  if (params.migrationsList) params.filters ??= { externalTables: [], externalEnums: [] };
  delete params.migrationsDirectoryPath;
  return (await engine[method](params)) ?? {};
}

async function serve(factory) {
  const { bindMigrationAwareSqlAdapterFactory } = require("@prisma/driver-adapter-utils");
  const SchemaEngine = await load();
  const datamodels = valuesOf("-d", "--datamodel", "--datamodels").map((path) => [path, readFileSync(path, "utf8")]);
  const engine = await SchemaEngine.new({ datamodels }, () => {}, bindMigrationAwareSqlAdapterFactory(factory));
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, method, params = {} } = JSON.parse(line);
    const reply = await answer(engine, method, params).then(
      (result) => ({ result }),
      (error) => ({ error: { code: 4466, message: "An error happened. Check the data field.", data: told(error) } }),
    );
    process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, ...reply })}\n`);
  }
}

// What the tool asks before it begins: can-connect-to-database.
async function connect(factory) {
  const failure = await factory
    .connect()
    .then((session) => session.queryRaw({ sql: "SELECT 1", args: [], argTypes: [] }))
    .then(() => null, String);
  const said = failure
    ? { message: failure, error_code: "P1001", is_panic: false, meta: null }
    : { message: "Connection successful" };
  const line = { timestamp: new Date().toISOString(), level: failure ? "ERROR" : "INFO", ...said, fields: said };
  process.stderr.write(`${JSON.stringify({ ...line, target: "schema_engine" })}\n`);
  return failure ? 1 : 0;
}

const url = process.env.DATABASE_URL;
const factory = url.startsWith("file:") ? sqlite(url) : postgresql(url);
process.exit(process.argv.includes("cli") ? await connect(factory) : await serve(factory));
