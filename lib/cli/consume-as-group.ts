/** `millrace consume -g GROUP`: what was printed is committed, and nothing else. */
import type { Consumer } from '../client/consumer.ts';
import type { MillraceError } from '../errors.ts';
import { parsePattern } from '../group/subscription.ts';
import type { CliContext } from './cli-context.ts';
import { InterruptedError } from './cli-errors.ts';
import { write } from './cli-io.ts';
import type { RecordFormat } from './record-format.ts';

/** What is to be read, and how it is printed. */
export interface GroupConsumption {
  readonly group: string;
  readonly topics: readonly string[];
  /** The topics are regular expressions. */
  readonly isPattern: boolean;
  readonly reset: 'earliest' | 'latest';
  readonly count: number;
  readonly exitAtEnd: boolean;
  readonly print: RecordFormat;
}

/** Somebody who looks on wants to see soon that another member has come or gone. */
const HEARTBEAT_MS = 1_000;
const LOCAL_HEARTBEAT_MS = 200;
const SESSION_MS = 10_000;
/** What is printed again after a crash is what was printed for this long at most. */
const COMMIT_MS = 1_000;

/** Reads as a member of a group until the end, the count, or a signal; it leaves the group in order. */
export async function consumeAsGroup(context: CliContext, request: GroupConsumption): Promise<void> {
  const signal = context.io.interrupts();
  let printed = 0;
  await context.withMillrace(async (millrace) => {
    const failed: MillraceError[] = [];
    const consumer = millrace.consumer({
      group: request.group,
      clientId: 'millrace-cli',
      autoOffsetReset: request.reset,
      autoCommit: true,
      autoCommitIntervalMs: COMMIT_MS,
      sessionTimeoutMs: SESSION_MS,
      heartbeatIntervalMs: context.isLocal ? LOCAL_HEARTBEAT_MS : HEARTBEAT_MS,
      stopAtEnd: request.exitAtEnd,
      onCommitFailed: (error) => void failed.push(error),
      ...context.idle,
    });
    const stop = () => consumer.stop();
    signal.addEventListener('abort', stop);
    await consumer.subscribe(subscriptionOf(request));
    if (request.count > 0 && !signal.aborted) printed = await printRecords(context, consumer, request);
    await consumer.close();
    const lost = failed.find(({ retriable }) => retriable);
    if (lost !== undefined) throw lost;
  });
  const text = `${printed} record${printed === 1 ? '' : 's'} printed and committed for group ${request.group}.`;
  const fields = { group: request.group, records: printed };
  if (signal.aborted) throw new InterruptedError(signal.reason as 'SIGINT' | 'SIGTERM', { text, fields });
}

function subscriptionOf({ topics, isPattern }: GroupConsumption): readonly string[] | RegExp {
  return isPattern ? parsePattern(topics.map((topic) => `(?:${topic})`).join('|')) : topics;
}

/** How many it printed. */
async function printRecords({ io }: CliContext, consumer: Consumer, request: GroupConsumption): Promise<number> {
  let printed = 0;
  for await (const { topic, partition, records } of consumer.batches()) {
    const wanted = records.slice(0, Math.min(records.length, request.count - printed));
    await write(io.stdout, Buffer.concat(wanted.map(request.print)));
    printed += wanted.length;
    if (printed < request.count) continue;
    // The batch may not be printed to its end.
    await consumer.commit([{ topic, partition, offset: wanted.at(-1)!.offset + 1n }]);
    break;
  }
  return printed;
}
