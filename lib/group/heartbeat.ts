/**
 * A sign of life of a member.
 *
 * Key: `G#<group>` / `M#<member id>`. Made when its member joins, removed when it leaves or is taken for dead; then its beats are refused, which tells it. Others judge silence by a
 * count that does not change, on their own monotonic clock, never by comparing clocks.
 */
import { type Item, type ItemKey, integer } from '../log/item.ts';
import { groupPk } from './group.ts';

/** See the module comment. */
export interface Heartbeat {
  readonly memberId: string;
  /** Rises with each beat. */
  readonly count: number;
  /** The member holds nothing that this generation, or an earlier one, took from it. 0: it holds nothing yet. */
  readonly generation: number;
  /** When it beat, by its own clock, milliseconds since 1970. For people only. */
  readonly atMs: number;
}

const PREFIX = 'M#';

/** Below all sort keys of heartbeats; `GROUP_SK` is above them. */
export const HEARTBEATS_FROM_SK = PREFIX;

/** Where the heartbeat of a member is stored. */
export function heartbeatKey(group: string, memberId: string): ItemKey {
  return { pk: groupPk(group), sk: `${PREFIX}${memberId}` };
}

/** The stored form without the member id, which the key holds. */
export function heartbeatToItem(heartbeat: Heartbeat): Item {
  return {
    count: BigInt(heartbeat.count),
    generation: BigInt(heartbeat.generation),
    at: BigInt(heartbeat.atMs),
  };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function heartbeatFromItem(sk: string, item: Item): Heartbeat {
  return {
    memberId: sk.slice(PREFIX.length),
    count: Number(integer(item, 'count')),
    generation: Number(integer(item, 'generation')),
    atMs: Number(integer(item, 'at')),
  };
}
