/**
 * The event of a function that pulls: which partition it is to work on, with what was seen of it. Under 200 KB, far below what an asynchronous call may carry.
 */
import { MillraceError } from '../errors.ts';
import { headFromItem, headToItem } from '../log/head.ts';
import type { Attribute, Item } from '../log/item.ts';
import { checkReadable, subscriptionFromItem, subscriptionSk, subscriptionToItem } from './function-subscription.ts';
import type { WakeRequest } from './wake-request.ts';

/** The field by which such an event is known. */
const FIELD = 'millrace';
const VERSION = 1;
/** A head with more in its tail is left out; the function reads it. */
const MAX_HEAD_CHARACTERS = 150_000;

type StoredAttribute = string | { readonly n: string } | { readonly b: string } | { readonly l: readonly string[] };
type StoredItem = Readonly<Record<string, StoredAttribute>>;

interface Pointer {
  readonly version: number;
  readonly sk: string;
  readonly subscription: StoredItem;
  readonly readAtMs: number;
  readonly partition: number;
  readonly seen: number;
  readonly atMs: number;
  readonly head: StoredItem | null;
}

/** The event as JSON. */
export function pullPayload({ subscription, readAtMs, partition, seen, head, atMs = 0 }: WakeRequest): string {
  const item = head === null ? null : storedItem(headToItem(head));
  const isSmall = JSON.stringify(item).length <= MAX_HEAD_CHARACTERS;
  const pointer: Pointer = {
    version: VERSION,
    sk: subscriptionSk(subscription),
    subscription: storedItem(subscriptionToItem(subscription)),
    readAtMs,
    partition,
    seen,
    atMs,
    head: isSmall ? item : null,
  };
  return JSON.stringify({ [FIELD]: pointer });
}

/** What an event points to; null for any other event. Throws UNSUPPORTED_FORMAT for one of another version. */
export function parsePullEvent(event: unknown): WakeRequest | null {
  if (typeof event !== 'object' || event === null || !(FIELD in event)) return null;
  const { version, sk, subscription, readAtMs, partition, seen, atMs, head } = event[FIELD] as Pointer;
  if (version !== VERSION) {
    throw new MillraceError(
      'UNSUPPORTED_FORMAT',
      `the event is of version ${version}, this Millrace reads ${VERSION}`,
      {
        value: version,
        hint: 'Update Millrace in the function.',
      },
    );
  }
  const read = subscriptionFromItem(sk, itemOf(subscription));
  checkReadable(read);
  return {
    subscription: read,
    readAtMs,
    partition,
    seen,
    atMs,
    head: head === null ? null : headFromItem(itemOf(head)),
  };
}

/** What a function tells of its work when it is done. */
export interface PullAnswer {
  /** Handled. */
  readonly records: number;
  /** Not handled; whatever becomes of them, nobody else is to try again. */
  readonly failed: number;
  readonly batches: number;
  /** How old the newest record of the first batch was when its handler was called; null: there was none. */
  readonly ageMs: number | null;
}

/** The answer as a function returns it. */
export function pullAnswer(answer: PullAnswer): Readonly<Record<typeof FIELD, PullAnswer>> {
  return { [FIELD]: answer };
}

/** What a function has answered; nothing for any other answer. */
export function parsePullAnswer(payload: string): PullAnswer {
  const none = { records: 0, failed: 0, batches: 0, ageMs: null };
  try {
    const answer = (JSON.parse(payload) as Record<string, PullAnswer | undefined> | null)?.[FIELD];
    return { ...none, ...answer };
  } catch {
    return none;
  }
}

function storedItem(item: Item): StoredItem {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, storedAttribute(value)]));
}

function storedAttribute(value: Attribute): StoredAttribute {
  if (typeof value === 'string') return value;
  if (typeof value === 'bigint') return { n: `${value}` };
  return value instanceof Uint8Array ? { b: base64(value) } : { l: value.map(base64) };
}

function itemOf(stored: StoredItem): Item {
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, attributeOf(value)]));
}

function attributeOf(value: StoredAttribute): Attribute {
  if (typeof value === 'string') return value;
  if ('n' in value) return BigInt(value.n);
  return 'b' in value ? bytesOf(value.b) : value.l.map(bytesOf);
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
