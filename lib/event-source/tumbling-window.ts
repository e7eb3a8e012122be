/**
 * Tumbling windows: the records of a partition in stretches of time of one length, each with a state that its function hands on from batch to batch. Pure decisions. Source: "Stateful processing" in "Using AWS Lambda with Amazon Kinesis"
 * of the Lambda developer guide.
 *
 * Always true: the windows of a partition follow one another and do not overlap. A record belongs to the window of its timestamp, or to the one that is open, or comes next, when its own is over: each is in one window exactly. A record from
 * the future belongs to the present.
 */

/** A stretch of time: `[startMs, endMs)`, milliseconds since 1970. */
export interface WindowSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** A window some of whose records were handled. Stored with the lease, by the same update that commits them. */
export interface OpenWindow extends WindowSpan {
  /** What the function has answered last: any JSON. */
  readonly state: unknown;
  /** How often its last call failed. */
  readonly failures: number;
}

/** What a function is told beside its records. */
export interface WindowCall extends WindowSpan {
  readonly state: unknown;
  /** It has no records: the window is over. */
  readonly isFinal: boolean;
}

/** What is remembered of windows. */
export interface WindowProgress {
  /** The one that is open; null: none is. */
  readonly window: OpenWindow | null;
  /** The end of the one before; null: there was none. */
  readonly windowFloorMs: number | null;
}

/**
 * What a function may hand on, encoded as JSON. Lambda allows 1 MB. Here each batch writes it, at a unit for each KB, and the leases of a subscription share the 1,000 units a second of one partition key: that is fifteen batches a second of this size.
 */
export const MAX_STATE_BYTES = 64 * 1024;

/** When windows are decided about. */
export interface WindowContext extends WindowProgress {
  /** Length of a window; 0: there are none any more. */
  readonly sizeMs: number;
  readonly nowMs: number;
}

const NOTHING = {};

/** The window in which a record is handled that is the first to be: that which is open, or its own. */
export function windowFor(timestampMs: bigint, { window, windowFloorMs, sizeMs, nowMs }: WindowContext): WindowSpan {
  if (window !== null) return window;
  const floorMs = windowFloorMs ?? 0;
  const atMs = Math.max(Math.min(Number(timestampMs), nowMs), floorMs, 0);
  const startMs = Math.floor(atMs / sizeMs) * sizeMs;
  return { startMs: Math.max(startMs, floorMs), endMs: startMs + sizeMs };
}

/** Whether a record is to be handled in a later window. */
export function isBehind({ endMs }: WindowSpan, timestampMs: bigint, { sizeMs, nowMs }: WindowContext): boolean {
  return sizeMs === 0 || Math.min(Number(timestampMs), nowMs) >= endMs;
}

/** Whether the open window is over although no later record has come. */
export function isOver({ endMs }: WindowSpan, { sizeMs, nowMs }: WindowContext): boolean {
  return sizeMs === 0 || nowMs >= endMs;
}

/** What the function is told with a batch; `first` is the timestamp of its first record, null for the last call of a window. Null: there are no windows. */
export function windowCall(first: bigint | null, context: WindowContext): WindowCall | null {
  const { window, sizeMs } = context;
  if (first === null) return window && { ...span(window), state: window.state, isFinal: true };
  if (sizeMs === 0) return null;
  return { ...span(windowFor(first, context)), state: window?.state ?? NOTHING, isFinal: false };
}

/** A batch was handled, or some of it. `state`: what the function has answered; undefined: nothing. */
export function handedOn(call: WindowCall, state: unknown): Pick<WindowProgress, 'window'> {
  return { window: { ...span(call), state: state ?? NOTHING, failures: 0 } };
}

/** The last call of a window went well, or is given up. */
export function closed({ endMs }: WindowCall): WindowProgress {
  return { window: null, windowFloorMs: endMs };
}

/** What becomes of a window whose last call failed: it is called again, or given up as a record is. */
export function failedToClose(
  window: OpenWindow,
  { retryAfterMs }: { readonly retryAfterMs?: number },
  { retryAttempts, delayMs }: { readonly retryAttempts: number; readonly delayMs: (failures: number) => number },
): { readonly window: OpenWindow; readonly isGivenUp: boolean; readonly waitMs: number } {
  const failures = window.failures + 1;
  const isGivenUp = retryAttempts >= 0 && failures > retryAttempts;
  return { window: { ...window, failures }, isGivenUp, waitMs: retryAfterMs ?? delayMs(failures) };
}

/** Whether a state is more than may be handed on. */
export function isTooMuchState(state: unknown): boolean {
  return new TextEncoder().encode(JSON.stringify(state ?? NOTHING)).length > MAX_STATE_BYTES;
}

const span = ({ startMs, endMs }: WindowSpan): WindowSpan => ({ startMs, endMs });
