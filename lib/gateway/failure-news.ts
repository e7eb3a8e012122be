import type { Clock } from '../clock.ts';
import { asMillraceError, type MillraceError } from '../errors.ts';
import { kafkaErrorName } from './kafka-error.ts';
import type { KafkaErrorName } from './protocol/error-codes.ts';

/** What no client can mend: the store's trouble, and what nobody has foreseen. */
const NEWS: readonly KafkaErrorName[] = ['KAFKA_STORAGE_ERROR', 'CLUSTER_AUTHORIZATION_FAILED', 'UNKNOWN_SERVER_ERROR'];
/** Between two of a kind. */
const PAUSE_MS = 60_000;

/** `untoldCount`: failures of the same kind since the last that was told. */
export type OnFailure = (error: MillraceError, untoldCount: number) => void;

interface Kind {
  toldMs: number;
  untoldCount: number;
}

/** Tells whoever runs a gateway of requests for records that failed by no fault of their clients, which is all that clients are told of it: one of each code in a minute, or else a store that is down would fill a disk with its news. */
export class FailureNews {
  readonly #clock: Clock;
  readonly #onFailure: OnFailure;
  readonly #kinds = new Map<string, Kind>();

  constructor(clock: Clock, onFailure: OnFailure = () => {}) {
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** A client is told of `error`. */
  failed(error: unknown): void {
    const failure = asMillraceError(error);
    if (!NEWS.includes(kafkaErrorName(failure)) && failure.code !== 'STORE_READ_ONLY') return;
    const nowMs = this.#clock.monotonicMs();
    const kind = this.#kinds.get(failure.code);
    if (kind !== undefined && nowMs - kind.toldMs < PAUSE_MS) {
      kind.untoldCount += 1;
      return;
    }
    this.#kinds.set(failure.code, { toldMs: nowMs, untoldCount: 0 });
    this.#onFailure(failure, kind?.untoldCount ?? 0);
  }
}
