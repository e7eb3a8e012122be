import { MillraceError } from '../errors.ts';

/** Room for a uuid and a word or two; the name is part of every key. */
const DOMAIN_PATTERN = /^[a-z0-9-]{1,64}$/;

/**
 * Checks the name of an isolation domain and returns it: 1 to 64 of `a-z`, `0-9` and `-`.
 *
 * Topics of one domain share segments, and so readers; a grant names all keys below `<prefix>/<domain>/`. Throws INVALID_REQUEST.
 */
export function parseDomain(text: string): string {
  if (typeof text !== 'string' || !DOMAIN_PATTERN.test(text)) {
    const shown = typeof text === 'string' ? JSON.stringify(text.slice(0, 80)) : typeof text;
    throw new MillraceError('INVALID_REQUEST', `not the name of an isolation domain: ${shown}`, {
      value: text,
      hint: 'Use 1 to 64 of the characters a-z, 0-9 and "-".',
    });
  }
  return text;
}
