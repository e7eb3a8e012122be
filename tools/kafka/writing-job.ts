/** What the makers of fixtures ask of a client, whatever its language: JSON on the standard input of its program. */

/** A record in JSON; bytes are base64. */
export interface JsonRecord {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
  /** Since the Unix epoch. */
  readonly timestampMs: number;
}

/** Records that go out as one batch, and in a transaction of their own when the job has a transactional id. */
export interface JsonBatch {
  readonly records: readonly JsonRecord[];
  /** Whether the transaction ends with an abort. */
  readonly abort: boolean;
}

/** One producer's work on partition 0 of one topic. */
export interface WritingJob {
  readonly topic: string;
  readonly compression: string;
  readonly idempotent: boolean;
  readonly transactionalId?: string;
  readonly batches: readonly JsonBatch[];
}
