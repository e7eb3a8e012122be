/** What administrators of a simulated subscription do. */
import type { SubscriptionOptions } from '../../../lib/event-source/subscription-options.ts';
import type { Dice } from '../../log/simulation/virtual-time.ts';

/** Topics that it may be made for. */
export const TOPICS = ['orders', 'bills'] as const;
/** Those that were sent back so often stay. */
export const MAX_REDRIVES = 2;
/** How letters go back by themselves. */
export const REDRIVE = { schedule: 'rate(1 minute)', rate: 5, maxAttempts: MAX_REDRIVES };
const BY_HAND = ['redrive', 'discard'] as const;
const KINDS = [
  'create',
  'create',
  'update',
  'update',
  'pause',
  'resume',
  'seek',
  'delete',
  ...BY_HAND,
  ...BY_HAND,
] as const;

/** One of them. */
export interface Command {
  readonly kind: (typeof KINDS)[number];
  readonly topic: string;
  readonly options: Partial<SubscriptionOptions>;
  readonly prefix: string;
}

/** Any command. */
export function drawCommand(dice: Dice): Command {
  return {
    kind: dice.pick(KINDS),
    topic: dice.pick(TOPICS),
    options: {
      retryDelaysMs: dice.pick([[], [1_000], [1_000, 2_000]]),
      redrive: dice.pick([null, REDRIVE]),
      batchSize: dice.pick([1, 7]),
    },
    prefix: dice.pick(['a', 'b']),
  };
}
