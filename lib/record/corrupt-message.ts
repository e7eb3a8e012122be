import { MillraceError } from '../errors.ts';

/** A CORRUPT_MESSAGE that says what is wrong and at which byte; `what` names the bytes that the position counts in. */
export function corruptMessage(problem: string, position: number, what = 'the record batch'): MillraceError {
  return new MillraceError('CORRUPT_MESSAGE', `${problem} at byte ${position} of ${what}`, { value: position });
}
