/** Two functions that the commits of the job call: one that is handed records, one that fetches them. */
import { fileURLToPath } from 'node:url';
import { type DevNews, type DevServer, startDevServer } from '../../lib/dev/dev-server.ts';
import { hasCode } from '../../lib/index.ts';
import { TOPIC } from './job.ts';

/** What one function was called for. */
export interface FunctionCounters {
  readonly name: string;
  readonly mode: 'push' | 'pull';
  calls: number;
  records: number;
  failures: number;
  largestBatch: number;
  givenUp: number;
  sentBack: number;
  /** Of the newest record of each batch, or of the first batch of a call, when it was handed over. */
  readonly agesMs: number[];
}

/** The functions at work. */
export interface FunctionsJob {
  readonly counters: readonly FunctionCounters[];
  /** Of the page. */
  readonly address: string;
  /** Resolves when everything that was committed is handled or among the dead letters. */
  caughtUp(): Promise<void>;
  /** Sends the dead letters back, and resolves when they are handled. */
  redrive(): Promise<void>;
  close(): Promise<void>;
}

const PUSHED = 'stargazers';
const PULLED = 'releases';
const LOOK_MS = 50;

const fileOf = (name: string) => fileURLToPath(new URL(`../functions/${name}.ts`, import.meta.url));

/** Starts them over the log in a directory. */
export async function startFunctions(directory: string): Promise<FunctionsJob> {
  const pushed = newCounters(PUSHED, 'push');
  const pulled = newCounters(PULLED, 'pull');
  const server = await startDevServer({
    directory,
    httpPort: 0,
    config: {
      topics: [],
      functions: [
        { name: 'thank-stargazers', file: fileOf('thank-stargazers'), timeoutMs: 30_000 },
        { name: 'announce-releases', file: fileOf('announce-releases'), timeoutMs: 30_000, memoryMb: 512 },
      ],
      subscriptions: [
        {
          name: PUSHED,
          topic: TOPIC,
          target: 'thank-stargazers',
          options: { filters: [{ headers: { event: ['star'] } }], retryAttempts: 1, ordering: 'none' },
        },
        {
          name: PULLED,
          topic: TOPIC,
          target: 'announce-releases',
          options: { mode: 'pull', batchSize: 1_000, filters: [{ headers: { event: ['release'] } }] },
        },
      ],
    },
    onNews: (news) => count(news, pushed, pulled),
  });
  return {
    counters: [pushed, pulled],
    address: server.address,
    caughtUp: () => caughtUp(server, [PUSHED, PULLED]),
    async redrive() {
      const done = await sendBack(server);
      pushed.sentBack += done;
      if (done > 0) await redriven(server);
    },
    close: () => server.close(),
  };
}

function newCounters(name: string, mode: 'push' | 'pull'): FunctionCounters {
  return { name, mode, calls: 0, records: 0, failures: 0, largestBatch: 0, givenUp: 0, sentBack: 0, agesMs: [] };
}

function count(news: DevNews, pushed: FunctionCounters, pulled: FunctionCounters): void {
  if (news.kind === 'pulled') {
    pulled.calls += 1;
    pulled.records += news.records;
    pulled.failures += news.failed > 0 ? 1 : 0;
    if (news.ageMs !== null) pulled.agesMs.push(news.ageMs);
    pulled.largestBatch = Math.max(pulled.largestBatch, news.batches > 0 ? Math.ceil(news.records / news.batches) : 0);
  }
  if (news.kind === 'given-up') pushed.givenUp += news.records;
  if (news.kind !== 'invoked') return;
  pushed.calls += 1;
  pushed.records += news.records - news.failed;
  if (news.failed > 0) pushed.failures += 1;
  pushed.largestBatch = Math.max(pushed.largestBatch, news.records);
  pushed.agesMs.push(news.ageMs);
}

async function caughtUp({ tools }: DevServer, names: readonly string[]): Promise<void> {
  for (const name of names) {
    for (;;) {
      const { partitions } = await tools.subscriptions.describe(name);
      if (partitions.every(({ lag }) => lag === 0n)) break;
      await pause();
    }
  }
}

/** Another run may be at it at the same time. */
async function sendBack({ tools }: DevServer): Promise<number> {
  for (;;) {
    try {
      return (await tools.deadLetters.redrive(PUSHED)).done;
    } catch (error) {
      if (!hasCode(error, 'TOPIC_BUSY')) throw error;
      await pause();
    }
  }
}

async function redriven({ tools }: DevServer): Promise<void> {
  for (;;) {
    const { partitions } = await tools.millrace.groups.describeGroup(`${PUSHED}.redrive`);
    if (partitions.every(({ lag }) => lag === 0n)) return;
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
