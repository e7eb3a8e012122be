/** A header of a record: what travels beside key and value. Source: KIP-82. */
export interface RecordHeader {
  /** May be empty, may repeat; well-formed Unicode, written as UTF-8. */
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A record as it is written: no offset yet. */
export interface RecordData {
  /** Decides the partition, and what compaction keeps; `null` for none. */
  readonly key: Uint8Array | null;
  /** `null` is a tombstone in a compacted topic. */
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Milliseconds since the Unix epoch, an i64. */
  readonly timestampMs: bigint;
}

/** A record as it is read: at its place in the partition. */
export interface LogRecord extends RecordData {
  readonly offset: bigint;
}
