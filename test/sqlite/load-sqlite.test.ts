import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadSqlite, withoutSqliteWarning } from '../../lib/sqlite/load-sqlite.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('loading SQLite', () => {
  it('drops its own warning, passes others on with all that belongs to them, and restores what was there', () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const before = process.emitWarning;
    const result = withoutSqliteWarning(() => {
      process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning');
      process.emitWarning('something else', 'ExperimentalWarning');
      process.emitWarning(new TypeError('an error'));
      return 5;
    });
    expect(result).toBe(5);
    expect(emitted.mock.calls).toEqual([['something else', 'ExperimentalWarning'], [new TypeError('an error')]]);
    expect(process.emitWarning).toBe(before);
  });

  it('restores what was there when it fails', () => {
    const before = process.emitWarning;
    expect(() =>
      withoutSqliteWarning(() => {
        throw new TypeError('no');
      }),
    ).toThrow('no');
    expect(process.emitWarning).toBe(before);
  });

  it('names the way out when this Node has none', async () => {
    vi.resetModules();
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never);
    const fresh = await import('../../lib/sqlite/load-sqlite.ts');
    expect(() => fresh.loadSqlite()).toThrow(
      expect.objectContaining({ code: 'STORE_UNAVAILABLE', retriable: false, hint: expect.stringContaining('22.15') }),
    );
  });

  it('gives a working SQLite', () => {
    const { DatabaseSync } = loadSqlite();
    const database = new DatabaseSync(':memory:');
    expect(database.prepare('SELECT 1 AS one').get()).toEqual({ one: 1 });
    database.close();
  });

  it('prints nothing when a store is opened', () => {
    const script = new URL('../../lib/sqlite/load-sqlite.ts', import.meta.url).href;
    const code = `import { loadSqlite } from '${script}'; new (loadSqlite().DatabaseSync)(':memory:'); process.emitWarning('kept');`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stderr).toMatch(/^\(node:\d+\) Warning: kept\n/);
    expect(stderr).not.toMatch(/SQLite/);
  });
});
