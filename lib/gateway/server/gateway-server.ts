/** Listens, and has a `Connection` for each client. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { BufferPool } from '../../buffer-pool.ts';
import type { Clock } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from '../gateway-limits.ts';
import { Connection } from './connection.ts';
import type { Dispatcher } from './dispatcher.ts';
import { SMALL_REQUEST_BYTES } from './frame-reader.ts';
import { directIntake, type Intake, plainIntake } from './intake.ts';
import { MemoryBudget } from './memory-budget.ts';
import { tlsTrouble } from './tls-trouble.ts';

/** A certificate and its key, as PEM. */
export interface TlsIdentity {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
}

/** What a server is made of. */
export interface GatewayServerOptions {
  readonly clock: Clock;
  readonly limits?: Partial<GatewayLimits>;
  /** Default: nothing is encrypted. */
  readonly tls?: TlsIdentity | undefined;
  /** For the bytes of requests. Default: a pool of its own that keeps 32 MiB at most. */
  readonly requestBuffers?: BufferPool | undefined;
  /** Told of connections that were ended for what they sent. */
  readonly onRefused?: (clientHost: string, error: MillraceError) => void;
}

/** What to do when it cannot listen, by Node's error codes. */
const LISTEN_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Choose another port, or end what listens there.',
  EADDRNOTAVAIL: 'Choose an address of this machine, 0.0.0.0 for all of them.',
  ENOTFOUND: 'Choose an address of this machine, 0.0.0.0 for all of them.',
  EACCES: 'Choose a port from 1024 on.',
};

/** Who has not agreed on keys by then is sent away. */
const HANDSHAKE_MS = 10_000;
/** What a dozen Java producers have in flight with batches of 128 KiB and more. */
const KEPT_BYTES = 32 * 1024 * 1024;

/** See the module comment. */
export class GatewayServer {
  readonly #options: GatewayServerOptions;
  readonly #limits: GatewayLimits;
  readonly #memory: MemoryBudget;
  readonly #buffers: BufferPool;
  /** For answers: those that wait to be sent are in it, and what is read for others is to be taken from it. */
  readonly answers: MemoryBudget;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Null until `serve`; who connects before waits. */
  #dispatcher: Dispatcher | null = null;
  readonly #early = new Set<Socket>();
  /** Below those of TLS: some are no connection yet, and never will be. */
  readonly #encrypted = new Set<Socket>();
  #lastId = 0;
  /** Resolved when a connection has ended, for who waits for the last one. */
  #ended = Promise.withResolvers<void>();
  #closing: Promise<void> | null = null;

  constructor(options: GatewayServerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits };
    this.#memory = new MemoryBudget(this.#limits.requestMemoryBytes, SMALL_REQUEST_BYTES);
    this.#buffers = options.requestBuffers ?? new BufferPool({ keptBytes: KEPT_BYTES });
    this.answers = new MemoryBudget(this.#limits.answerMemoryBytes);
    this.#server = this.#create(options.tls);
  }

  #create(tls: TlsIdentity | undefined): Server {
    if (tls === undefined) return createServer({ allowHalfOpen: true }, (one) => this.#accept(one, directIntake));
    const accept = (socket: Socket) => this.#accept(socket, plainIntake);
    try {
      const { cert, key } = tls;
      const identity = { cert: Buffer.from(cert), key: Buffer.from(key), handshakeTimeout: HANDSHAKE_MS };
      const server = createTlsServer(identity, accept);
      server.on('connection', (socket: Socket) => {
        this.#encrypted.add(socket);
        socket.once('close', () => this.#encrypted.delete(socket));
      });
      server.on('tlsClientError', (cause, { remoteAddress = '' }) => {
        const trouble = tlsTrouble(cause);
        if (trouble !== null) this.#options.onRefused?.(remoteAddress, trouble);
      });
      server.maxConnections = this.#limits.connections;
      return server;
    } catch (cause) {
      throw new MillraceError('INVALID_CONFIG', 'the certificate or its key cannot be used', {
        hint: 'Give a certificate chain and its private key as PEM.',
        cause,
      });
    }
  }

  /** Number of clients that are connected. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Bytes of large requests that are being received or handled. */
  get requestBytes(): number {
    return this.#memory.usedBytes;
  }

  /** Begins to listen; resolves to the port. Rejects with INVALID_REQUEST when it cannot be had. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const onError = (cause: Error) => {
        reject(
          new MillraceError('INVALID_REQUEST', `cannot listen at ${host}:${port}: ${cause.message}`, {
            value: { host, port },
            hint: LISTEN_HINTS[(cause as NodeJS.ErrnoException).code ?? ''] ?? 'Choose another address or port.',
            cause,
          }),
        );
      };
      this.#server.once('error', onError);
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError);
        // Errors of accepting, such as too many open files, concern one client.
        this.#server.on('error', () => {});
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  /** Begins to answer, also who has connected before. */
  serve(dispatcher: Dispatcher): void {
    this.#dispatcher = dispatcher;
    const early = [...this.#early];
    this.#early.clear();
    // Something may have been read from them.
    for (const socket of early) this.#accept(socket, plainIntake);
  }

  /** Ends all connections at once, and goes on listening: clients connect again. */
  endConnections(): void {
    for (const connection of this.#connections) connection.end(null);
  }

  /** Accepts nobody any more, answers what was begun, for `closeMs` at most, and ends. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.drain();
    for (const socket of this.#early) socket.destroy();
    const over = new AbortController();
    const late = this.#options.clock.sleep(this.#limits.closeMs, over.signal).then(() => {
      for (const connection of this.#connections) connection.end(null);
    });
    while (this.#connections.size > 0) await this.#ended.promise;
    over.abort();
    await late;
    for (const socket of this.#encrypted) socket.destroy();
    await closed;
  }

  #accept(socket: Socket, intakeOf: (socket: Socket) => Intake): void {
    if (this.#connections.size + this.#early.size >= this.#limits.connections || this.#closing !== null) {
      socket.destroy();
      return;
    }
    const dispatcher = this.#dispatcher;
    if (dispatcher === null) {
      socket.on('error', () => {});
      // It would not tell a connection any more that it has ended.
      socket.once('close', () => this.#early.delete(socket));
      this.#early.add(socket);
      return;
    }
    const { clock, onRefused } = this.#options;
    const connection = new Connection(++this.#lastId, intakeOf(socket), {
      limits: this.#limits,
      clock,
      memory: this.#memory,
      buffers: this.#buffers,
      answers: this.answers,
      dispatcher,
      onEnd: (ended, error) => {
        this.#connections.delete(ended);
        this.#ended.resolve();
        this.#ended = Promise.withResolvers();
        if (error) onRefused?.(ended.clientHost, error);
      },
    });
    this.#connections.add(connection);
  }
}
