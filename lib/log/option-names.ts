import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';

/** Refuses options that nobody would read. Throws INVALID_REQUEST, which names the nearest known option. */
export function checkOptionNames(options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new MillraceError('INVALID_REQUEST', 'the options are an object', {
      value: options,
      hint: `Give an object with ${known.join(', ')}.`,
    });
  }
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, known);
  throw new MillraceError('INVALID_REQUEST', `there is no option ${JSON.stringify(unknown.slice(0, 80))}`, {
    value: unknown,
    hint: nearest === undefined ? `Use ${known.join(', ')}.` : `Did you mean ${nearest}?`,
  });
}
