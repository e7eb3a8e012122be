import { createHash } from 'node:crypto';
import { MillraceError } from '../errors.ts';
import type { HttpRequest } from './http-message.ts';

const KEY = /^[!-~]{1,255}$/;
/** Ids of producers have 62 bits. */
const SPARE_BITS = 2n;

/** Stands for a request with an idempotency key: the same for the same caller, key, path, parameters and body. Null: it has none, and is a request of its own. Throws INVALID_REQUEST. */
export function requestIdOf({ headers, path, query, body, caller = '' }: HttpRequest): bigint | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (!KEY.test(key)) {
    throw new MillraceError('INVALID_REQUEST', 'the idempotency key is none', {
      value: key,
      hint: 'Give 1 to 255 visible characters of ASCII, such as a UUID.',
    });
  }
  const parts = [caller, key, path, query.toString(), headers['content-type'] ?? ''].join('\n');
  const digest = createHash('sha256').update(parts).update('\n').update(body).digest();
  return digest.readBigUInt64BE() >> SPARE_BITS;
}
