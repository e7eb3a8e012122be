/**
 * A client's connection: requests in, answers out in the order of the requests.
 *
 * Always true: an answer is sent only when all before it are; what is no request ends this connection and no other; a connection that does not take its answers, or has sent many
 * requests ahead, is not read from.
 *
 * One request is handled at a time, as in Kafka; only Produce requests overlap with each other, so that several travel in one flush.
 */
import type { Socket } from 'node:net';
import type { BufferPool } from '../../buffer-pool.ts';
import { type Clock, eventLoop } from '../../clock.ts';
import { asMillraceError, type MillraceError } from '../../errors.ts';
import type { GatewayLimits } from '../gateway-limits.ts';
import type { ConnectionContext } from '../handler.ts';
import { type Answer, type DecodedRequest, type Dispatcher, mayOverlap } from './dispatcher.ts';
import { FrameReader, type ReceivedFrame } from './frame-reader.ts';
import { HeldFrame } from './held-frame.ts';
import type { Intake } from './intake.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { tlsTrouble } from './tls-trouble.ts';
import { UnsentAnswers } from './unsent-answers.ts';

/** What a connection needs of its server. */
export interface ConnectionDeps {
  readonly limits: GatewayLimits;
  readonly clock: Clock;
  readonly memory: MemoryBudget;
  /** For the bytes of requests. */
  readonly buffers: BufferPool;
  /** For answers that are not sent yet. */
  readonly answers: MemoryBudget;
  readonly dispatcher: Dispatcher;
  /** Told why it ended, null when the client did. */
  readonly onEnd: (connection: Connection, error: MillraceError | null) => void;
}

interface Pending {
  readonly request: DecodedRequest;
  /** Null where its memory is not counted any more. */
  readonly held: HeldFrame | null;
  /** Null until it is handled. */
  answer: Answer | null;
}

/** See the module comment. */
export class Connection implements ConnectionContext {
  readonly id: number;
  readonly clientHost: string;
  readonly localAddress: string;
  readonly localPort: number;
  softwareName = '';
  softwareVersion = '';
  readonly #deps: ConnectionDeps;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #closed = new AbortController();
  /** Read and not begun. */
  readonly #waiting: ReceivedFrame[] = [];
  /** Begun and not answered, in order. */
  readonly #pending: Pending[] = [];
  readonly #unsent: UnsentAnswers;
  #isMemoryAwaited = false;
  /** No more requests are begun. */
  #isEnding = false;
  #isEnded = false;
  #error: MillraceError | null = null;

  constructor(id: number, intake: Intake, deps: ConnectionDeps) {
    const { socket } = intake;
    this.id = id;
    this.#socket = socket;
    this.#deps = deps;
    this.clientHost = socket.remoteAddress ?? '';
    this.localAddress = socket.localAddress ?? '';
    this.localPort = socket.localPort ?? 0;
    const { limits, memory, buffers, clock } = deps;
    this.#reader = new FrameReader({
      memory,
      buffers,
      clock,
      frameMs: limits.frameMs,
      isPaused: () => socket.isPaused(),
      maxBytes: () => (deps.dispatcher.isKnown(this) ? limits.frameBytes : limits.strangerFrameBytes),
      onFrame: (frame) => this.#received(frame),
      onWait: () => this.#awaitMemory(true),
      onReady: () => this.#awaitMemory(false),
      onMalformed: (error) => this.end(error),
    });
    this.#unsent = new UnsentAnswers({
      socket,
      clock,
      memory: deps.answers,
      answerMs: limits.answerMs,
      onStuck: (error) => this.end(error),
    });
    socket.setNoDelay(true);
    socket.setTimeout(limits.idleMs);
    socket.on('timeout', () => this.#idle());
    intake.begin(this.#reader);
    socket.on('drain', () => this.#work());
    // It closes behind it. Who does not trust a certificate says so when all is agreed on for the server.
    socket.on('error', (cause) => (this.#error ??= tlsTrouble(cause)));
    // Half closed: nothing more is asked, and answers that are under way may still be wanted.
    socket.on('end', () => this.#finish());
    socket.on('close', () => this.#release());
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  introduce(softwareName: string, softwareVersion: string): void {
    this.softwareName = softwareName;
    this.softwareVersion = softwareVersion;
  }

  endAfterAnswer(reason?: MillraceError): void {
    this.#error ??= reason ?? null;
    this.#finish();
  }

  /** Begins no more requests, answers those that are begun, and ends. Long polls end early. */
  drain(): void {
    this.#closed.abort();
    this.#finish();
  }

  /** Ends at once. */
  end(error: MillraceError | null): void {
    this.#error ??= error;
    this.#isEnding = true;
    this.#socket.destroy();
  }

  #idle(): void {
    if (this.#pending.length === 0 || this.#reader.isInFrame) this.end(null);
  }

  #finish(): void {
    this.#isEnding = true;
    this.#socket.pause();
    this.#drop();
    if (this.#pending.length === 0) this.#socket.end(() => this.#socket.destroy());
  }

  #drop(): void {
    for (const frame of this.#waiting.splice(0)) frame.release();
    this.#reader.end();
  }

  #release(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#isEnding = true;
    this.#drop();
    for (const { answer } of this.#pending) answer?.memory.giveBack();
    this.#unsent.end();
    this.#closed.abort();
    this.#deps.onEnd(this, this.#error);
  }

  #awaitMemory(isAwaited: boolean): void {
    this.#isMemoryAwaited = isAwaited;
    this.#steer();
  }

  /** Reads on, or not. */
  #steer(): void {
    if (this.#isEnding) return;
    const isFull = this.#waiting.length >= this.#deps.limits.pipelinedRequests;
    if (this.#isMemoryAwaited || isFull) this.#socket.pause();
    else if (this.#socket.isPaused()) {
      this.#reader.resumed();
      this.#socket.resume();
    }
  }

  #received(frame: ReceivedFrame): void {
    if (this.#isEnding) frame.release();
    else {
      this.#waiting.push(frame);
      this.#work();
    }
  }

  /** Begins what can be begun. */
  #work(): void {
    while (this.#waiting.length > 0 && !this.#isEnding) {
      if (this.#socket.writableLength > this.#unsentBytes) break;
      if (this.#pending.length >= this.#deps.limits.pipelinedRequests) break;
      const last = this.#pending.at(-1);
      if (last && !mayOverlap(last.request.api.key)) break;
      const frame = this.#waiting[0]!;
      if (last && !mayOverlap(keyOf(frame))) break;
      this.#waiting.shift();
      this.#begin(frame);
    }
    this.#steer();
  }

  /** While memory is short, who has not taken an answer gets no other. */
  get #unsentBytes(): number {
    const { answers, limits } = this.#deps;
    return answers.isFull ? 0 : limits.unsentBytes;
  }

  #begin(frame: ReceivedFrame): void {
    let request: DecodedRequest;
    try {
      request = this.#deps.dispatcher.decode(frame.bytes);
    } catch (error) {
      frame.release();
      this.end(asMillraceError(error));
      return;
    }
    // Only record batches are handed on as they were received: a long poll keeps no memory from others.
    const held = mayOverlap(request.api.key) ? new HeldFrame(frame) : null;
    const pending: Pending = { request, held, answer: null };
    this.#pending.push(pending);
    this.#deps.dispatcher
      .answer(request, this, () => held?.hold() ?? nothing)
      .then(
        (answer) => this.#answered(pending, answer),
        (error) => {
          held?.abandon();
          this.end(asMillraceError(error));
        },
      );
    // Last, since it may bring the next request at once.
    if (held === null) frame.release();
  }

  /** What is answered in one turn, to the requests of a flush for instance, goes out by one call. */
  #cork(): void {
    if (this.#socket.writableCorked > 0) return;
    this.#socket.cork();
    eventLoop.afterTurn(() => {
      this.#socket.uncork();
      this.#unsent.watch();
    });
  }

  #answered(pending: Pending, answer: Answer): void {
    pending.answer = answer;
    pending.held?.letGo();
    if (this.#isEnded) {
      answer.memory.giveBack();
      return;
    }
    this.#cork();
    while (this.#pending[0]?.answer) this.#unsent.send(this.#pending.shift()!.answer!);
    if (this.#isEnding && this.#pending.length === 0) this.#socket.end(() => this.#socket.destroy());
    else this.#work();
  }
}

const nothing = () => {};

/** A frame has at least its fixed header. */
function keyOf({ bytes }: ReceivedFrame): number {
  return ((bytes[0]! << 8) | bytes[1]!) & 0xffff;
}
