import type { Chunks } from './chunks.ts';
import type { Head } from './head.ts';
import type { Heads } from './heads.ts';
import type { PartitionKey } from './partition-key.ts';
import { planChunk, planTrim, type RollableHead } from './roll-plan.ts';

/**
 * Moves the first entries of a partition's tail into a chunk: chunk before trim. A crash between the two steps leaves the entries in both, which readers
 * resolve by offset and the next roll completes. Safe to repeat and to run from several writers at once.
 *
 * Returns the head after the trim, or null when another writer moved the tail meanwhile. Throws what the store throws; nothing is lost then.
 */
export async function rollTail(
  store: { readonly heads: Heads; readonly chunks: Chunks },
  partition: PartitionKey,
  head: RollableHead,
): Promise<Head | null> {
  const planned = planChunk(head);
  if (!planned) return null;
  const put = await store.chunks.put(partition, planned);
  const chunk = put.item ?? planned;
  const trim = planTrim(head, chunk);
  if (!trim) return completeRoll(store, partition);
  const trimmed = await store.heads.trimTail(partition, trim);
  return trimmed.outcome === 'done' ? trimmed.item : null;
}

/** The chunk that was there holds more than the tail we knew: trim by a tail read afresh. */
async function completeRoll(
  store: { readonly heads: Heads; readonly chunks: Chunks },
  partition: PartitionKey,
): Promise<Head | null> {
  const head = await store.heads.read(partition, { consistent: true });
  if (!head) return null;
  const [chunk] = await store.chunks.query(partition, {
    fromBase: head.tailBase,
    toBase: head.tailBase,
    order: 'ascending',
    limit: 1,
    consistent: true,
  });
  const trim = chunk && planTrim(head, chunk);
  if (!trim) return null;
  const trimmed = await store.heads.trimTail(partition, trim);
  return trimmed.outcome === 'done' ? trimmed.item : null;
}
