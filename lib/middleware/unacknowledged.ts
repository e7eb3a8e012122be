/** What an invocation fails with when records that it sent were not acknowledged: a pure decision. */
import { type ErrorCode, MillraceError } from '../errors.ts';

/** A record that was not acknowledged. */
export interface UnacknowledgedRecord {
  /** Counts the records of the invocation from 0, in the order of `send`. */
  readonly index: number;
  readonly topic: string;
  /** As it was given, if it is text. */
  readonly key: string | null;
  /** Null: it was still under way. */
  readonly error: MillraceError | null;
}

/** Records that an error names one by one. */
const NAMED = 100;

const OUTCOMES: Partial<Record<ErrorCode, string>> = {
  NOT_COMMITTED: 'not in the log',
  COMMIT_UNKNOWN: 'may be in the log',
};

/** `records` is not empty; `sentCount` is how many the invocation has sent, and `handlerError` what its handler threw, if it did. */
export function unacknowledged(
  records: readonly UnacknowledgedRecord[],
  sentCount: number,
  handlerError: unknown,
): MillraceError {
  const codes = new Set(records.map(codeOf));
  // What may be there decides: whoever sends all of it again may write it twice.
  const code = codes.has('COMMIT_UNKNOWN') ? 'COMMIT_UNKNOWN' : codes.size === 1 ? [...codes][0]! : 'NOT_COMMITTED';
  const handler = handlerError === undefined ? '' : `; the handler failed, too: ${String(handlerError)}`;
  const of = `${records.length} of ${sentCount} record${sentCount === 1 ? '' : 's'}`;
  const first = records.find((record) => codeOf(record) === code)?.error ?? undefined;
  return new MillraceError(
    code,
    `${of} ${records.length === 1 ? 'was' : 'were'} not acknowledged: ${partsOf(records)}${handler}`,
    {
      value: records
        .slice(0, NAMED)
        .map(({ index, topic, key, error }) => ({ index, topic, key, code: codeOf({ error }) })),
      hint: HINTS[code] ?? first?.hint ?? 'Look at the cause.',
      retriable: records.every(({ error }) => error?.retriable === true),
      cause: handlerError ?? first,
    },
  );
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  NOT_COMMITTED: 'They are not in the log: send them again.',
  COMMIT_UNKNOWN:
    'Send again only where a duplicate does no harm. Give the function more time, or send less in one call.',
};

function codeOf({ error }: Pick<UnacknowledgedRecord, 'error'>): ErrorCode {
  return error?.code ?? 'COMMIT_UNKNOWN';
}

/** "2 to orders (not in the log), 1 to bills (MESSAGE_TOO_LARGE: …)" */
function partsOf(records: readonly UnacknowledgedRecord[]): string {
  const groups = Map.groupBy(records, (record) => `${record.topic} (${outcomeOf(record)})`);
  return [...groups].map(([to, { length }]) => `${length} to ${to}`).join(', ');
}

function outcomeOf(record: UnacknowledgedRecord): string {
  const code = codeOf(record);
  const { error } = record;
  if (error === null) return 'still under way, may be in the log';
  const outcome = OUTCOMES[code];
  return outcome === undefined ? `${code}: ${error.message}` : `${outcome}: ${error.message}`;
}
