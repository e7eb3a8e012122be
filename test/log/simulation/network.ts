/**
 * The way between processes and the stores: every request takes its time, and may be lost before or after it takes effect, take effect late or twice, or be refused.
 *
 * The oracle sees each effect at the moment when it happens.
 */
import { MillraceError, UnansweredError } from '../../../lib/errors.ts';
import type { Chunks } from '../../../lib/log/chunks.ts';
import type { Heads } from '../../../lib/log/heads.ts';
import type { LogStore } from '../../../lib/log/log-store.ts';
import type { ObjectStore } from '../../../lib/log/object-store.ts';
import { ServerClock } from '../../../lib/segment/server-clock.ts';
import { LeftOutFaults } from '../../simulate/left-out-faults.ts';
import type { Oracle } from './oracle.ts';
import { type Dice, type Process, START_MS, type VirtualTime } from './virtual-time.ts';

/** How bad the network of a run is. */
export interface Weather {
  /** Of each request. */
  readonly faultProbability: number;
  /** Longest time before a caller stops waiting. */
  readonly timeoutMs: number;
  /** Longest delay of a late request. */
  readonly lateMs: number;
  /** Longest way there or back. */
  readonly latencyMs: number;
  /** Between two outages of a process, in which nothing is answered; Infinity for none. */
  readonly outageEveryMs: number;
  readonly outageMs: number;
  /** Of each way, that it takes up to two seconds. */
  readonly slowProbability: number;
}

const FAULTS = ['dropped', 'lost', 'lost', 'late', 'late', 'repeated', 'throttled', 'unavailable'] as const;
const OUTAGE = ['dropped', 'late'] as const;

/** Connects processes to one store. */
export class Network {
  /** No more faults. */
  calm = false;
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #base: LogStore;
  readonly #oracle: Oracle;
  readonly #weather: Weather;
  readonly #keys = new Set<string>();

  readonly #leftOut: LeftOutFaults;

  constructor(parts: {
    time: VirtualTime;
    dice: Dice;
    base: LogStore;
    oracle: Oracle;
    weather: Weather;
    withoutFaults: ReadonlySet<number>;
  }) {
    this.#leftOut = new LeftOutFaults(parts.withoutFaults, () => parts.oracle.count('faults'));
    this.#time = parts.time;
    this.#dice = parts.dice;
    this.#base = parts.base;
    this.#oracle = parts.oracle;
    this.#weather = parts.weather;
  }

  /** The store as a process sees it. */
  connect(process: Process): LogStore {
    const serverClock = new ServerClock(process);
    const oracle = this.#oracle;
    const base = this.#base;
    const ask = <T>(name: string, effect: (isFaulty: boolean) => Promise<T>) =>
      this.#request(process, serverClock, name, effect);
    const objects: ObjectStore = {
      put: (key, bytes) => {
        const isFirst = !this.#keys.has(key);
        this.#keys.add(key);
        return ask(`PUT ${key.slice(-6)}`, async (isFaulty) => {
          // A stranger had the same id: only in tests, since ids are random.
          const isTaken = isFirst && !isFaulty && this.#dice.chance(0.02);
          if (isTaken) await base.objects.put(key, new Uint8Array(bytes.length));
          return base.objects.put(key, bytes);
        });
      },
      get: (key, position, length) =>
        ask(`GET ${key.slice(-6)} ${position}+${length}`, () => base.objects.get(key, position, length)),
      size: (key) => ask('size', () => base.objects.size(key)),
      remove: (keys) => ask('remove', () => base.objects.remove(keys)),
      list: (prefix, after, limit) => ask('list', () => base.objects.list(prefix, after, limit)),
    };
    const heads: Heads = {
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
      remove: (partition) => ask('remove head', () => base.heads.remove(partition)),
    };
    const chunks: Chunks = {
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
    return { objects, heads, chunks, topics: base.topics, prefix: base.prefix, serverClock, close: async () => {} };
  }

  #lagMs(): number {
    return this.#dice.chance(0.5) ? 0 : this.#dice.between(1, 1_500);
  }

  /** How much longer nothing of a process is answered; each has its outages at times of its own. */
  #outMs({ name }: Process): number {
    const { outageEveryMs, outageMs } = this.#weather;
    if (!Number.isFinite(outageEveryMs)) return 0;
    const shiftMs = 700 * name.charCodeAt(name.length - 1);
    return Math.max(0, outageMs - ((this.#time.nowMs + shiftMs) % outageEveryMs));
  }

  #wayMs(): number {
    const isSlow = this.#dice.chance(this.#weather.slowProbability);
    return this.#dice.magnitude(1, isSlow ? 2_000 : this.#weather.latencyMs);
  }

  #request<T>(
    process: Process,
    serverClock: ServerClock,
    name: string,
    effect: (isFaulty: boolean) => Promise<T>,
  ): Promise<T> {
    const dice = this.#dice;
    // A process that has crashed sends nothing.
    if (!process.alive) return new Promise(() => {});
    const outMs = this.#outMs(process);
    const isOut = outMs > 0;
    const isFaulty = !this.calm && (dice.chance(this.#weather.faultProbability) || isOut);
    const drawn = isFaulty ? dice.pick(isOut ? OUTAGE : FAULTS) : 'none';
    this.#oracle.count('operations');
    const fault = drawn === 'none' || this.#leftOut.next() ? 'none' : drawn;
    const thereMs = this.#wayMs();
    const label = `${process.name} ${name}`;
    return new Promise<T>((resolve, reject) => {
      const deliver = (delayMs: number, answered: boolean, settle: () => void) =>
        this.#time.schedule(delayMs, () => {
          if (!process.alive) return;
          // HTTP dates are cut to the second.
          if (answered) serverClock.observe(Math.floor((START_MS + this.#time.nowMs) / 1000) * 1000);
          settle();
        });
      const unanswered = (delayMs: number) =>
        deliver(delayMs, false, () => reject(new UnansweredError(`${name}: no answer`)));
      const takeEffect = (delayMs: number, note: string, after: (answer: () => void, value?: T) => void) =>
        this.#time.schedule(delayMs, () => {
          effect(isFaulty).then(
            (value) => {
              this.#oracle.note(`${label}${note}`, value);
              after(() => resolve(value), value);
            },
            (error) => {
              this.#oracle.note(`${label}${note} failed`, String(error));
              after(() => reject(error));
            },
          );
        });
      // What an outage has held back comes when it is over.
      const lateMs = () => thereMs + (isOut ? outMs + dice.between(0, 1_500) : dice.magnitude(1, this.#weather.lateMs));
      const timeoutMs = thereMs + dice.magnitude(10, this.#weather.timeoutMs);
      if (fault !== 'none') this.#oracle.note(`${label} will be ${fault}`, null);
      switch (fault) {
        case 'dropped':
          return unanswered(timeoutMs);
        case 'lost':
          takeEffect(thereMs, ' (answer lost)', () => {});
          return unanswered(timeoutMs);
        case 'late':
          takeEffect(lateMs() + (isOut ? 0 : timeoutMs), ' (late)', () => {});
          return unanswered(timeoutMs);
        case 'throttled':
        case 'unavailable': {
          const code = fault === 'throttled' ? 'THROTTLED' : 'STORE_UNAVAILABLE';
          return deliver(thereMs, true, () => reject(new MillraceError(code, `${name}: not now`)));
        }
      }
      takeEffect(thereMs, '', (answer, value) => {
        deliver(this.#wayMs(), true, answer);
        // An answered refusal is final: a store that refuses a request, says so, and lets a copy of it land later would be a hidden retry, which the
        // ports forbid. A copy of what did land may come at any time.
        if (fault === 'repeated' && !isRefusal(value)) takeEffect(lateMs(), ' (again)', () => {});
      });
    });
  }
}

function isRefusal(value: unknown): boolean {
  return value === false || (value as { outcome?: string } | null | undefined)?.outcome === 'refused';
}
