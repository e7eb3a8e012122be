/** What clients of a log tell of themselves, one line each: all that a judge of histories needs, and all that he believes. */

/** A value is unique in a history; `expected` names an offset. */
export type LogEvent =
  /** In the order of the calls of this producer. */
  | { readonly kind: 'sent'; readonly client: string; readonly partition: number; readonly value: string }
  | {
      readonly kind: 'acked';
      readonly client: string;
      readonly partition: number;
      readonly value: string;
      readonly offset: number;
    }
  /** For certain not in the log: NOT_COMMITTED and whatever else says so. */
  | { readonly kind: 'refused'; readonly client: string; readonly partition: number; readonly value: string }
  /** COMMIT_UNKNOWN: may be in the log. A send of which nothing is told is as good. */
  | { readonly kind: 'unknown'; readonly client: string; readonly partition: number; readonly value: string }
  | {
      readonly kind: 'read';
      readonly client: string;
      readonly partition: number;
      readonly offset: number;
      readonly value: string;
      /** As the reader was told with it; null when it was not told. */
      readonly highWatermark: number | null;
    };

/** A line as a process prints it. */
export function logEventLine(event: LogEvent): string {
  return JSON.stringify(event);
}

/** Throws for anything but a line of `logEventLine`. */
export function parseLogEvent(line: string): LogEvent {
  const event = JSON.parse(line) as LogEvent;
  if (!['sent', 'acked', 'refused', 'unknown', 'read'].includes(event.kind)) throw new TypeError(`no event: ${line}`);
  return event;
}
