/**
 * Every change of a delayed record, as pure functions `(item | undefined, arguments) → outcome`; see `head-transitions.ts` for how they are used.
 *
 *   (absent) → waiting → delivered, in the same transaction in which its record enters the partition
 *                      → cancelled
 */
import type { Head } from '../log/head.ts';
import { type AddedEntries, type Change, mayAppend, withEntries } from '../log/head-transitions.ts';
import { type DuePlace, type DueRecord, type DueTrace, objectKeyOf, type WaitingRecord } from './due-record.ts';

/** Stores one that waits, or the trace of one that never shall, IF there is nothing under its key. */
export function putDueTransition(current: DueRecord | undefined, record: DueRecord): Change<DueRecord> {
  return current ? { outcome: 'refused', item: current } : { outcome: 'done', item: record };
}

/** Cancels it IF it waits. */
export function cancelDueTransition(current: DueRecord | undefined): Change<DueRecord> {
  if (current?.state !== 'waiting') return { outcome: 'refused', item: current };
  return { outcome: 'done', item: traceOf(current, 'cancelled') };
}

/** What is left of it. */
function traceOf(record: WaitingRecord, state: DueTrace['state']): DueTrace {
  return { dueMs: record.dueMs, id: record.id, state, objectKey: objectKeyOf(record) };
}

/** Arguments of a release. */
export interface ReleaseArgs extends AddedEntries {
  /** The records that the entries hold, each once. */
  readonly places: readonly DuePlace[];
}

/** What a release came to. `index`: of the first record, in the order of `places`, that does not wait. */
export type ReleaseChange =
  | { readonly outcome: 'done'; readonly head: Head; readonly traces: readonly DueTrace[] }
  | { readonly outcome: 'refused'; readonly by: 'head'; readonly head: Head | undefined }
  | { readonly outcome: 'refused'; readonly by: 'record'; readonly index: number };

/**
 * Adds delayed records to the order of their partition IF each of them waits, and marks them as delivered; all of it or nothing. That is why no attempt, however late or often it comes, puts one of them there twice, and why of a
 * release and a cancellation one wins.
 */
export function releaseTransition(
  head: Head | undefined,
  records: readonly (DueRecord | undefined)[],
  args: ReleaseArgs,
): ReleaseChange {
  if (!head || !mayAppend(head, args)) return { outcome: 'refused', by: 'head', head };
  const traces: DueTrace[] = [];
  for (const [index, record] of records.entries()) {
    if (record?.state !== 'waiting') return { outcome: 'refused', by: 'record', index };
    traces.push(traceOf(record, 'delivered'));
  }
  return { outcome: 'done', head: withEntries(head, args), traces };
}

/** Raises the horizon, which never goes back. */
export function raiseHorizonTransition(current: number, beforeMs: number): Change<number> {
  return current >= beforeMs ? { outcome: 'refused', item: current } : { outcome: 'done', item: beforeMs };
}
