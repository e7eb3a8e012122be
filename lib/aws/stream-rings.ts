/**
 * Records of the stream of the log's table, as Lambda hands them to a function: what of them rings. Source: "Using AWS Lambda with Amazon DynamoDB" in the Lambda developer guide.
 *
 * Heads ring by their new image, which is used but never believed to be the newest; bells and due minutes by being written. Whatever else comes is not for here.
 */
import { DUE_MINUTE_PKS, type DueMinute, dueMinuteFromItem } from '../delay/due-minute.ts';
import { asMillraceError, MillraceError } from '../errors.ts';
import { BELLS_PK, bellFromItem, type RungBell } from '../event-source/bell.ts';
import { HEAD_SK, type Head, headFromItem } from '../log/head.ts';
import { type PartitionKey, partitionFromPk } from '../log/partition-key.ts';
import { type MarshalledItem, unmarshal, unmarshalKey } from './marshal.ts';

/** An attribute in an event: as DynamoDB writes it, but bytes are base64. */
export type EventAttribute =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: string }
  | { readonly L: readonly EventAttribute[] };

/** What is used of a record of the stream. */
export interface StreamRecord {
  readonly eventName?: string | undefined;
  readonly dynamodb?:
    | {
        readonly Keys?: Readonly<Record<string, EventAttribute>> | undefined;
        readonly NewImage?: Readonly<Record<string, EventAttribute>> | undefined;
      }
    | undefined;
}

/** What a batch of records rings. */
export interface StreamRings {
  readonly heads: readonly { readonly partition: PartitionKey; readonly head: Head }[];
  readonly bells: readonly RungBell[];
  readonly dueMinutes: readonly DueMinute[];
  /** Items of ours that could not be read: a newer Millrace, or somebody else, may have written them. They must not hold up the others. */
  readonly unreadable: readonly MillraceError[];
}

/** Reads a batch. */
export function readStreamRings(records: readonly StreamRecord[]): StreamRings {
  const unreadable: MillraceError[] = [];
  const heads: { partition: PartitionKey; head: Head }[] = [];
  const bells: RungBell[] = [];
  const dueMinutes: DueMinute[] = [];
  for (const { eventName, dynamodb } of records) {
    if (eventName === 'REMOVE' || dynamodb?.Keys === undefined || dynamodb.NewImage === undefined) continue;
    const { pk, sk } = unmarshalKey(sdkItem(dynamodb.Keys));
    const item = () => unmarshal(sdkItem(dynamodb.NewImage!));
    try {
      if (sk === HEAD_SK) heads.push({ partition: partitionFromPk(pk), head: headFromItem(item()) });
      else if (pk === BELLS_PK) bells.push(bellFromItem(sk, item()));
      else if (DUE_MINUTE_PKS.includes(pk)) dueMinutes.push(dueMinuteFromItem(sk, item()));
    } catch (cause) {
      const { code, message } = asMillraceError(cause);
      unreadable.push(new MillraceError(code, `${pk} / ${sk}: ${message}`, { value: { pk, sk }, cause }));
    }
  }
  return { heads, bells, dueMinutes, unreadable };
}

/** As the SDK would have it. */
function sdkItem(item: Readonly<Record<string, EventAttribute>>): MarshalledItem {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, sdkAttribute(value)]));
}

function sdkAttribute(value: EventAttribute): MarshalledItem[string] {
  if ('B' in value) return { B: Uint8Array.from(Buffer.from(value.B, 'base64')) };
  if ('L' in value) return { L: value.L.map(sdkAttribute) };
  return value;
}
