import { MillraceError } from '../../errors.ts';

/** A pattern that does not parse. */
export function badPattern(path: readonly string[], why: string): MillraceError {
  const place = path.length === 0 ? 'the filter' : `the filter at ${path.join('.')}`;
  return new MillraceError('INVALID_CONFIG', `${place} is no event pattern: ${why}`, {
    value: path.join('.'),
    hint: 'For example { "value": { "status": ["paid"], "total": [{ "numeric": [">", 100] }] } }.',
  });
}
