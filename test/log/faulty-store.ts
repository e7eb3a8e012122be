/**
 * A `Store` that misbehaves as networks do, for tests of what stands above it.
 *
 * Wrap any store and say what goes wrong, by a script or by a seed:
 *
 * ```ts
 * const faulty = faultyStore(memoryStore({ clock }), { clock, plan: scriptedFaults({ 'heads.commit': ['lost', null, 'late'] }) });
 * await commit(faulty.store);             // the first commit takes effect, its answer is lost; the third waits in faulty.late
 * await faulty.late[0].release();         // now, after whatever happened since, the late request takes effect (or is refused)
 * faulty.late[1].drop();                  // this one never does
 * faulty.calls                            // [{ operation: 'heads.commit', arguments: […], fault: 'lost' }, …]
 *
 * const random = faultyStore(store, { clock, plan: seededFaults({ seed: 7, probability: 0.2 }) });
 * ```
 *
 * A fault applies to one request, before or after it takes effect:
 *
 * | fault | effect | what the caller sees |
 * |---|---|---|
 * | `lost` | now | `UnansweredError` |
 * | `dropped` | never | `UnansweredError` |
 * | `late` | when the test releases it, or never | `UnansweredError`, now |
 * | `repeated` | twice, in a row | the first answer |
 * | `repeated-late` | now, and again when the test releases it | the answer |
 * | `throttled` | none | `THROTTLED` |
 * | `unavailable` | none | `STORE_UNAVAILABLE` |
 * | `slow` | after `slowMs` | the answer |
 * | `slow-answer` | now | the answer, after `slowMs` |
 *
 * `onCall` runs before each request, so that a test can put another writer between any two steps. Late requests keep the arguments they were made
 * with (bytes are copied). Reads are requests too: `lost`, `dropped` and `late` make them fail, without effect. A script that names an operation that
 * never comes, or more of them than come, shows in `faulty.plan.unused()`.
 */
import type { Clock } from '../../lib/clock.ts';
import type { DelayStore } from '../../lib/delay/delay-store.ts';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';
import type { MaintenancePorts } from '../../lib/maintenance/jobs.ts';

/** What can go wrong with one request; see the table above. */
export type Fault =
  | 'lost'
  | 'dropped'
  | 'late'
  | 'repeated'
  | 'repeated-late'
  | 'throttled'
  | 'unavailable'
  | 'slow'
  | 'slow-answer';

export const ALL_FAULTS: readonly Fault[] = [
  'lost',
  'dropped',
  'late',
  'repeated',
  'repeated-late',
  'throttled',
  'unavailable',
  'slow',
  'slow-answer',
];

const OPERATIONS = {
  objects: ['put', 'copy', 'get', 'size', 'remove', 'list'],
  heads: ['read', 'readMany', 'commit', 'trimTail', 'raiseFloor', 'advanceStart', 'noteCleaned', 'remove'],
  chunks: ['query', 'put', 'replace', 'remove'],
  topics: ['get', 'list', 'create', 'update', 'remove', 'createHeads', 'readGlobalFloor', 'raiseGlobalFloor'],
  groups: ['get', 'observe', 'list', 'create', 'update', 'remove'],
  heartbeats: ['put', 'beat', 'remove'],
  offsets: ['claim', 'commit', 'readMany', 'list', 'remove'],
  dueRecords: ['put', 'get', 'cancel', 'release', 'query', 'forget', 'readHorizon', 'raiseHorizon'],
  dueMinutes: ['ring', 'list', 'remove'],
  jobs: ['read', 'take', 'update'],
  spentTopics: ['has'],
} as const;

type Port = keyof typeof OPERATIONS;

/** `<port>.<method>`, such as `heads.commit`. */
export type Operation = { [P in Port]: `${P}.${(typeof OPERATIONS)[P][number]}` }[Port];

/** One request as the store was asked. */
export interface Call {
  readonly operation: Operation;
  readonly arguments: readonly unknown[];
  readonly fault: Fault | null;
}

/** Says what happens to each request, in the order in which they are made. */
export interface FaultPlan {
  next(operation: Operation, args: readonly unknown[]): Fault | null;
  /** Faults that were planned and have not come about. */
  unused(): readonly { readonly operation: Operation; readonly fault: Fault }[];
}

/** A request that may still take effect. */
export interface LateRequest {
  readonly operation: Operation;
  readonly arguments: readonly unknown[];
  readonly state: 'waiting' | 'released' | 'dropped';
  /** It takes effect now; resolves with the answer that nobody received, or rejects with the store's error. */
  release(): Promise<unknown>;
  /** It never takes effect. */
  drop(): void;
}

export interface FaultyStoreOptions {
  readonly clock: Clock;
  readonly plan?: FaultPlan;
  /** How slow `slow` and `slow-answer` are; default 1,000. */
  readonly slowMs?: number;
  /** Awaited before each request, whatever its fault. */
  readonly onCall?: (call: Call) => void | Promise<void>;
}

export interface FaultyStore<S extends DelayStore = DelayStore> {
  readonly store: Wrapped<S>;
  readonly plan: FaultPlan;
  /** Every request so far. */
  readonly calls: readonly Call[];
  /** Every late request so far, in the order in which they were made, released or not. */
  readonly late: readonly LateRequest[];
  /** Releases all that wait, oldest first; errors of the store are ignored, since nobody would see them. */
  releaseAll(): Promise<void>;
}

/** Faults per operation, in the order of its calls: null is a call that goes well, and all calls behind the last are. */
export function scriptedFaults(script: Partial<Record<Operation, readonly (Fault | null)[]>>): FaultPlan {
  const positions = new Map<Operation, number>();
  return {
    next(operation) {
      const position = positions.get(operation) ?? 0;
      positions.set(operation, position + 1);
      return script[operation]?.[position] ?? null;
    },
    unused() {
      return Object.entries(script).flatMap(([name, faults]) => {
        const operation = name as Operation;
        const left = faults.slice(positions.get(operation) ?? 0);
        return left.filter((fault) => fault !== null).map((fault) => ({ operation, fault }));
      });
    },
  };
}

export interface SeededFaultsOptions {
  /** The same seed and the same requests give the same faults. */
  readonly seed: number;
  /** Of each request, 0 to 1. */
  readonly probability: number;
  /** Which faults, equally likely; default all. Name one twice to make it twice as likely. */
  readonly faults?: readonly Fault[];
  /** Which operations; default all. */
  readonly operations?: readonly Operation[];
  /** No faults after so many, so that every run ends; default none. */
  readonly atMost?: number;
}

/** Random faults from a seed. */
export function seededFaults(options: SeededFaultsOptions): FaultPlan {
  const fraction = fractions(options.seed);
  const faults = options.faults ?? ALL_FAULTS;
  let left = options.atMost ?? Number.POSITIVE_INFINITY;
  return {
    next(operation) {
      if (options.operations && !options.operations.includes(operation)) return null;
      // Both numbers are drawn for every request, so that a fault does not shift those of later requests.
      const happens = fraction() < options.probability;
      const fault = faults[Math.floor(fraction() * faults.length)]!;
      if (!happens || left <= 0) return null;
      left--;
      return fault;
    },
    unused: () => [],
  };
}

/** Uniform fractions in [0, 1) from a seed: mulberry32. */
export function fractions(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type AnyStore = DelayStore & MaintenancePorts;

/** Jobs are there where the store that is wrapped has them. */
type Wrapped<S extends DelayStore> = Pick<S, keyof DelayStore | Extract<keyof S, 'jobs' | 'spentTopics'>>;

/** Wraps a store, see above. Closing the wrapper closes the store. */
export function faultyStore<S extends DelayStore>(inner: S, options: FaultyStoreOptions): FaultyStore<S> {
  const plan = options.plan ?? scriptedFaults({});
  const calls: Call[] = [];
  const late: LateRequest[] = [];
  const run = async (operation: Operation, args: readonly unknown[], request: Request): Promise<unknown> => {
    const fault = plan.next(operation, args);
    const call = { operation, arguments: args, fault };
    calls.push(call);
    await options.onCall?.(call);
    if (fault === null) return request(args);
    const keep = () => late.push(lateRequest(operation, args, request));
    return carryOut(fault, { operation, keep, request: () => request(args), pause: () => pause(options) });
  };
  const port = <P extends Port>(name: P): AnyStore[P] => {
    const target: object = (inner as unknown as AnyStore)[name];
    const methods = OPERATIONS[name].map((method) => {
      const request: Request = (args) => Reflect.apply(Reflect.get(target, method), target, args);
      return [method, (...args: unknown[]) => run(`${name}.${method}` as Operation, args, request)];
    });
    return Object.fromEntries(methods) as AnyStore[P];
  };
  return {
    store: {
      objects: port('objects'),
      heads: port('heads'),
      chunks: port('chunks'),
      topics: port('topics'),
      groups: port('groups'),
      heartbeats: port('heartbeats'),
      offsets: port('offsets'),
      dueRecords: port('dueRecords'),
      dueMinutes: port('dueMinutes'),
      ...('jobs' in inner && { jobs: port('jobs'), spentTopics: port('spentTopics') }),
      prefix: inner.prefix,
      serverClock: inner.serverClock,
      close: () => inner.close(),
    } as unknown as Wrapped<S>,
    plan,
    calls,
    late,
    async releaseAll() {
      for (const request of late) {
        if (request.state === 'waiting') await request.release().catch(() => {});
      }
    },
  };
}

type Request = (args: readonly unknown[]) => Promise<unknown>;

interface FaultyRequest {
  readonly operation: Operation;
  readonly request: () => Promise<unknown>;
  readonly keep: () => void;
  readonly pause: () => Promise<void>;
}

async function carryOut(fault: Fault, { operation, request, keep, pause }: FaultyRequest): Promise<unknown> {
  switch (fault) {
    case 'lost':
      // The caller learns nothing, not even of an error.
      await request().catch(() => {});
      throw new UnansweredError(`${operation}: the answer was lost`);
    case 'dropped':
      throw new UnansweredError(`${operation}: the request was lost`);
    case 'late':
      keep();
      throw new UnansweredError(`${operation}: no answer yet`);
    case 'repeated': {
      const answer = await request();
      await request().catch(() => {});
      return answer;
    }
    case 'repeated-late':
      keep();
      return request();
    case 'throttled':
      throw new MillraceError('THROTTLED', `${operation}: slow down`);
    case 'unavailable':
      throw new MillraceError('STORE_UNAVAILABLE', `${operation}: not now`);
    case 'slow':
      await pause();
      return request();
    case 'slow-answer': {
      const answer = await request();
      await pause();
      return answer;
    }
  }
}

const pause = (options: FaultyStoreOptions): Promise<void> => options.clock.sleep(options.slowMs ?? 1000);

function lateRequest(operation: Operation, args: readonly unknown[], request: Request): LateRequest {
  const sent = structuredClone(args);
  let state: LateRequest['state'] = 'waiting';
  return {
    operation,
    arguments: sent,
    get state() {
      return state;
    },
    async release() {
      if (state !== 'waiting') throw new MillraceError('INVALID_REQUEST', `${operation} was ${state} already`);
      state = 'released';
      return request(sent);
    },
    drop() {
      if (state !== 'waiting') throw new MillraceError('INVALID_REQUEST', `${operation} was ${state} already`);
      state = 'dropped';
    },
  };
}
