/** Cuts what a socket receives into requests: those that arrive whole are views of what was received, the others are put together in one buffer. */
import { AWAKE, type Clock } from '../../clock.ts';
import { asMillraceError, MillraceError } from '../../errors.ts';
import { malformed } from '../protocol/wire-reader.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** A request of at most so many bytes is small: it is received without asking for memory first, since it comes by the dozen in what is received at once. */
export const SMALL_REQUEST_BYTES = 64 * 1024;

/** A request without its size. */
export interface ReceivedFrame {
  readonly bytes: Uint8Array;
  /** Gives the memory back; to be called once nobody looks at the bytes any more. */
  readonly release: () => void;
}

/** What a reader of frames needs of its connection. */
export interface FrameReaderOptions {
  readonly memory: MemoryBudget;
  readonly clock: Clock;
  /** How long a frame may take to arrive, from when there is memory for it. */
  readonly frameMs: number;
  /** Whether the client is not read from at the moment: the time does not end then. */
  readonly isPaused: () => boolean;
  /** Largest frame at the moment. */
  readonly maxBytes: () => number;
  readonly onFrame: (frame: ReceivedFrame) => void;
  /** It waits for memory, and what is given meanwhile is kept: better not to give any until `onReady`. */
  readonly onWait: () => void;
  readonly onReady: () => void;
  /** What arrives is no request, or too slowly, and nothing behind it can be read. */
  readonly onMalformed: (error: MillraceError) => void;
}

const SIZE_BYTES = 4;
/** The fixed part of a request's header: nothing shorter is a request. */
const FRAME_BYTES_MIN = 8;

/** See the module comment. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  /** What was received and belongs to no frame yet, while memory for the next is waited for, or a part of a size. */
  #rest: Uint8Array = new Uint8Array(0);
  /** The frame that is being received. */
  #frame: { readonly bytes: Uint8Array; filled: number; readonly release: () => void } | null = null;
  /** Ends the time that the frame may take. */
  #whole = new AbortController();
  /** Ends the wait for memory. */
  #claim: (() => void) | null = null;
  #isWaiting = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Takes what was received. */
  give(chunk: Uint8Array): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = new Uint8Array(0);
    if (this.#isWaiting) this.#rest = bytes;
    else this.#consume(bytes);
  }

  /** Whether a request has begun to arrive. */
  get isInFrame(): boolean {
    return this.#frame !== null || this.#rest.length > 0;
  }

  /** Gives back what it holds. */
  end(): void {
    this.#whole.abort(AWAKE);
    this.#frame?.release();
    this.#claim?.();
    this.#frame = null;
    this.#claim = null;
    this.#rest = new Uint8Array(0);
  }

  #consume(bytes: Uint8Array): void {
    try {
      this.#cut(bytes);
    } catch (error) {
      this.#options.onMalformed(asMillraceError(error));
    }
  }

  #cut(bytes: Uint8Array): void {
    let position = this.#fill(bytes);
    while (bytes.length - position >= SIZE_BYTES) {
      const size = sizeAt(bytes, position);
      const maxBytes = this.#options.maxBytes();
      if (size < FRAME_BYTES_MIN || size > maxBytes) {
        throw malformed(`a request of ${size} bytes (${FRAME_BYTES_MIN} to ${maxBytes} are taken)`, position);
      }
      const end = position + SIZE_BYTES + size;
      if (end <= bytes.length && size <= SMALL_REQUEST_BYTES) {
        const release = this.#options.memory.count(size);
        this.#options.onFrame({ bytes: bytes.subarray(position + SIZE_BYTES, end), release });
        position = end;
        continue;
      }
      if (!this.#begin(size)) break;
      position += SIZE_BYTES;
      position += this.#fill(bytes.subarray(position));
    }
    // A copy, so that a few bytes do not keep all that was received with them.
    if (position < bytes.length) this.#rest = bytes.slice(position);
    if (!this.#isWaiting && this.#options.memory.isFull) this.#take(0, () => {});
  }

  /** Whether there is memory for a frame at once; otherwise it goes on by itself when there is. */
  #begin(size: number): boolean {
    if (size <= SMALL_REQUEST_BYTES) {
      this.#receive(size, this.#options.memory.count(size));
      return true;
    }
    return this.#take(size, (release) => this.#receive(size, release));
  }

  #receive(size: number, release: () => void): void {
    this.#frame = { bytes: Buffer.allocUnsafeSlow(size), filled: 0, release };
    void this.#limitTime(size);
  }

  /** The client is read from again: what it could not send meanwhile is not its fault. */
  resumed(): void {
    if (this.#frame !== null) void this.#limitTime(this.#frame.bytes.length);
  }

  /** Whoever announces a frame and does not send it keeps memory from others: not for long. */
  async #limitTime(size: number): Promise<void> {
    const { clock, frameMs, isPaused, onMalformed } = this.#options;
    this.#whole.abort(AWAKE);
    const whole = new AbortController();
    this.#whole = whole;
    do await clock.sleep(frameMs, whole.signal);
    while (!whole.signal.aborted && isPaused());
    if (!whole.signal.aborted) onMalformed(tooSlow(size, frameMs));
  }

  /** Waits for memory if it must; whether it was there at once. What is given meanwhile is kept, and consumed when it is there. */
  #take(bytes: number, begin: (release: () => void) => void): boolean {
    let isHere = false;
    const release = this.#options.memory.take(bytes, () => {
      isHere = true;
      if (this.#isWaiting) this.#goOn(begin);
    });
    if (isHere) begin(release);
    else {
      this.#claim = release;
      this.#isWaiting = true;
      this.#options.onWait();
    }
    return isHere;
  }

  #goOn(begin: (release: () => void) => void): void {
    const release = this.#claim!;
    const rest = this.#rest;
    this.#isWaiting = false;
    this.#claim = null;
    this.#rest = new Uint8Array(0);
    begin(release);
    // The size of the frame that was waited for has been looked at, and is still there.
    this.#consume(this.#frame === null ? rest : rest.subarray(SIZE_BYTES));
    if (!this.#isWaiting) this.#options.onReady();
  }

  /** Fills the frame that is being received; tells how many bytes that took. */
  #fill(bytes: Uint8Array): number {
    const frame = this.#frame;
    if (frame === null) return 0;
    const count = Math.min(bytes.length, frame.bytes.length - frame.filled);
    frame.bytes.set(bytes.subarray(0, count), frame.filled);
    frame.filled += count;
    if (frame.filled < frame.bytes.length) return count;
    this.#frame = null;
    this.#whole.abort(AWAKE);
    this.#options.onFrame(frame);
    return count;
  }
}

function tooSlow(size: number, frameMs: number): MillraceError {
  return new MillraceError('INVALID_REQUEST', `a request of ${size} bytes did not arrive within ${frameMs} ms`, {
    value: size,
    hint: 'Send smaller requests over slow lines.',
  });
}

function sizeAt(bytes: Uint8Array, position: number): number {
  return (bytes[position]! << 24) | (bytes[position + 1]! << 16) | (bytes[position + 2]! << 8) | bytes[position + 3]!;
}
