/** From a frame to the handler of its API, and from what that says to the bytes of the answer. */
import { BufferPool } from '../../buffer-pool.ts';
import { MillraceError } from '../../errors.ts';
import { ReadMemory } from '../../log/read-memory.ts';
import { answerUnknownVersion } from '../api-versions.ts';
import type { ConnectionContext, Handler, RequestContext, Route } from '../handler.ts';
import {
  encodeResponse,
  hasVersion,
  type RequestHeader,
  readClientId,
  readFixedHeader,
  requestCodec,
} from '../protocol/frames.ts';
import { apiVersionsApi } from '../protocol/messages/cluster-messages.ts';
import { produceApi } from '../protocol/messages/log-messages.ts';
import type { Api } from '../protocol/schema.ts';
import { WireReader } from '../protocol/wire-reader.ts';

/** A request that can be handled; `body` is null for a version of ApiVersions that we do not know, whose body cannot be read. */
export interface DecodedRequest {
  readonly api: Api;
  readonly header: RequestHeader;
  readonly body: unknown;
}

/** An answer to be sent. */
export interface Answer {
  /** None: there is to be no answer. */
  readonly pieces: readonly Uint8Array[];
  /** Pieces are views of it: whoever has the answer gives it back once nobody reads them any more. */
  readonly memory: ReadMemory;
}

const KEPT_BYTES = 16 * 1024 * 1024;

/** Whether requests of an API may be handled while others of their connection are. */
export function mayOverlap(apiKey: number): boolean {
  return apiKey === produceApi.key;
}

/** Says who may ask what: connections by connection. */
export interface Doorkeeper {
  /** Whether the client has said who it is, or need not. */
  isKnown(connection: ConnectionContext): boolean;
  /** Null to let a request pass, otherwise what ends the connection. */
  refuse(connection: ConnectionContext, api: Api): MillraceError | null;
}

/** See the module comment. */
export class Dispatcher {
  readonly #routes: ReadonlyMap<number, Route>;
  readonly #doorkeeper: Doorkeeper | null;
  readonly #buffers: BufferPool;

  /** Answers stand in `buffers`, by default a pool of its own that keeps 16 MiB at most. */
  constructor(
    routes: readonly Route[],
    doorkeeper: Doorkeeper | null,
    buffers = new BufferPool({ keptBytes: KEPT_BYTES }),
  ) {
    this.#routes = new Map(routes.map((one) => [one.api.key, one]));
    this.#doorkeeper = doorkeeper;
    this.#buffers = buffers;
  }

  /** Whether a connection may send large requests. */
  isKnown(connection: ConnectionContext): boolean {
    return this.#doorkeeper?.isKnown(connection) ?? true;
  }

  /** Throws INVALID_REQUEST for what is malformed, and for an API or a version that is not offered: Kafka ends the connection too. */
  decode(frame: Uint8Array): DecodedRequest {
    const reader = new WireReader(frame);
    const fixed = readFixedHeader(reader);
    const api = this.#routes.get(fixed.apiKey)?.api;
    if (api === undefined) throw notOffered(`the API ${fixed.apiKey}`, fixed);
    if (!hasVersion(api, fixed.apiVersion)) {
      if (api.key === apiVersionsApi.key) return { api, header: { ...fixed, clientId: null }, body: null };
      throw notOffered(`version ${fixed.apiVersion} of ${api.name}`, fixed);
    }
    const of = { api, version: fixed.apiVersion };
    const clientId = readClientId(reader, of);
    return { api, header: { ...fixed, clientId }, body: requestCodec(of).read(reader) };
  }

  /** Rejects with what ends the connection. */
  async answer(request: DecodedRequest, connection: ConnectionContext, hold: RequestContext['hold']): Promise<Answer> {
    const memory = new ReadMemory(this.#buffers);
    try {
      return { pieces: await this.#pieces(request, { connection, memory, hold }), memory };
    } catch (error) {
      memory.giveBack();
      throw error;
    }
  }

  async #pieces({ api, header, body }: DecodedRequest, given: Pick<RequestContext, 'connection' | 'memory' | 'hold'>) {
    const { apiVersion, clientId, correlationId } = header;
    if (body === null) return answerUnknownVersion(correlationId);
    const refusal = this.#doorkeeper?.refuse(given.connection, api);
    if (refusal) throw refusal;
    const handler = this.#routes.get(api.key)!.handler as unknown as Handler;
    const context: RequestContext = { ...given, apiVersion, clientId };
    const response = await handler(body as never, context);
    return response === null ? [] : encodeResponse({ api, version: apiVersion }, correlationId, response);
  }
}

function notOffered(what: string, value: unknown): MillraceError {
  return new MillraceError('INVALID_REQUEST', `${what} is not offered`, {
    value,
    hint: 'Ask by ApiVersions which APIs and versions there are.',
  });
}
