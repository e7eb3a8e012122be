/**
 * How many functions a record has come through: what a function sends while it handles records counts one more than the most of them. So a loop of topics, in which functions feed each other, ends among the dead letters. AWS detects such loops
 * through SQS, SNS and S3, after about as many hops ("Using Lambda recursive loop detection" in the developer guide), but not through DynamoDB.
 */
import { type GivenRecord, givenHeader } from './given-record.ts';
import type { ReceivedEvent } from './received-event.ts';

/** The header that has the count; none: the record comes from outside. */
export const HOPS_HEADER = 'millrace-hops';

/** A record that has come through so many functions is given to none. */
export const MAX_HOPS = 16;

/** The hops of a record; 0 where nothing sensible is told. */
export function hopsOf(record: Partial<GivenRecord>): number {
  const text = givenHeader(record, HOPS_HEADER);
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : 0;
}

/** Whether a record goes round. */
export function isLooping(record: ReceivedEvent): boolean {
  // Most records have no headers at all.
  return record.headers.length > 0 && hopsOf(record) >= MAX_HOPS;
}

/** The hops of what is sent by a handler of this event: of one record, of a batch that is pulled, of a Kafka or SQS event. Null for any other event: then nothing is counted. */
export function hopsFrom(event: unknown): number | null {
  const records = recordsOf(event);
  return records === null ? null : records.reduce((most, record) => Math.max(most, hopsOf(record)), 0) + 1;
}

function recordsOf(event: unknown): readonly Partial<GivenRecord>[] | null {
  if (typeof event !== 'object' || event === null) return null;
  const { records, Records } = event as { readonly records?: unknown; readonly Records?: unknown };
  if (Array.isArray(records)) return records;
  if (typeof records === 'object' && records !== null) return Object.values(records).flat() as Partial<GivenRecord>[];
  if (Array.isArray(Records)) return Records.every(isMessage) ? Records : null;
  return 'topic' in event && 'offset' in event ? [event as Partial<GivenRecord>] : null;
}

function isMessage(record: unknown): boolean {
  return typeof record === 'object' && record !== null && 'messageAttributes' in record;
}
