/**
 * The object that holds the batch of a large delayed record until it is released: `<prefix>/<domain>/delayed/<shard>/<hour>/<ulid>`.
 *
 * | part | |
 * |---|---|
 * | prefix, domain | as of a segment |
 * | shard | as of a segment, by the id |
 * | hour | UTC hour of the due time, `yyyymmddhh` |
 * | ulid | the record's id |
 *
 * It holds one record batch and nothing else. One whose record is not stored, or is settled, belongs to nobody.
 */
import { MillraceError } from '../errors.ts';
import { firstIdAt } from '../segment/segment-id.ts';
import { hourOf, segmentKeyPrefix, shardOf } from '../segment/segment-key.ts';
import type { DuePlace, WaitingRecord } from './due-record.ts';

const LEVEL_0 = '0/';

/** The key of the object of a delayed record. */
export function delayedObjectKey(
  { prefix, domain }: { readonly prefix: string; readonly domain: string },
  { dueMs, id }: DuePlace,
): string {
  const domainPrefix = segmentKeyPrefix({ prefix, domain, level: 0 }).slice(0, -LEVEL_0.length);
  return `${domainPrefix}delayed/${shardOf(id)}/${hourOf(firstIdAt(dueMs))}/${id}`;
}

/** The bytes of a record that waits are gone; `value` tells which record it is. */
export function objectMissing(record: WaitingRecord): MillraceError {
  return new MillraceError('OBJECT_MISSING', `the object of a delayed record of ${record.topic} is missing`, {
    value: record,
    hint: 'It was removed by something else than Millrace: restore it from a backup. The record cannot be delivered.',
  });
}
