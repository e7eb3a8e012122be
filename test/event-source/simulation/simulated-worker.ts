/** Workers of a simulated event source: the pump and the function that pulls, both unchanged, over ports that go the faulty way. */
import { WINDOW_HEADERS } from '../../../lib/event-source/close-window.ts';
import type { EventSourceDeps } from '../../../lib/event-source/event-source-deps.ts';
import type { FunctionSubscription } from '../../../lib/event-source/function-subscription.ts';
import { parsePullEvent, pullPayload } from '../../../lib/event-source/pull-pointer.ts';
import { pushBatches } from '../../../lib/event-source/push/push-batches.ts';
import type { ReceivedEvent } from '../../../lib/event-source/received-event.ts';
import type { Ring } from '../../../lib/event-source/router.ts';
import type { WakeRequest } from '../../../lib/event-source/wake-request.ts';
import { Fetcher } from '../../../lib/log/fetcher.ts';
import { PullCall, type PulledBatch } from '../../../lib/middleware/pull-call.ts';
import type { MemberProcess } from '../../group/simulation/member-process.ts';
import { type Dice, START_MS, type VirtualTime } from '../../log/simulation/virtual-time.ts';
import type { RequestWay } from '../../simulate/request-way.ts';
import { type EventSourceNetwork, truthKey } from './event-source-network.ts';
import type { EventSourceOracle } from './event-source-oracle.ts';
import type { SimulatedFunction } from './simulated-function.ts';

/** Before a function that ended without a word is called again. */
const AGAIN_MS = 1_000;

/** What workers share. */
export interface WorkerWorld {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly oracle: EventSourceOracle;
  readonly way: RequestWay;
  readonly network: EventSourceNetwork;
  readonly functions: SimulatedFunction;
  /** Shorter than a worker works and some calls take: it has to be renewed. */
  readonly leaseMs: number;
  readonly workMs: number;
  /** Calls a worker once more, in another process. */
  readonly work: (request: WakeRequest) => void;
  /** A wake-up has come. */
  readonly route: (rings: readonly Ring[]) => void;
}

/** Works in a process until it is over. */
export async function simulateWorker(world: WorkerWorld, process: MemberProcess, request: WakeRequest): Promise<void> {
  const { subscription, partition } = request;
  const key = truthKey(subscription.group, { topicId: subscription.topicId, partition });
  const deps = depsOf(world, process, key);
  const work = subscription.options.mode === 'pull' ? pull : push;
  try {
    await work(world, { process, deps, key, request });
  } catch (error) {
    world.oracle.note(`${process.name} failed`, String(error));
  }
}

function depsOf(
  { network, dice, oracle, way, time, route }: WorkerWorld,
  process: MemberProcess,
  key: string,
): EventSourceDeps {
  const store = network.connect(process);
  return {
    store,
    fetcher: new Fetcher({ store, clock: process, random: dice }),
    clock: process,
    random: dice,
    wakeUps: {
      book: ({ group, partition, atMs }) =>
        way.send(process, {
          name: `book ${group}/${partition.partition}`,
          effect: async () => {
            oracle.count('booked');
            const delayMs = Math.max(0, atMs - (START_MS + time.nowMs)) + dice.between(0, 300);
            time.schedule(delayMs, () => route([{ partition, group, head: null, atMs }]));
          },
        }),
    },
    sink: {
      send: (_: FunctionSubscription, records) =>
        way.send(process, {
          name: `give up ${records.map(({ record }) => record.offset)} of ${key}`,
          effect: async () => {
            for (const { record, failures } of records) {
              const startMs = windowStartOf(record);
              if (startMs === null) oracle.onDead(key, record.offset, failures);
              else oracle.windows.onTaken(key, startMs, JSON.parse(decoder.decode(record.valueBytes!)));
            }
          },
        }),
    },
    onNews: (news) => oracle.count(`news ${news.kind}`),
  };
}

const decoder = new TextDecoder();

/** Of a state that was given up; null: it is a record like others. */
function windowStartOf({ headers }: ReceivedEvent): number | null {
  const start = headers.find(({ key }) => key === WINDOW_HEADERS.start)?.value;
  return start == null ? null : Date.parse(decoder.decode(start));
}

interface Job {
  readonly process: MemberProcess;
  readonly deps: EventSourceDeps;
  readonly key: string;
  readonly request: WakeRequest;
}

function push({ functions, leaseMs, workMs }: WorkerWorld, { process, deps, key, request }: Job): Promise<void> {
  const pumpDeps = {
    ...deps,
    invoker: functions.invokerOf(process, key),
    // What comes from dead letters is not sent here.
    records: { send: async () => {} },
    originOf: () => ({ eventSourceArn: 'arn', bootstrapServers: 'none:9092', region: 'none' }),
  };
  return pushBatches(pumpDeps, request, { deadlineMs: process.monotonicMs() + workMs, leaseMs });
}

/** One call of a function, which dies when its time is over; in each of the three ways in which handlers are written. */
async function pull(
  { dice, time, functions, workMs, oracle, work }: WorkerWorld,
  { process, deps, key, request }: Job,
): Promise<void> {
  oracle.count('pulls');
  const event = JSON.parse(pullPayload(request)) as unknown;
  // Whoever called it hears that it ended without a word, and calls again.
  const die = () => {
    if (process.alive) time.schedule(AGAIN_MS, () => work(request));
    process.alive = false;
  };
  const cancelDeath = time.schedule(workMs, die);
  const way = dice.pick(['middy', 'each batch', 'each record'] as const);
  const context = { getRemainingTimeInMillis: () => workMs };
  const handle = (batch: PulledBatch) => functions.pulled(process, { key, die }, batch.records);
  const eachRecord = (record: PulledBatch['records'][number]) => functions.pulled(process, { key, die }, [record]);
  const options = way === 'each record' ? { eachRecord, concurrency: dice.pick([1, 3]) } : {};
  const call = new WatchedPullCall(deps, parsePullEvent(event)!, options, context);
  const { group } = request.subscription;
  call.watch = (records) => {
    // What is begun of a batch is handled to its end, record by record.
    if (!process.wasStopped) oracle.checkEnabled(group);
    return oracle.limits.onCall({ process, group, records, isOwn: true });
  };
  if (way === 'each record') await call.runEach(eachRecord);
  else if (way === 'each batch') await call.run(handle);
  else await underMiddy(call, handle);
  call.over();
  cancelDeath();
}

/** Tells when a batch begins to be handled, and when it is over. */
class WatchedPullCall extends PullCall<Uint8Array | null, Uint8Array | null> {
  watch: (records: number) => () => void = () => () => {};
  over: () => void = () => {};

  override async next(): Promise<PulledBatch | null> {
    this.over();
    this.over = () => {};
    const batch = await super.next();
    if (batch !== null) this.over = this.watch(batch.records.length);
    return batch;
  }

  override async finish(): Promise<void> {
    this.over();
    await super.finish();
  }
}

/** As the middleware does before, after, and on an error of a handler. */
async function underMiddy(
  call: PullCall<Uint8Array | null, Uint8Array | null>,
  handle: (batch: PulledBatch) => Promise<unknown>,
): Promise<void> {
  const batch = await call.next();
  if (batch === null) return;
  await handle(batch).then(
    (response) => call.answered(response),
    (error: unknown) => call.failed(error),
  );
  await call.finish();
}
