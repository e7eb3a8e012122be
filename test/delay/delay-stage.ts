/** What tests of delayed records stand on: a memory store on a clock that is moved by hand, a client, and timers that release. */
import { Millrace } from '../../lib/client/millrace.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import type { WatchedStore } from '../../lib/delay/delay-store.ts';
import type { DelayNews } from '../../lib/delay/due-releaser.ts';
import { LocalDelays } from '../../lib/delay/local-delays.ts';
import type { MillraceError } from '../../lib/errors.ts';
import { UsageMeter } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { readAll, TOPIC } from '../client/client-stage.ts';
import { during } from '../client/consumer-stage.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

export interface DelayStageOptions {
  readonly partitionCount?: number;
  readonly config?: Readonly<Record<string, string>>;
  /** Puts something between everybody and the memory store. */
  readonly wrap?: (store: WatchedStore, clock: VirtualClock) => WatchedStore;
}

/** A fresh one, with one topic. */
export async function delayStage({ partitionCount = 1, config = {}, wrap }: DelayStageOptions = {}) {
  const clock = new VirtualClock({ jumps: false });
  const meter = new UsageMeter();
  const memory = memoryStore({ clock, meter });
  const direct = new Millrace({ store: memory, clock, random });
  await direct.topics.createTopic({ name: TOPIC, partitionCount, config });
  const store = wrap?.(memory, clock) ?? memory;
  const millrace = new Millrace({ store, clock, random });
  const news: DelayNews[] = [];
  const errors: MillraceError[] = [];
  return {
    clock,
    meter,
    memory,
    store,
    millrace,
    direct,
    news,
    errors,
    /** A timer of a process of its own. */
    startTimer(changes: { readonly traceMs?: number; readonly pollMs?: number } = {}): LocalDelays {
      const deps = { store, clock, random, ...changes };
      const timer = new LocalDelays({
        ...deps,
        onNews: (one) => news.push(one),
        onError: (error) => errors.push(error),
      });
      timer.start();
      return timer;
    },
    /** Waits for something that may need time to pass. */
    during: <T>(promise: Promise<T>) => during(clock, promise),
    /** The values in the topic, by partition and offset. */
    values: async () => (await readAll({ store: memory, clock })).map((record) => record.text()),
    records: () => readAll({ store: memory, clock }),
  };
}
