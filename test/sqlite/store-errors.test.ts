import { describe, expect, it } from 'vitest';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import { commitError, storeError } from '../../lib/sqlite/store-errors.ts';

const sqliteError = (errcode: number): Error =>
  Object.assign(new TypeError('injected'), { code: 'ERR_SQLITE_ERROR', errcode });

describe('errors of SQLite', () => {
  it.each([
    ['SQLITE_BUSY', 5, 'THROTTLED', true],
    ['SQLITE_BUSY_SNAPSHOT', 517, 'THROTTLED', true],
    ['SQLITE_LOCKED', 6, 'THROTTLED', true],
    ['SQLITE_READONLY', 8, 'STORE_READ_ONLY', false],
    ['SQLITE_READONLY_DIRECTORY', 1544, 'STORE_READ_ONLY', false],
    ['SQLITE_IOERR', 10, 'STORE_UNAVAILABLE', true],
    ['SQLITE_CORRUPT', 11, 'CORRUPT_OBJECT', false],
    ['SQLITE_FULL', 13, 'STORE_FULL', false],
    ['SQLITE_CANTOPEN', 14, 'STORE_UNAVAILABLE', true],
    ['SQLITE_NOTADB', 26, 'CORRUPT_OBJECT', false],
  ] as const)('%s is told as its meaning to the caller', (_, errcode, code, retriable) => {
    const cause = sqliteError(errcode);
    const error = storeError(cause, 'reading', '/store');
    expect(error).toMatchObject({ code, retriable, value: '/store', cause, hint: expect.any(String) });
    expect(error.message).toBe('reading failed: injected');
  });

  it('leaves open at the end of a transaction what an I/O error left open, and nothing else', () => {
    expect(commitError(sqliteError(10), '/store')).toBeInstanceOf(UnansweredError);
    // SQLITE_IOERR_FSYNC: the commit may be in the file.
    expect(commitError(sqliteError(1034), '/store')).toBeInstanceOf(UnansweredError);
    const full = commitError(sqliteError(13), '/store');
    expect(full).not.toBeInstanceOf(UnansweredError);
    expect(full.code).toBe('STORE_FULL');
  });

  it('are passed on when they are Millrace’s own', () => {
    const error = new MillraceError('THROTTLED', 'wait');
    expect(storeError(error, 'reading', '/store')).toBe(error);
  });

  it('are unavailable when nobody knows them', () => {
    expect(storeError('a text', 'reading', '/store')).toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: 'reading failed: a text',
    });
  });
});
