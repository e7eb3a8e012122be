import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';

/** As much of a refused name as a message shows. */
const SHOWN_CHARACTERS = 80;
/** Control characters make names that cannot be told apart, and `\0` ends texts elsewhere. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function problemOf(name: unknown, what: string, maxLength: number): string | null {
  if (typeof name !== 'string') return `a ${what} is a text, not ${name === null ? 'null' : typeof name}`;
  if (name === '') return `the ${what} is empty`;
  if (name.length > maxLength) return `the ${what} has ${name.length} characters, more than ${maxLength}`;
  if (CONTROL.test(name) || !name.isWellFormed())
    return `not a ${what}: ${JSON.stringify(name.slice(0, SHOWN_CHARACTERS))}`;
  return null;
}

/**
 * Checks the name of a consumer group and returns it: 1 to 255 characters, no control characters. Case matters. Throws INVALID_GROUP_ID.
 */
export function parseGroupName(name: string): string {
  const problem = problemOf(name, 'group name', limits.groupNameLength);
  if (problem === null) return name;
  throw new MillraceError('INVALID_GROUP_ID', problem, {
    value: name,
    hint: `Use 1 to ${limits.groupNameLength} characters, none of them a control character.`,
  });
}

/** Checks the lasting name of a static member and returns it: as a group's name. Throws INVALID_REQUEST. */
export function parseInstanceId(instanceId: string): string {
  const problem = problemOf(instanceId, 'group instance id', limits.groupNameLength);
  if (problem === null) return instanceId;
  throw new MillraceError('INVALID_REQUEST', problem, {
    value: instanceId,
    hint: 'Give each static member a short name of its own that stays the same when it starts again, such as "worker-3".',
  });
}
