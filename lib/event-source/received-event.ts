import type { RecordHeader } from '../record/record.ts';

/** A record as the event source reads it. Its bytes are views into what was fetched. */
export interface ReceivedEvent {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly timestampMs: bigint;
  /** CREATE_TIME: by the producer's clock. LOG_APPEND_TIME: by the log's. */
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME';
  readonly keyBytes: Uint8Array | null;
  readonly valueBytes: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}
