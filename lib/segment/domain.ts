import { MillraceError } from '../errors.ts';

const OWN_PREFIX = 't-';
/** Names of domains that belong to one topic: nobody else may move in. */
const OWN_DOMAIN_PATTERN = /^t-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

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

/** The domain of one topic alone. */
export function ownDomain(topicId: string): string {
  return OWN_PREFIX + topicId;
}

/** The id of the topic that a domain belongs to alone; null for one that topics may share. */
export function ownerOfDomain(domain: string): string | null {
  return OWN_DOMAIN_PATTERN.test(domain) ? domain.slice(OWN_PREFIX.length) : null;
}
