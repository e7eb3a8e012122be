import type { MillraceError } from '../../errors.ts';

/** What could not be taken in: the first of it, and how much there was. */
export interface Damaged<T> {
  readonly count: number;
  readonly first: readonly T[];
}

/** Nothing. */
export const NONE_DAMAGED = { count: 0, first: [] } as const;

/** So many are kept; the rest is counted. */
const KEPT = 100;

/** With one more. */
export function withDamaged<T>({ count, first }: Damaged<T>, one: T): Damaged<T> {
  return { count: count + 1, first: first.length < KEPT ? [...first, one] : first };
}

/** Tells what of older tables cannot be read: `what` says which item, for people. */
export type OnDamagedItem = (what: string, error: MillraceError) => void;
