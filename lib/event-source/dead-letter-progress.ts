/** What is remembered of the dead letters in a partition beside the committed offset. Stored as `progress.ts` says, with `d` for the same thing. */
import { formatRanges, type OffsetRange, parseRanges } from './offset-ranges.ts';
import { badProgress } from './progress.ts';

/** See the top of this file. */
export interface DeadLetterProgress {
  /** At or above the committed offset: sent back, discarded, or of another subscription. */
  readonly done: readonly OffsetRange[];
  /** Below this nothing is left that goes back by itself; null: nobody has looked. */
  readonly seenEnd: bigint | null;
  /** The letters below this are going back now; null: none are. Those that fail again meanwhile stand behind it, and wait for the next time. */
  readonly runEnd: bigint | null;
  /** The options by which they go back, as they were when the above was found out; '' where they do not. */
  readonly plan: string;
}

interface Stored {
  readonly d?: readonly string[];
  readonly n?: string;
  readonly r?: string;
  readonly p?: string;
}

/** The stored form. */
export function formatDeadLetterProgress({ done, seenEnd, runEnd, plan }: DeadLetterProgress): string {
  const stored: Stored = {
    ...(done.length > 0 && { d: formatRanges(done) }),
    ...(seenEnd !== null && { n: `${seenEnd}` }),
    ...(runEnd !== null && { r: `${runEnd}` }),
    ...(plan !== '' && { p: plan }),
  };
  return Object.keys(stored).length === 0 ? '' : JSON.stringify(stored);
}

/** Throws CORRUPT_OBJECT for a text that `formatDeadLetterProgress` did not make. */
export function parseDeadLetterProgress(text: string): DeadLetterProgress {
  if (text === '') return { done: [], seenEnd: null, runEnd: null, plan: '' };
  try {
    const { d = [], n, r, p = '' } = JSON.parse(text) as Stored;
    return {
      done: parseRanges(d),
      seenEnd: n === undefined ? null : BigInt(n),
      runEnd: r === undefined ? null : BigInt(r),
      plan: p,
    };
  } catch (cause) {
    throw badProgress(text, cause);
  }
}
