/**
 * Who may call a function that is called so many times at once at most, and who waits for it.
 *
 * Key: `G#<group>` / `SLOTS#<shard, 4 digits>`, of the group of the subscription itself, whose retry topics share them. Changed only IF `by` is the one that was read. Absence: nobody calls, and nobody waits.
 *
 * | attribute | kind | |
 * |---|---|---|
 * | by | text | UUID of the last change |
 * | body | text | JSON, below |
 *
 * `body` is `{ p: ["<topicId>#<group>"], h: [[place, partition, epoch, calls, expires]], w: [[place, partition, asked]] }`, where a place is an index into `p`: most are of the same topic.
 */

import { MillraceError } from '../../errors.ts';
import { groupPk } from '../../group/group.ts';
import { type Item, type ItemKey, text } from '../../log/item.ts';

/** A partition of a subscription, or of one of its retry topics. */
export interface SlotPlace {
  readonly group: string;
  readonly topicId: string;
  readonly partition: number;
}

/** A worker that may call the function. */
export interface SlotHolder extends SlotPlace {
  /** Of its lease when it got them; 0: they are kept for whoever comes for the partition, who waited for them. */
  readonly epoch: number;
  /** So many calls at once. */
  readonly calls: number;
  /** By the clock of the one who wrote it, milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** A partition that waits. */
export interface SlotWaiter extends SlotPlace {
  /** When its worker asked last, by its clock, milliseconds since 1970. */
  readonly askedMs: number;
}

/** See the top of this file. */
export interface Slots {
  /** Different with each change; '' before the first. */
  readonly by: string;
  readonly holders: readonly SlotHolder[];
  /** Who came first stands first. */
  readonly waiting: readonly SlotWaiter[];
}

/** Nobody calls, and nobody waits. */
export const NO_SLOTS: Slots = { by: '', holders: [], waiting: [] };

/** Sort keys of all slots of a group. */
export const SLOT_SKS = { fromSk: 'SLOTS#', toSk: 'SLOTS$' } as const;

/** Where slots are stored. */
export function slotsKey(group: string, shard: number): ItemKey {
  return { pk: groupPk(group), sk: `SLOTS#${shard.toString().padStart(4, '0')}` };
}

/** Whether two are the same. */
export function isSamePlace(left: SlotPlace, right: SlotPlace): boolean {
  return left.partition === right.partition && left.topicId === right.topicId && left.group === right.group;
}

interface Body {
  readonly p: readonly string[];
  readonly h: readonly (readonly [place: number, partition: number, epoch: number, calls: number, expires: number])[];
  readonly w: readonly (readonly [place: number, partition: number, asked: number])[];
}

/** The stored form without the key. */
export function slotsToItem({ by, holders, waiting }: Slots): Item {
  const p = [...new Set([...holders, ...waiting].map(nameOf))];
  const body: Body = {
    p,
    h: holders.map((one) => [p.indexOf(nameOf(one)), one.partition, one.epoch, one.calls, one.expiresAtMs] as const),
    w: waiting.map((one) => [p.indexOf(nameOf(one)), one.partition, one.askedMs] as const),
  };
  return { by, body: JSON.stringify(body) };
}

const nameOf = ({ topicId, group }: SlotPlace): string => `${topicId}#${group}`;

/** Throws CORRUPT_OBJECT when an attribute is missing or makes no sense. */
export function slotsFromItem(item: Item): Slots {
  const by = text(item, 'by');
  const json = text(item, 'body');
  try {
    const { p, h, w } = JSON.parse(json) as Body;
    const placeOf = (place: number, partition: number): SlotPlace => {
      const [topicId, ...group] = p[place]!.split('#');
      return { topicId: topicId!, group: group.join('#'), partition };
    };
    return {
      by,
      holders: h.map(([place, partition, epoch, calls, expiresAtMs]) => ({
        ...placeOf(place, partition),
        epoch,
        calls,
        expiresAtMs,
      })),
      waiting: w.map(([place, partition, askedMs]) => ({ ...placeOf(place, partition), askedMs })),
    };
  } catch (cause) {
    throw new MillraceError('CORRUPT_OBJECT', 'who may call a function is stored in a form that makes no sense', {
      value: json.slice(0, 256),
      hint: 'The item was changed by something else than Millrace; delete it, and workers begin a new one.',
      cause,
    });
  }
}
