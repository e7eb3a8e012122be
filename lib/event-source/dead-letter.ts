/** A dead letter: what a record that was given up tells of itself, see `failed-record.ts`, and how it is sent back. */
import { FAILURE_HEADERS, type FailedRecordData, failureHeader } from './failed-record.ts';
import type { ReceivedEvent } from './received-event.ts';

/** A dead letter that nobody has done anything about yet. */
export interface DeadLetter {
  readonly record: ReceivedEvent;
  readonly origin: { readonly topic: string; readonly partition: number; readonly offset: bigint };
  readonly attempts: number;
  readonly redrives: number;
  readonly reason: string;
  readonly error: string;
  readonly stack: string;
  readonly failedAtMs: number;
}

/** What the headers of a record of a dead-letter topic say. */
export function letterOf(record: ReceivedEvent): DeadLetter {
  const text = (name: keyof typeof FAILURE_HEADERS) => failureHeader(record, name) ?? '';
  return {
    record,
    origin: {
      topic: text('topic') || record.topic,
      partition: Number(text('partition')),
      offset: BigInt(/^\d+$/.test(text('offset')) ? text('offset') : 0),
    },
    attempts: Number(text('attempts')),
    redrives: Number(text('redrives')),
    reason: text('reason'),
    error: text('error'),
    stack: text('stack'),
    failedAtMs: Number(text('failedAtMs')),
  };
}

/** Whether a subscription gave it up: several may have one topic for their dead letters. */
export function isLetterOf(letter: DeadLetter, name: string): boolean {
  return failureHeader(letter.record, 'group') === name;
}

const encoder = new TextEncoder();

/** Key, value and headers as they are; only that it was sent back once more. */
export function redrivenRecord({ record, redrives }: DeadLetter): FailedRecordData {
  const others = record.headers.filter(({ key }) => key !== FAILURE_HEADERS.redrives && key !== FAILURE_HEADERS.dueMs);
  const count = { key: FAILURE_HEADERS.redrives, value: encoder.encode(`${redrives + 1}`) };
  return { key: record.keyBytes, value: record.valueBytes, headers: [...others, count] };
}
