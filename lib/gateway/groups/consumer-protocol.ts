/**
 * What consumers say to each other under the protocol type `consumer`. A coordinator need not understand it, but people who look at a group want to know who reads what.
 *
 * Source: Apache Kafka 4.3.1, `ConsumerProtocolSubscription.json`, `ConsumerProtocolAssignment.json`: later versions only add fields at the end, and none has compact lengths.
 */
import { codecOf } from '../protocol/codec.ts';
import { array } from '../protocol/schema.ts';
import { WireReader } from '../protocol/wire-reader.ts';
import { WireWriter } from '../protocol/wire-writer.ts';

/** The protocol type of consumers. */
export const CONSUMER_PROTOCOL = 'consumer';

const FORM = { version: 0, flexible: false } as const;
const subscription = codecOf({ version: 'int16 0+', topics: '[]string 0+', userData: 'bytes? 0+' } as const, FORM);
const assignment = codecOf(
  {
    version: 'int16 0+',
    assigned: array('0+', { topic: 'string 0+', partitions: '[]int32 0+' }),
    userData: 'bytes? 0+',
  } as const,
  FORM,
);

/** Partitions of one topic. */
export interface NamedPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

/** Topics of a subscription, sorted; none when the bytes are something else. */
export function subscribedTopics(bytes: Uint8Array): readonly string[] {
  const topics = orNone(() => subscription.read(new WireReader(bytes)).topics);
  return [...new Set(topics)].sort();
}

/** Partitions of an assignment; none when the bytes are something else. */
export function assignedPartitionsOf(bytes: Uint8Array): readonly NamedPartitions[] {
  return orNone(() => assignment.read(new WireReader(bytes)).assigned);
}

/** Whatever a client may say to its leader in another way, nobody here needs to know. */
function orNone<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** A subscription as clients would write it. */
export function encodeSubscription(topics: readonly string[]): Uint8Array {
  const writer = new WireWriter();
  subscription.write(writer, { version: 0, topics, userData: null });
  return Uint8Array.from(Buffer.concat(writer.pieces()));
}

/** An assignment as clients would write it. */
export function encodeAssignment(assigned: readonly NamedPartitions[]): Uint8Array {
  const writer = new WireWriter();
  assignment.write(writer, { version: 0, assigned, userData: null });
  return Uint8Array.from(Buffer.concat(writer.pieces()));
}
