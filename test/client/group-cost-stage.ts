/** A store that counts what groups ask of it, on a clock that is moved by hand. */
import type { Consumer } from '../../lib/client/consumer.ts';
import type { ConsumerOptions } from '../../lib/client/consumer-options.ts';
import { Millrace } from '../../lib/client/millrace.ts';
import { type Random, systemRandom } from '../../lib/clock.ts';
import { noUsage, type StoreUsage, UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { during } from './consumer-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

const NAMES = Object.keys(noUsage) as (keyof StoreUsage)[];

/** Heartbeats come at their interval, without its jitter. */
const random: Random = { bytes: systemRandom.bytes, fraction: () => 1 };

/** See the top of this file. */
export class GroupCostStage {
  readonly clock = new VirtualClock({ jumps: false });
  readonly meter = new UsageMeter();
  readonly millrace: Millrace;

  constructor() {
    const { clock, meter } = this;
    this.millrace = new Millrace({ store: memoryStore({ clock, meter }), clock, random });
  }

  /** Makes topic `t` and puts records into each of its partitions. */
  async fill(partitionCount: number, recordsPerPartition: number): Promise<void> {
    await during(this.clock, this.millrace.topics.createTopic({ name: 't', partitionCount }));
    const producer = this.millrace.producer();
    for (let partition = 0; partition < partitionCount; partition++) {
      for (let n = 0; n < recordsPerPartition; n++) void producer.send({ topic: 't', partition, value: 'x' });
    }
    await during(this.clock, producer.close());
  }

  /** A member of group `g` that has its partitions. It reads while somebody loops over it, and only then. */
  async join(name: string, options: Partial<ConsumerOptions> = {}): Promise<Consumer> {
    const consumer = this.millrace.consumer({ group: 'g', clientId: name, ...options });
    await during(this.clock, consumer.subscribe(['t']));
    await this.clock.advance(20_000);
    return consumer;
  }

  /** Reads so many records. */
  async take(consumer: AsyncIterable<unknown>, count: number): Promise<void> {
    let left = count;
    const reading = (async () => {
      for await (const _ of consumer) {
        left -= 1;
        if (left === 0) return;
      }
    })();
    await during(this.clock, reading);
  }

  /** What an action asks for. */
  usageOf(action: () => Promise<unknown>): Promise<StoreUsage> {
    return this.#counted(() => during(this.clock, action()));
  }

  /** What is asked for while time passes. */
  usageIn(durationMs: number): Promise<StoreUsage> {
    return this.#counted(() => this.clock.advance(durationMs));
  }

  async #counted(action: () => Promise<unknown>): Promise<StoreUsage> {
    const before = this.meter.usage;
    await action();
    return usageBetween(before, this.meter.usage);
  }
}

/** Only what was asked for at all, without bytes. */
export function asked(usage: StoreUsage): Partial<StoreUsage> {
  return Object.fromEntries(
    NAMES.filter((name) => usage[name] !== 0 && !name.endsWith('Bytes')).map((name) => [name, usage[name]]),
  );
}
