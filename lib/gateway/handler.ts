/** What the server gives to who answers a request. */
import type { MillraceError } from '../errors.ts';
import type { ReadMemory } from '../log/read-memory.ts';
import type { Api, RequestOf, ResponseOf } from './protocol/schema.ts';

/** A request beside its body: who asks, and by which version. */
export interface RequestContext {
  /** One object for each connection: a key for what is kept for as long as it lasts. */
  readonly connection: ConnectionContext;
  readonly apiVersion: number;
  readonly clientId: string | null;
  /** What the answer may be made of: it is given back once the answer was sent, or will not be. */
  readonly memory: ReadMemory;
  /** Says that bytes of the request are looked at until the result is called, though it be answered before: then another request may stand in their memory. Only Produce requests share it. */
  readonly hold: () => () => void;
}

/** A client's connection. */
export interface ConnectionContext {
  /** Different for all connections of a gateway. */
  readonly id: number;
  /** The client's address without its port. */
  readonly clientHost: string;
  /** Address and port at which the client has reached us. */
  readonly localAddress: string;
  readonly localPort: number;
  /** As the client has named itself by ApiVersions; empty until then. */
  readonly softwareName: string;
  readonly softwareVersion: string;
  introduce(softwareName: string, softwareVersion: string): void;
  /** Begins no more requests, and ends once this one is answered. With a reason whoever runs the gateway is told. */
  endAfterAnswer(reason?: MillraceError): void;
  /** Aborted when the connection ends: nobody waits for answers any more. */
  readonly closed: AbortSignal;
}

/**
 * Answers a request of one API. What it can refuse it answers with Kafka's error codes; what it throws closes the connection. Null: no answer is sent (Produce with
 * acks=0).
 */
export type Handler<A extends Api = Api> = (
  request: RequestOf<A>,
  context: RequestContext,
) => Promise<ResponseOf<A> | null>;

/** A handler with the API that it is for and the versions of it that it can answer. */
export interface Route {
  readonly api: Api;
  readonly handler: Handler<never>;
}

/** Ties a handler to its API. */
export function route<A extends Api>(api: A, handler: Handler<A>): Route {
  return { api, handler: handler as unknown as Handler<never> };
}
