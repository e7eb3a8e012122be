import { decodeBatch } from '../../record/decode-batch.ts';
import type { CleanTransactions } from './clean-transactions.ts';
import type { OffsetMap } from './offset-map.ts';

/**
 * Notes the last offset of each key in the batch that `bytes` are, whose CRC was verified, from `fromOffset` on; batches are given in the order of their offsets. Returns null when all of it is in the map, or the
 * offset of the first record for which there was no room. Aborted records and control batches are no last word on anything. Source: Kafka's `Cleaner.buildOffsetMapForSegment`.
 */
export function mapKeys(bytes: Uint8Array, { map, transactions, fromOffset }: MapKeysOptions): bigint | null {
  const batch = decodeBatch(bytes, { verify: false });
  if (batch.header.control) {
    transactions.isNeedless(batch);
    return null;
  }
  if (transactions.isAborted(batch.header)) return null;
  for (let index = 0; index < batch.recordCount; index++) {
    const key = batch.key(index);
    const offset = batch.offset(index);
    if (key === null || offset < fromOffset) continue;
    if (!map.put(key, offset)) return offset;
  }
  return null;
}

/** What `mapKeys` works with. */
export interface MapKeysOptions {
  readonly map: Pick<OffsetMap, 'put'>;
  readonly transactions: CleanTransactions;
  readonly fromOffset: bigint;
}
