/** How long to wait between attempts. */
import type { Random } from '../clock.ts';

const FIRST_MS = 20;
const LARGEST_MS = 2_000;

/**
 * The wait before attempt `attempt + 1` (counted from 1): doubling from 20 ms to 2 s, with full jitter above a quarter, so that clients which were
 * refused together do not come back together.
 */
export function backoffMs(attempt: number, random: Random): number {
  const ceiling = Math.min(LARGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  return ceiling * (0.25 + 0.75 * random.fraction());
}
