import type { ErrorCode, MillraceError } from '../errors.ts';

/** What a job could not work on: it is left as it is, and everything else goes on. */
export interface FoundDamage {
  readonly topic: string;
  /** Null: the topic's own item. */
  readonly partition: number | null;
  readonly code: ErrorCode;
  readonly message: string;
}

/** So many are kept; the rest is counted. */
const KEPT = 50;

/** Damage that a pass has found so far; as JSON. */
export interface DamageList {
  readonly count: number;
  readonly first: readonly FoundDamage[];
}

/** A pass that has found none. */
export const NO_DAMAGE: DamageList = { count: 0, first: [] };

/** The list with one more; what is known of the same place is not counted again. */
export function withDamage(
  { count, first }: DamageList,
  place: { readonly topic: string; readonly partition: number | null },
  { code, message }: MillraceError,
): DamageList {
  const isKnown = first.some(
    (one) => one.topic === place.topic && one.partition === place.partition && one.code === code,
  );
  if (isKnown) return { count, first };
  const kept = first.length < KEPT ? [...first, { ...place, code, message }] : first;
  return { count: count + 1, first: kept };
}
