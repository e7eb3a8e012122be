/** The store as processes that delay, release and cancel see it: each request goes its way with its faults, and the oracle sees what it does. */
import type { WatchedStore } from '../../../lib/delay/delay-store.ts';
import type { DueMinute } from '../../../lib/delay/due-minute.ts';
import type { DueRecord } from '../../../lib/delay/due-record.ts';
import type { PartitionKey } from '../../../lib/log/partition-key.ts';
import { decodeBatch } from '../../../lib/record/decode-batch.ts';
import { ServerClock } from '../../../lib/segment/server-clock.ts';
import type { Process } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import type { DelayOracle } from './delay-oracle.ts';

/** Told of every due minute that is rung, as a stream tells of it. */
export interface MinuteWatch {
  onRing(minute: DueMinute): void;
}

/** Connects processes to one store. */
export class DelayNetwork {
  readonly #base: WatchedStore;
  readonly #way: RequestWay;
  readonly #oracle: DelayOracle;
  readonly #watch: MinuteWatch;
  /** By key: the number of the record that an object holds. */
  readonly #numbers = new Map<string, number>();

  constructor(parts: { base: WatchedStore; way: RequestWay; oracle: DelayOracle; watch: MinuteWatch }) {
    this.#base = parts.base;
    this.#way = parts.way;
    this.#oracle = parts.oracle;
    this.#watch = parts.watch;
  }

  /** The store as a process sees it. */
  connect(process: Process): WatchedStore {
    const base = this.#base;
    const serverClock = new ServerClock(process);
    const ask = <T>(name: string, effect: () => Promise<T>) => this.#way.send(process, { name, effect, serverClock });
    const wrap = <P extends object>(name: string, port: P, methods: Partial<P> = {}): P =>
      new Proxy(port, {
        get: (target, method) => {
          const effect: unknown = Reflect.get(methods, method) ?? Reflect.get(target, method);
          if (typeof effect !== 'function') return effect;
          return (...args: unknown[]) => {
            const what = `${name}.${String(method)}${placeOf(args[0])}`;
            return ask(what, () => Reflect.apply(effect, target, args));
          };
        },
      });
    const { dueRecords, dueMinutes, objects } = base;
    return {
      ...base,
      serverClock,
      topics: wrap('topics', base.topics),
      heads: wrap('heads', base.heads),
      chunks: wrap('chunks', base.chunks),
      objects: wrap('objects', objects, {
        put: async (key, bytes) => {
          if (key.includes('/delayed/')) this.#numbers.set(key, numberOf(bytes));
          return objects.put(key, bytes);
        },
      }),
      dueRecords: wrap('dueRecords', dueRecords, {
        put: async (partition, record) => {
          const result = await dueRecords.put(partition, record);
          if (result.outcome === 'done') this.#onPut(partition, record);
          return result;
        },
        cancel: async (partition, place) => {
          const result = await dueRecords.cancel(partition, place);
          if (result.outcome === 'done') this.#oracle.onCancel(partition, place);
          return result;
        },
        release: async (partition, args) => {
          const result = await dueRecords.release(partition, args);
          if (result.outcome === 'done') this.#oracle.onRelease(partition, args.places);
          return result;
        },
      }),
      dueMinutes: wrap('dueMinutes', dueMinutes, {
        ring: async (minute) => {
          await dueMinutes.ring(minute);
          this.#watch.onRing(minute);
        },
      }),
      close: async () => {},
    };
  }

  #onPut(partition: PartitionKey, record: DueRecord): void {
    const isFence = record.state !== 'waiting';
    const { content } = isFence ? { content: null } : record;
    const number =
      content === null ? null : content.kind === 'batch' ? numberOf(content.batch) : this.#numbers.get(content.key)!;
    this.#oracle.onPut(partition, record, number);
  }
}

/** For the story: the partition that a request is about, where it says so. */
function placeOf(argument: unknown): string {
  const { partition } = (argument ?? {}) as { readonly partition?: number | PartitionKey };
  if (partition === undefined) return '';
  return ` ${typeof partition === 'number' ? partition : partition.partition}`;
}

/** What a record that holds a number says first. */
export function numberOf(batch: Uint8Array): number {
  return Number.parseInt(new TextDecoder().decode(decodeBatch(batch).value(0)!), 10);
}
