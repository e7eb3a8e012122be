import { asMillraceError, type MillraceError } from '../errors.ts';
import type { ChunkPagesDeps } from '../log/chunk-pages.ts';
import { isDamage } from '../log/entry-check.ts';
import { repeatRequest } from '../log/repeat-request.ts';

/** What a store answers, or what is damaged of it. Throws everything else, after ten attempts. */
export type ReadOrDamage<T> = { readonly answer: T } | { readonly damage: MillraceError };

/** See `ReadOrDamage`. */
export async function readOrDamage<T>(
  deps: Pick<ChunkPagesDeps, 'clock' | 'random'>,
  read: () => Promise<T>,
): Promise<ReadOrDamage<T>> {
  try {
    return { answer: (await repeatRequest(deps, read)).answer };
  } catch (cause) {
    const damage = asMillraceError(cause);
    if (!isDamage(damage)) throw damage;
    return { damage };
  }
}
