/**
 * The log as a process of a simulation sees it: every request goes its way with its faults, eventually consistent reads may be old, and the oracle sees each effect at the moment when it happens.
 */
import type { Chunks } from '../../../lib/log/chunks.ts';
import type { Heads } from '../../../lib/log/heads.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { ObjectStore } from '../../../lib/log/object-store.ts';
import type { Topics } from '../../../lib/log/topics.ts';
import { ServerClock } from '../../../lib/segment/server-clock.ts';
import type { Arrival, RequestWay } from '../../simulate/request-way.ts';
import type { Oracle } from './oracle.ts';
import type { Dice, Process } from './virtual-time.ts';

type Ask = <T>(name: string, effect: (arrival: Arrival) => Promise<T>, spoil?: (value: T) => T) => Promise<T>;

/** Connects processes to one store. */
export class Network {
  readonly #dice: Dice;
  readonly #base: LogStore;
  readonly #oracle: Oracle;
  readonly #way: RequestWay;
  readonly #keys = new Set<string>();

  constructor(parts: { way: RequestWay; dice: Dice; base: LogStore; oracle: Oracle }) {
    this.#way = parts.way;
    this.#dice = parts.dice;
    this.#base = parts.base;
    this.#oracle = parts.oracle;
  }

  /** The store as a process sees it. */
  connect(process: Process): LogStore {
    const serverClock = new ServerClock(process);
    const ask: Ask = (name, effect, spoil) =>
      this.#way.send(process, { name, effect, serverClock, ...(spoil && { spoil }) });
    return {
      objects: this.#objects(ask),
      heads: this.#heads(ask),
      chunks: this.#chunks(ask),
      topics: this.#topics(ask),
      prefix: this.#base.prefix,
      serverClock,
      close: async () => {},
    };
  }

  #objects(ask: Ask): ObjectStore {
    const base = this.#base;
    return {
      put: (key, bytes) => {
        const isFirst = !this.#keys.has(key);
        this.#keys.add(key);
        return ask(`PUT ${key.slice(-6)}`, async ({ isFaulty }) => {
          // A stranger had the same id: only in tests, since ids are random.
          const isTaken = isFirst && !isFaulty && this.#dice.chance(0.02);
          if (isTaken) await base.objects.put(key, new Uint8Array(bytes.length));
          return base.objects.put(key, bytes);
        });
      },
      copy: (fromKey, toKey) => ask(`COPY ${fromKey.slice(-6)}`, () => base.objects.copy(fromKey, toKey)),
      get: (key, position, length) =>
        ask(
          `GET ${key.slice(-6)} ${position}+${length}`,
          () => base.objects.get(key, position, length),
          (bytes) => this.#spoil(bytes),
        ),
      size: (key) => ask('size', () => base.objects.size(key)),
      remove: (keys) =>
        ask(`remove ${keys.length}`, () => {
          this.#oracle.deletions?.onObjectsRemoved(keys);
          return base.objects.remove(keys);
        }),
      list: (prefix, after, limit) => ask('list', () => base.objects.list(prefix, after, limit)),
    };
  }

  #heads(ask: Ask): Heads {
    const [base, oracle] = [this.#base, this.#oracle];
    return {
      read: (partition, { consistent }) =>
        ask(`read ${partition.partition}`, async () =>
          consistent ? base.heads.read(partition, { consistent }) : oracle.staleHead(partition, this.#lagMs()),
        ),
      readMany: (partitions, options) =>
        ask('readMany', async () =>
          options.consistent
            ? base.heads.readMany(partitions, options)
            : partitions.map((partition) => oracle.staleHead(partition, this.#lagMs())),
        ),
      commit: (partition, args) =>
        ask(
          `commit ${partition.partition} ${args.form} known=${args.known} min=${args.minId.slice(-6)} n=${args.entries.length}`,
          () => oracle.onCommit(partition, args, () => base.heads.commit(partition, args)),
        ),
      trimTail: (partition, args) =>
        ask(`trim ${partition.partition} ${args.base}-${args.end}`, () =>
          oracle.onHead(partition, () => base.heads.trimTail(partition, args)),
        ),
      raiseFloor: (partition, floor) =>
        ask(`floor ${partition.partition} ${floor.slice(-6)}`, () =>
          oracle.onHead(partition, () => base.heads.raiseFloor(partition, floor)),
        ),
      advanceStart: (partition, args) =>
        ask(`start ${partition.partition} ${args.start}`, () =>
          oracle.onHead(partition, () => base.heads.advanceStart(partition, args)),
        ),
      noteCleaned: (partition, args) =>
        ask(`cleaned ${partition.partition} ${args.cleanedEnd}`, () =>
          oracle.onHead(partition, () => base.heads.noteCleaned(partition, args)),
        ),
      remove: (partition) =>
        ask(`remove head ${partition.partition}`, async () => {
          const isGone = await base.heads.remove(partition);
          await oracle.onRemoved(partition);
          return isGone;
        }),
    };
  }

  #chunks(ask: Ask): Chunks {
    const [base, oracle] = [this.#base, this.#oracle];
    return {
      query: (partition, query) =>
        ask(`query ${partition.partition}`, async () =>
          query.consistent ? base.chunks.query(partition, query) : oracle.staleChunks(partition, query, this.#lagMs()),
        ),
      put: (partition, chunk) =>
        ask(`chunk ${partition.partition} ${chunk.base}-${chunk.end}`, () =>
          oracle.onChunkPut(partition, chunk, () => base.chunks.put(partition, chunk)),
        ),
      replace: (partition, at, args) =>
        ask(`replace ${partition.partition} ${at}`, () =>
          oracle.onChunkReplace(partition, at, () => base.chunks.replace(partition, at, args)),
        ),
      remove: (partition, at, args) =>
        ask(`drop ${partition.partition} ${at}`, () =>
          oracle.onChunkRemove(partition, at, () => base.chunks.remove(partition, at, args)),
        ),
    };
  }

  #topics(ask: Ask): Topics {
    const { topics } = this.#base;
    return {
      get: (name) => ask(`get topic ${name}`, () => topics.get(name)),
      list: (after, limit) => ask('list topics', () => topics.list(after, limit)),
      create: (topic) => ask(`create topic ${topic.name}`, () => topics.create(topic)),
      update: (topic) => ask(`update topic ${topic.name} v${topic.version}`, () => topics.update(topic)),
      remove: (name, topicId) => ask(`remove topic ${name}`, () => topics.remove(name, topicId)),
      createHeads: (args) =>
        ask(`create heads ${args.partitions}`, async () => {
          const outcome = await topics.createHeads(args);
          for (const partition of args.partitions)
            await this.#oracle.onCreated({ topicId: args.topicId, partition }, args.topicName);
          return outcome;
        }),
      readGlobalFloor: () => ask('read global floor', () => topics.readGlobalFloor()),
      raiseGlobalFloor: (floor) => ask('raise global floor', () => topics.raiseGlobalFloor(floor)),
    };
  }

  /** Cut off, or with a wrong byte in it. */
  #spoil(bytes: Uint8Array | null): Uint8Array | null {
    if (bytes === null || bytes.length === 0) return bytes;
    const at = this.#dice.between(0, bytes.length - 1);
    if (this.#dice.chance(0.4)) return bytes.slice(0, at);
    const spoilt = bytes.slice();
    spoilt[at]! ^= 1 << this.#dice.between(0, 7);
    return spoilt;
  }

  #lagMs(): number {
    return this.#dice.chance(0.5) ? 0 : this.#dice.between(1, 1_500);
  }
}
