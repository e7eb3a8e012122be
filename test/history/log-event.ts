/** What clients of a log tell of themselves, one line each: all that a judge of histories needs, and all that he believes. */

/** A value is unique in a history. */
export type LogEvent =
  /** In the order of the calls of this producer. */
  | {
      readonly kind: 'sent';
      readonly client: string;
      readonly partition: number;
      readonly value: string;
      /** The only offset at which it may be committed. */
      readonly expectedOffset?: number;
    }
  | {
      readonly kind: 'acked';
      readonly client: string;
      readonly partition: number;
      readonly value: string;
      readonly offset: number;
    }
  /** For certain not in the log, and nothing that was sent behind it before this was told: NOT_COMMITTED. */
  | { readonly kind: 'refused'; readonly client: string; readonly partition: number; readonly value: string }
  /** For certain not in the log, and it holds nothing back: it was never under way, or it had to stand at another offset than the end: BUFFER_EXHAUSTED, CLOSED, OFFSET_MISMATCH. */
  | { readonly kind: 'unsent'; readonly client: string; readonly partition: number; readonly value: string }
  /** COMMIT_UNKNOWN: may be in the log. A send of which nothing is told is as good. */
  | { readonly kind: 'unknown'; readonly client: string; readonly partition: number; readonly value: string }
  /** Nobody will tell what became of it, and it holds nothing back: its topic was deleted, or its producer did not want to know (`acks: 0`). */
  | { readonly kind: 'gone'; readonly client: string; readonly partition: number; readonly value: string }
  | {
      readonly kind: 'read';
      readonly client: string;
      readonly partition: number;
      readonly offset: number;
      readonly value: string;
      /** As the reader was told with it; null when it was not told. */
      readonly highWatermark: number | null;
    }
  /** Somebody asks for the records below an offset to be deleted: from now on they may be gone. */
  | { readonly kind: 'trim'; readonly client: string; readonly partition: number; readonly offset: number }
  /** Somebody is told the log start offset: what is below is gone. */
  | { readonly kind: 'trimmed'; readonly client: string; readonly partition: number; readonly offset: number };

/** A line as a process prints it. */
export function logEventLine(event: LogEvent): string {
  return JSON.stringify(event);
}

/** Throws for anything but a line of `logEventLine`. */
export function parseLogEvent(line: string): LogEvent {
  const event = JSON.parse(line) as LogEvent;
  if (!['sent', 'acked', 'refused', 'unsent', 'unknown', 'gone', 'read', 'trim', 'trimmed'].includes(event.kind))
    throw new TypeError(`no event: ${line}`);
  return event;
}
