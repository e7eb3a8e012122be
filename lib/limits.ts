/** Every maximum in one place, each with its reason. */
export const limits = {
  /** Kafka: `Topic.MAX_NAME_LENGTH`. */
  topicNameLength: 249,
  /** A topic is created in transactions of 98 heads; this many take about 1,000 transactions and 0.13 dollars. */
  partitionsPerTopic: 100_000,

  /** A batch that claims more records than this is damaged or hostile. A record takes at least 7 bytes. */
  recordsPerBatch: 16_777_216,
  /** A batch larger than this is refused unread, encoded or decompressed: a fraction of the memory of the smallest function. */
  batchBytes: 64 * 1024 * 1024,
  decompressedBatchBytes: 64 * 1024 * 1024,
  headersPerRecord: 10_000,

  /** A segment's positions are u32; S3's single PUT ends at 5 GiB; 256 MiB is what one process can hold without harm. */
  segmentBytes: 256 * 1024 * 1024,
  /** Regions of one segment: a bound on what an index may claim. */
  regionsPerSegment: 100_000,

  /** DynamoDB: expressions are at most 4 KB, and a roll removes entries one by one (`tail[99], … tail[0]`). */
  entriesPerChunk: 100,
  /** References in the tail before its writer rolls it: they keep the head under 1 KB, one write unit a commit. */
  tailEntries: 16,
  /** Bytes in the tail before its writer rolls it: break-even of inline against a PUT, see docs/decisions. */
  tailBytes: 2048,
  /** Above these a commit is refused as full, so that the head stays far below DynamoDB's 400 KB. */
  tailEntriesCap: 90,
  tailBytesCap: 128 * 1024,
  /** A group at most this large travels inside the head instead of a segment. */
  inlineBytes: 1024,
  /** No topic may set a larger inline limit: two groups of it must fit under `tailBytesCap`. */
  inlineBytesMax: 48 * 1024,

  /** A group's name is part of every key of its items, and of the grants that name it. */
  groupNameLength: 255,
  /** A group with its members and their partitions is one item of at most 400 KB. */
  groupMembers: 1_000,
  /** Kafka: `offset.metadata.max.bytes`. */
  offsetMetadataBytes: 4096,

  /** Elements of all arrays of one request of Kafka's protocol: far above what clients send, and a bound on what a small frame can make of itself in memory. */
  wireElements: 250_000,
  /** A shorter delay is over before anybody could be told of it. */
  delayMinMs: 1_000,
  delayMaxMs: 365 * 86_400_000,
  /** A delayed record whose batch is larger waits in an object: from four write units on, writing, releasing and forgetting it in an item costs more. */
  delayedBatchBytes: 3_584,
  /** What is left of a delayed record stays so long behind its due time: longer than any request may be late, and than most who ask what became of it. */
  delayTraceMs: 3_600_000,
  /** The rest of a transaction is the head. */
  recordsPerRelease: 99,

  /** DynamoDB: items of one transaction. */
  transactionItems: 100,
  /** An id further ahead of the store's own clock than this is not committed. */
  clockAheadMs: 60_000,
  /** What idempotent producers have appended is looked for in entries under ids as young as this, so that it is found for ten minutes: an id may be two minutes old, by default, when its entry is committed. Clients send a batch again for two minutes, by default. */
  producerHorizonMs: 720_000,
  /** Compaction leaves entries under younger ids alone. The batches of idempotent producers are looked for among them, so it is longer than their horizon, by more than clocks differ; and so are lost commits, which end as COMMIT_UNKNOWN where they can be looked for no more. */
  compactionAgeMs: 900_000,
  /** Data is deleted by a time only so long after a clock has first shown it: long enough for a clock that jumped to be put right. */
  clockConfirmMs: 300_000,
} as const;
