/** What bounds a gateway: its memory does not depend on how many clients there are, nor on what they send. */
export interface GatewayLimits {
  /** A larger request closes its connection. Default 100 MiB, Kafka's `socket.request.max.bytes`. */
  readonly frameBytes: number;
  /** Before a client has said who it is. Default 64 KiB: names and proofs are small, and Kafka's 512 KiB (`sasl.server.max.receive.size`) are for tokens. */
  readonly strangerFrameBytes: number;
  /** A request that has begun to arrive and is not there by then closes its connection. Default 30 s, after which clients give up too (`request.timeout.ms`). */
  readonly frameMs: number;
  /** More connections are closed at once. Default 10,000. */
  readonly connections: number;
  /** Requests of one connection that are read ahead of their answers; then it is read no further. Default 64. */
  readonly pipelinedRequests: number;
  /** Bytes of all large requests that are being received or handled; who needs more waits. Default 128 MiB. */
  readonly requestMemoryBytes: number;
  /** Bytes of answers that a connection may have to be sent before its next request is begun. Default 4 MiB: the next is made while one is taken. */
  readonly unsentBytes: number;
  /** Bytes of all answers that are being made or sent; who asks for records waits while there are as many. Default 128 MiB. */
  readonly answerMemoryBytes: number;
  /** A client that has not taken an answer by then is taken for gone. Default 30 s, after which clients give up too (`request.timeout.ms`). */
  readonly answerMs: number;
  /** A connection without a request for so long is closed. Default 10 minutes, Kafka's `connections.max.idle.ms`. */
  readonly idleMs: number;
  /** How long requests may take to end when the gateway is closed. Default 10 s. */
  readonly closeMs: number;
}

/** See `GatewayLimits`. */
export const DEFAULT_GATEWAY_LIMITS: GatewayLimits = {
  frameBytes: 100 * 1024 * 1024,
  strangerFrameBytes: 64 * 1024,
  frameMs: 30_000,
  connections: 10_000,
  pipelinedRequests: 64,
  requestMemoryBytes: 128 * 1024 * 1024,
  unsentBytes: 1024 * 1024,
  answerMemoryBytes: 128 * 1024 * 1024,
  answerMs: 30_000,
  idleMs: 600_000,
  closeMs: 10_000,
};
