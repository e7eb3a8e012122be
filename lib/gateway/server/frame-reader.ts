/** Cuts what a socket receives into requests, each in a buffer of its own: what is received is somebody else's after the call, and the rest of a large request is received where it is to stand. */
import type { BufferPool } from '../../buffer-pool.ts';
import { AWAKE, type Clock } from '../../clock.ts';
import { asMillraceError, MillraceError } from '../../errors.ts';
import { malformed } from '../protocol/wire-reader.ts';
import type { MemoryBudget } from './memory-budget.ts';

/** A request of at most so many bytes is small: it is received without asking for memory first, since it comes by the dozen in what is received at once. */
export const SMALL_REQUEST_BYTES = 64 * 1024;

/** A request without its size. */
export interface ReceivedFrame {
  readonly bytes: Uint8Array;
  /** Counts its memory no more. Parts of the bytes may be kept. */
  readonly release: () => void;
  /** As `release`, and another request may come to stand in the same memory: to be called once nobody looks at the bytes any more. */
  readonly recycle: () => void;
}

/** A frame of which the beginning is there. */
interface OpenFrame extends ReceivedFrame {
  filled: number;
}

/** What a reader of frames needs of its connection. */
export interface FrameReaderOptions {
  readonly memory: MemoryBudget;
  /** For the bytes of requests. */
  readonly buffers: BufferPool;
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
/** Requests below that are not worth a block of the pool: most are no Produce requests, whose memory alone is used again. */
const POOLED_BYTES_MIN = 4096;
/** What is missing of a request is received where it is to stand if it is as much; less of it comes with what follows. */
const ROOM_BYTES_MIN = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** See the module comment. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  /** What was received and belongs to no frame yet, while memory for the next is waited for, or a part of a size. */
  #rest: Uint8Array = NOTHING;
  /** The frame that is being received. */
  #frame: OpenFrame | null = null;
  /** Ends the time that the frame may take. */
  #whole = new AbortController();
  /** Ends the wait for memory. */
  #claim: (() => void) | null = null;
  #isWaiting = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Takes what was received; it is looked at during the call alone. */
  give(chunk: Uint8Array): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = NOTHING;
    if (this.#isWaiting) this.#rest = bytes === chunk ? new Uint8Array(chunk) : bytes;
    else this.#consume(bytes);
  }

  /** Where the rest of a large request is to stand. */
  get room(): Uint8Array | null {
    const frame = this.#frame;
    if (frame === null || frame.bytes.length - frame.filled < ROOM_BYTES_MIN) return null;
    return frame.bytes.subarray(frame.filled);
  }

  /** So many bytes were received at the beginning of what `room` was. */
  filled(count: number): void {
    // It has ended meanwhile.
    if (this.#frame === null) return;
    this.#advance(this.#frame, count);
    this.#consume(NOTHING);
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
    this.#rest = NOTHING;
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
        const likely = guess(bytes, position) ?? `${FRAME_BYTES_MIN} to ${maxBytes} are taken`;
        throw malformed(`a request of ${size} bytes (${likely})`, position);
      }
      const end = position + SIZE_BYTES + size;
      if (end <= bytes.length && size <= SMALL_REQUEST_BYTES) {
        const frame = this.#frameOf(size, this.#options.memory.count(size));
        frame.bytes.set(bytes.subarray(position + SIZE_BYTES, end));
        this.#options.onFrame(frame);
        position = end;
        continue;
      }
      if (!this.#begin(size)) break;
      position += SIZE_BYTES;
      position += this.#fill(bytes.subarray(position));
    }
    if (position < bytes.length) this.#rest = new Uint8Array(bytes.subarray(position));
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
    this.#frame = { ...this.#frameOf(size, release), filled: 0 };
    void this.#limitTime(size);
  }

  #frameOf(size: number, release: () => void): ReceivedFrame {
    if (size < POOLED_BYTES_MIN) return { bytes: Buffer.allocUnsafe(size), release, recycle: release };
    const { bytes, giveBack } = this.#options.buffers.take(size);
    const recycle = () => {
      release();
      giveBack();
    };
    return { bytes, release, recycle };
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
      // What was kept begins with the size of the frame that was waited for, which has been looked at.
      if (this.#isWaiting) this.#goOn(begin, bytes === 0 ? 0 : SIZE_BYTES);
    });
    if (isHere) begin(release);
    else {
      this.#claim = release;
      this.#isWaiting = true;
      this.#options.onWait();
    }
    return isHere;
  }

  #goOn(begin: (release: () => void) => void, skippedBytes: number): void {
    const release = this.#claim!;
    const rest = this.#rest;
    this.#isWaiting = false;
    this.#claim = null;
    this.#rest = NOTHING;
    begin(release);
    this.#consume(rest.subarray(skippedBytes));
    if (!this.#isWaiting) this.#options.onReady();
  }

  /** Fills the frame that is being received; tells how many bytes that took. */
  #fill(bytes: Uint8Array): number {
    const frame = this.#frame;
    if (frame === null) return 0;
    const count = Math.min(bytes.length, frame.bytes.length - frame.filled);
    frame.bytes.set(bytes.subarray(0, count), frame.filled);
    this.#advance(frame, count);
    return count;
  }

  #advance(frame: OpenFrame, count: number): void {
    frame.filled += count;
    if (frame.filled < frame.bytes.length) return;
    this.#frame = null;
    this.#whole.abort(AWAKE);
    this.#options.onFrame(frame);
  }
}

function tooSlow(size: number, frameMs: number): MillraceError {
  return new MillraceError('INVALID_REQUEST', `a request of ${size} bytes did not arrive within ${frameMs} ms`, {
    value: size,
    hint: 'Send smaller requests over slow lines.',
  });
}

/** What a client of another protocol begins with, which would be large requests of ours. */
function guess(bytes: Uint8Array, position: number): string | null {
  const first = String.fromCharCode(...bytes.subarray(position, position + SIZE_BYTES));
  if (first.startsWith('\x16\x03')) return 'it begins as TLS does, and nothing is encrypted here';
  return /^(GET |HEAD|POST|PUT |OPTI|DELE)$/.test(first) ? 'it begins as HTTP does' : null;
}

function sizeAt(bytes: Uint8Array, position: number): number {
  return (bytes[position]! << 24) | (bytes[position + 1]! << 16) | (bytes[position + 2]! << 8) | bytes[position + 3]!;
}
