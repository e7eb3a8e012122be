/** Records in the forms in which functions are given them. */

/** A record that a function pulls. */
export interface PulledRecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint | number;
  readonly timestampMs: bigint | number;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

/** A record of a Kafka event, as it comes or as Powertools decodes it. */
export interface KafkaRecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly headers?: readonly Readonly<Record<string, unknown>>[] | null;
}

/** A record of a Kinesis event of ours, which has no headers. */
export interface KinesisRecordPlace {
  readonly eventID: string;
  readonly kinesis: object;
}

/** A message of an SQS event of ours. */
export interface SqsRecordPlace {
  readonly messageId: string;
  readonly attributes: { readonly SentTimestamp: string };
  readonly messageAttributes: Readonly<Record<string, { readonly stringValue?: string | undefined }>>;
}

/** See the top of this file. */
export type GivenRecord = PulledRecordPlace | KafkaRecordPlace | KinesisRecordPlace | SqsRecordPlace;

/** The text of the last header of a name; undefined when there is none. */
export function givenHeader(record: Partial<GivenRecord>, name: string): string | undefined {
  if ('messageAttributes' in record) return record.messageAttributes?.[name]?.stringValue;
  const { headers } = record as Partial<PulledRecordPlace | KafkaRecordPlace>;
  if (!Array.isArray(headers)) return undefined;
  for (const header of headers.toReversed() as readonly Readonly<Record<string, unknown>>[]) {
    if (header.key === name && 'value' in header) return textOf(header.value);
    if (Object.hasOwn(header, name)) return textOf(header[name]);
  }
  return undefined;
}

const decoder = new TextDecoder();

/** Bytes, the numbers that stand for them in an event, or text. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return decoder.decode(value);
  return Array.isArray(value) ? decoder.decode(Uint8Array.from(value as number[])) : undefined;
}
