import { MillraceError } from '../errors.ts';

const EXPERIMENTAL = /^SQLite is an experimental feature/;

type Sqlite = typeof import('node:sqlite');

let loaded: Sqlite | undefined;

/**
 * Node's own SQLite, without the warning that Node prints when some versions (22.15 does) load it; every other warning is passed on.
 *
 * Throws STORE_UNAVAILABLE when this Node has none.
 */
export function loadSqlite(): Sqlite {
  loaded ??= withoutSqliteWarning(() => process.getBuiltinModule('node:sqlite'));
  if (!loaded) {
    throw new MillraceError('STORE_UNAVAILABLE', 'this Node has no node:sqlite', {
      value: process.version,
      retriable: false,
      hint: 'Use Node 22.15 or later for file stores, or a memory store.',
    });
  }
  return loaded;
}

/** Runs `load`, during which warnings about SQLite being experimental are dropped. It is synchronous, so nobody else's warning passes by unseen. */
export function withoutSqliteWarning<T>(load: () => T): T {
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    const message = typeof warning === 'string' ? warning : warning.message;
    if (!EXPERIMENTAL.test(message)) Reflect.apply(emitWarning, process, [warning, ...rest]);
  }) as typeof process.emitWarning;
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
