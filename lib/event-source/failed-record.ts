/**
 * The form of records that were given up, in retry topics and dead-letter topics: key, value and headers as they were, and headers that say where they come from and why.
 *
 * A record that fails again keeps where it came from first.
 */
import type { RecordHeader } from '../record/record.ts';
import type { DeadRecord } from './event-source-deps.ts';
import type { ReceivedEvent } from './received-event.ts';

/** Headers that say what became of a record. All values are text. */
export const FAILURE_HEADERS = {
  topic: 'millrace-origin-topic',
  partition: 'millrace-origin-partition',
  offset: 'millrace-origin-offset',
  timestampMs: 'millrace-origin-timestamp',
  /** The subscription that gave it up. */
  group: 'millrace-group',
  /** How often it was given in all, retry topics included. */
  attempts: 'millrace-attempts',
  reason: 'millrace-reason',
  error: 'millrace-error',
  stack: 'millrace-stack',
  failedAtMs: 'millrace-failed-at',
  /** In a retry topic: not before this, milliseconds since 1970. */
  dueMs: 'millrace-due',
  /** How often it was sent back from the dead letters. */
  redrives: 'millrace-redrives',
} as const;

const NAMES: ReadonlySet<string> = new Set(Object.values(FAILURE_HEADERS));
const ORIGIN = ['topic', 'partition', 'offset', 'timestampMs'] as const;
/** Of an error, where it is kept. */
export const MAX_ERROR_CHARACTERS = 1_000;
const MAX_STACK_CHARACTERS = 4_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A record to write. */
export interface FailedRecordData {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** The text of one of these headers; undefined when a record has none. */
export function failureHeader(
  { headers }: { readonly headers: readonly RecordHeader[] },
  name: keyof typeof FAILURE_HEADERS,
): string | undefined {
  const header = headers.findLast(({ key }) => key === FAILURE_HEADERS[name]);
  return header?.value == null ? undefined : decoder.decode(header.value);
}

/** When a record of a retry topic is due, milliseconds since 1970; 0: at once. */
export function dueMs(record: ReceivedEvent): number {
  const due = Number(failureHeader(record, 'dueMs') ?? 0);
  return Number.isSafeInteger(due) ? due : 0;
}

/** Where a record comes from first. */
export interface RecordOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: bigint;
}

/** Where a record comes from first: from before it failed, if it has. */
export function recordOrigin(record: ReceivedEvent): RecordOrigin {
  const text = (name: (typeof ORIGIN)[number]) => failureHeader(record, name);
  const [topic, partition, offset, timestampMs] = ORIGIN.map(text);
  const isTold = topic !== undefined && [partition, offset, timestampMs].every((one) => /^\d{1,19}$/.test(one ?? ''));
  if (!isTold) return record;
  return { topic, partition: Number(partition), offset: BigInt(offset!), timestampMs: BigInt(timestampMs!) };
}

/** Since when the age of a record of a retry topic counts: its own time where it comes from first, or when it came here if somebody has sent it back from the dead letters, who wishes it to be given although it is old. */
export function agesSinceMs(record: ReceivedEvent): bigint {
  const wasSentBack = Number(failureHeader(record, 'redrives') ?? 0) > 0;
  return wasSentBack ? record.timestampMs : recordOrigin(record).timestampMs;
}

/** How a record is written that was given up by `group`; `dueMs` for a retry topic. */
export function failedRecord(
  dead: DeadRecord,
  group: string,
  { nowMs, dueMs: due }: { readonly nowMs: number; readonly dueMs: number | null },
): FailedRecordData {
  const { record, reason, failures, error, stack } = dead;
  const before = Number(failureHeader(record, 'attempts') ?? 0);
  const origin = {
    topic: record.topic,
    partition: `${record.partition}`,
    offset: `${record.offset}`,
    timestampMs: `${record.timestampMs}`,
  };
  const texts: Partial<Record<keyof typeof FAILURE_HEADERS, string>> = {
    ...origin,
    ...Object.fromEntries(ORIGIN.map((name) => [name, failureHeader(record, name) ?? origin[name]])),
    group,
    attempts: `${before + failures}`,
    reason,
    error: error.slice(0, MAX_ERROR_CHARACTERS),
    ...(stack !== '' && { stack: stack.slice(0, MAX_STACK_CHARACTERS) }),
    failedAtMs: `${nowMs}`,
    ...(due !== null && { dueMs: `${due}` }),
    redrives: failureHeader(record, 'redrives') ?? '0',
  };
  const told = Object.entries(texts).map(([name, text]) => ({
    key: FAILURE_HEADERS[name as keyof typeof FAILURE_HEADERS],
    value: encoder.encode(text.toWellFormed()),
  }));
  return {
    key: record.keyBytes,
    value: record.valueBytes,
    headers: [...withoutFailureHeaders(record.headers), ...told],
  };
}

/** The headers that a record had before it failed. */
export function withoutFailureHeaders(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  return headers.filter(({ key }) => !NAMES.has(key));
}
