/** A client that says just what a test wants it to say. */
import { connect, type Socket } from 'node:net';
import { decodeResponse, encodeRequest } from '../../lib/gateway/protocol/frames.ts';
import type { Api, Read, Written } from '../../lib/gateway/protocol/schema.ts';

/** Frames as they arrive, and when the other side ends. */
export class WireClient {
  readonly socket: Socket;
  readonly #frames: Buffer[] = [];
  readonly #waiting: ((frame: Buffer | null) => void)[] = [];
  #received = Buffer.alloc(0);
  #isClosed = false;
  #correlationId = 0;

  /** `dial`: how it connects, by default unencrypted. */
  constructor(port: number, dial: (port: number) => Socket = (to) => connect(to, '127.0.0.1')) {
    this.socket = dial(port);
    this.socket.on('data', (chunk) => this.#take(chunk as Buffer));
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#isClosed = true;
      for (const resolve of this.#waiting.splice(0)) resolve(null);
    });
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readInt32BE(0)) {
      const size = this.#received.readInt32BE(0);
      const frame = this.#received.subarray(4, 4 + size);
      this.#received = this.#received.subarray(4 + size);
      const waiting = this.#waiting.shift();
      if (waiting) waiting(frame);
      else this.#frames.push(frame);
    }
  }

  /** The next answer without its size; null when the connection is closed first. */
  nextFrame(): Promise<Buffer | null> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#isClosed) return Promise.resolve(null);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Sends a request; its correlation id. */
  send<A extends Api>(api: A, version: number, body: Written<A['request']>): number {
    const correlationId = ++this.#correlationId;
    this.write(Buffer.concat(encodeRequest({ api, version }, { correlationId, clientId: 'test' }, body)));
    return correlationId;
  }

  /** The answer to a request that was sent. Throws when there is none, or it is another's. */
  async answer<A extends Api>(api: A, version: number, correlationId: number): Promise<Read<A['response']>> {
    const frame = await this.nextFrame();
    if (frame === null) throw new Error(`the connection was closed before ${api.name} was answered`);
    const decoded = decodeResponse({ api, version }, frame);
    if (decoded.correlationId !== correlationId) throw new Error(`answered ${decoded.correlationId}`);
    return decoded.body;
  }

  /** Asks and waits for the answer. */
  ask<A extends Api>(api: A, version: number, body: Written<A['request']>): Promise<Read<A['response']>> {
    return this.answer(api, version, this.send(api, version, body));
  }

  /** Resolves when the other side has ended the connection. */
  async closed(): Promise<void> {
    if (this.#isClosed) return;
    await new Promise((resolve) => this.socket.once('close', resolve));
  }

  close(): void {
    this.socket.destroy();
  }
}
