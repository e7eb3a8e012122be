/** The pump as a function: pushes the records of one partition to the function of one subscription, until nothing is left or its time is nearly over. */
import type { EventSourceTools } from '../connect/event-source-tools.ts';
import { noticeSender } from '../connect/notice-sender.ts';
import { recordSender, SENDER_BUFFER_BYTES } from '../connect/record-sender.ts';
import type { DelayPorts } from '../delay/delay-store.ts';
import { MillraceError } from '../errors.ts';
import { bellWakeUps } from '../event-source/bell-wake-ups.ts';
import type { EventSourceNews } from '../event-source/event-source-deps.ts';
import type { WorkerStore } from '../event-source/event-source-store.ts';
import { GiveUp } from '../event-source/give-up.ts';
import { parsePullEvent } from '../event-source/pull-pointer.ts';
import type { EventOrigin } from '../event-source/push/event-format.ts';
import type { FunctionInvoker } from '../event-source/push/function-invoker.ts';
import { pushBatches } from '../event-source/push/push-batches.ts';
import { Fetcher } from '../log/fetcher.ts';
import { type DeployedStore, machine } from './deployment.ts';
import { timelyInvoker } from './timely-invoker.ts';

/** What it needs. */
export interface PumpDeps {
  readonly store: WorkerStore;
  readonly tools: Pick<EventSourceTools, 'records' | 'notices'>;
  readonly invoker: FunctionInvoker;
  readonly onNews: (news: EventSourceNews) => void;
}

/** The call of a function, as Lambda tells it. */
export interface CallPlace {
  /** `arn:aws:lambda:REGION:ACCOUNT:function:…` */
  readonly functionArn: string;
  readonly remainingMs: number;
}

/** How long before its end the pump hands over no batch any more: the function that has one may run for ten minutes, after it was started, and what came of it is to be stored, dead letters included. */
export const LAST_CALL_MS = 690_000;
/** How long before its end it waits for no answer any more: to store that a call has failed. */
const LAST_ANSWER_MS = 30_000;
/** A pump that dies is noticed after this. */
const LEASE_MS = 30_000;

/** The tools of a pump for a deployed store. */
export function pumpTools(deployed: DeployedStore<DelayPorts>): PumpDeps['tools'] {
  const { region, endpoint } = deployed.target;
  return {
    // Nothing is written but what has failed: most pumps end without it.
    records: recordSender(async () => {
      const { deployedProducer } = await import('./deployed-producer.ts');
      return deployedProducer(deployed, { bufferMemoryBytes: SENDER_BUFFER_BYTES });
    }),
    notices: noticeSender({ ...machine, place: { region, endpoint } }),
  };
}

/** Works on the partition that an event of the router names. Throws INVALID_REQUEST for any other event, and what the store throws after ten attempts: then the event is to be given again. */
export async function pump(deps: PumpDeps, event: unknown, { functionArn, remainingMs }: CallPlace): Promise<void> {
  const request = parsePullEvent(event);
  if (request === null) {
    throw new MillraceError('INVALID_REQUEST', 'the event does not say what to push', {
      value: event,
      hint: 'The pump is called by the router alone.',
    });
  }
  const { store, tools, invoker, onNews } = deps;
  const { clock } = machine;
  const nowMs = clock.monotonicMs();
  const deadlineMs = nowMs + Math.max(remainingMs / 3, remainingMs - LAST_CALL_MS);
  const endMs = nowMs + Math.max((remainingMs * 2) / 3, remainingMs - LAST_ANSWER_MS);
  const all = {
    ...machine,
    store,
    onNews,
    invoker: timelyInvoker({ clock, invoker, endMs }),
    fetcher: new Fetcher({ ...machine, store }),
    records: tools.records,
    sink: new GiveUp({ ...tools, clock }),
    wakeUps: bellWakeUps({ ...machine, bells: store.bells }),
    originOf: ({ topicId }: { readonly topicId: string }) => originOf(functionArn, topicId),
  };
  await pushBatches(all, request, { deadlineMs, leaseMs: LEASE_MS });
}

/** A topic, as it stands in events for a cluster of Kafka: named by the account and the region of the pump. */
function originOf(functionArn: string, topicId: string): EventOrigin {
  const [, partition = 'aws', , region = '', account = ''] = functionArn.split(':');
  return {
    eventSourceArn: `arn:${partition}:kafka:${region}:${account}:cluster/millrace/${topicId}`,
    bootstrapServers: `millrace.${region}:9092`,
    region,
  };
}
