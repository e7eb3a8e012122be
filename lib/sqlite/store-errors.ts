/** What errors of the file system and of SQLite mean to a caller of the store. */
import { type ErrorCode, MillraceError, UnansweredError } from '../errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retriable?: boolean;
}

const full: Meaning = {
  code: 'STORE_FULL',
  hint: 'Free some space on the disk or raise the quota; nothing that was acknowledged is lost.',
};
const readOnly: Meaning = {
  code: 'STORE_READ_ONLY',
  hint: 'Give this user write permission for the directory, or open a store elsewhere.',
};
const tooManyFiles: Meaning = {
  code: 'STORE_UNAVAILABLE',
  hint: 'Raise the limit of open files (ulimit -n).',
};
const missing: Meaning = {
  code: 'STORE_MISSING',
  hint: 'The directory of the store was moved or deleted; open the right one.',
};
const notADirectory: Meaning = {
  code: 'INVALID_REQUEST',
  hint: 'A file stands where the store needs a directory; name another directory.',
};
const nameTooLong: Meaning = { code: 'INVALID_REQUEST', hint: 'Use a shorter prefix or directory.' };
const noHardLinks: Meaning = {
  code: 'STORE_UNAVAILABLE',
  retriable: false,
  hint: 'The store needs a file system with hard links, such as ext4, xfs, btrfs, APFS or NTFS.',
};
const corrupt: Meaning = {
  code: 'CORRUPT_OBJECT',
  hint: 'The database file is damaged or is none of SQLite; restore it from a backup or name another directory.',
};
const busy: Meaning = { code: 'THROTTLED', hint: 'Another process holds the write lock; try again.' };
const unavailable: Meaning = { code: 'STORE_UNAVAILABLE', hint: 'Look at the cause; try again.' };

/** By `code` of Node's errors. */
const FILE_MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: full,
  EDQUOT: full,
  EACCES: readOnly,
  EPERM: readOnly,
  EROFS: readOnly,
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
  ENOENT: missing,
  ENOTDIR: notADirectory,
  EEXIST: notADirectory,
  ENAMETOOLONG: nameTooLong,
  ENOTSUP: noHardLinks,
  EOPNOTSUPP: noHardLinks,
  ENOSYS: noHardLinks,
};

/** By primary result code: https://www.sqlite.org/rescode.html. */
const SQLITE_MEANINGS: Readonly<Record<number, Meaning>> = {
  5: busy, // SQLITE_BUSY
  6: busy, // SQLITE_LOCKED
  8: readOnly, // SQLITE_READONLY
  11: corrupt, // SQLITE_CORRUPT
  13: full, // SQLITE_FULL
  26: corrupt, // SQLITE_NOTADB
};

const SQLITE_IOERR = 10;
/** An extended code: there is no room for the file that a write-ahead log needs beside it, even to be read. */
const SQLITE_IOERR_SHMSIZE = 4874;

/** The primary result code of an error of node:sqlite, or null for any other error. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode & 0xff;
}

/** A file system that cannot give a file a second name, whatever code it says that with. */
export function noHardLinksError(cause: unknown, path: string): MillraceError {
  const { code, hint } = noHardLinks;
  return new MillraceError(code, 'a file cannot be linked here', { value: path, retriable: false, hint, cause });
}

/** Whether `error` is one of Node's with this code. */
export function isFileError(error: unknown, code: string): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && error.code === code;
}

/**
 * The Millrace error for an error of the file system or of SQLite, whose request had no effect; Millrace's own are returned as they are.
 *
 * `doing` says what failed, `path` where.
 */
export function storeError(error: unknown, doing: string, path: string): MillraceError {
  if (error instanceof MillraceError) return error;
  const { code, hint, retriable } = meaningOf(error);
  const why = error instanceof Error ? error.message : String(error);
  return new MillraceError(code, `${doing} failed: ${why}`, {
    value: path,
    hint,
    cause: error,
    ...(retriable === undefined ? {} : { retriable }),
  });
}

function meaningOf(error: unknown): Meaning {
  const primary = sqliteCode(error);
  if (primary === SQLITE_IOERR && (error as { errcode?: number }).errcode === SQLITE_IOERR_SHMSIZE) return full;
  if (primary !== null) return SQLITE_MEANINGS[primary] ?? unavailable;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return FILE_MEANINGS[code] ?? unavailable;
}

/** As `storeError`, for a request that only reads: what is denied is not a matter of writing. */
export function readError(error: unknown, doing: string, path: string): MillraceError {
  if (!isFileError(error, 'EACCES') && !isFileError(error, 'EPERM')) return storeError(error, doing, path);
  return new MillraceError('ACCESS_DENIED', `${doing} failed: ${error.message}`, {
    value: path,
    hint: 'Give this user read permission for the directory of the store and all below it.',
    cause: error,
  });
}

/**
 * As `storeError`, for the end of a transaction: an I/O error there leaves it open whether the transaction is on the disk.
 *
 * With a full sync the commit is in the file before it is synced, and a later recovery may find it.
 */
export function commitError(error: unknown, path: string): MillraceError {
  if (sqliteCode(error) !== SQLITE_IOERR) return storeError(error, 'commit', path);
  return new UnansweredError('commit ended in an I/O error', { value: path, cause: error, hint: 'Check the disk.' });
}
