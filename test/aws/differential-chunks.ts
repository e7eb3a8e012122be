/** Random operations on chunks. */
import fc from 'fast-check';
import type { Chunk } from '../../lib/log/chunk.ts';
import { mayRemoveChunk } from '../../lib/log/chunk-transitions.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { chunkAt, entryNumbered, idNumbered } from '../log/contract/fresh.ts';
import { broken, type Draw, type Ports, partitionAt, place } from './differential-model.ts';

const chunkPlace = fc.record({ place, base: fc.constantFrom(0n, 0n, 10n) });

async function chunkAtBase(ports: Ports, key: PartitionKey, base: bigint): Promise<Chunk | undefined> {
  const range = { fromBase: base, toBase: base, order: 'ascending', limit: 1, consistent: true } as const;
  return (await ports.chunks.query(key, range))[0];
}

export const putChunk = fc
  .record({ at: chunkPlace, end: fc.bigInt({ min: 1n, max: 5n }), maxId: fc.integer({ min: 2, max: 8 }) })
  .map(
    ({ at, end, maxId }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at.place);
        const existing = await chunkAtBase(ports, key, at.base);
        const chunk = chunkAt(at.base, { end: at.base + end, maxId: idNumbered(maxId) });
        const ask = ({ chunks }: Ports) => chunks.put(key, chunk);
        return { operation: 'put chunk', broken: broken({ 'no chunk': !existing }), ask };
      },
  );

export const replaceChunk = fc
  .record({ at: chunkPlace, version: fc.constantFrom(-1, 0, 0, 0, 1), end: fc.constantFrom(-1n, 0n, 0n, 0n, 1n) })
  .map(
    ({ at, version, end }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at.place);
        const chunk = await chunkAtBase(ports, key, at.base);
        const args = {
          version: (chunk?.version ?? 0) + version,
          end: (chunk?.end ?? 0n) + end,
          reference: entryNumbered(50 + version),
        };
        const clauses = chunk ? { 'same version': version === 0, 'same end': end === 0n } : { 'chunk exists': false };
        const ask = ({ chunks }: Ports) => chunks.replace(key, at.base, args);
        return { operation: 'replace chunk', broken: broken(clauses), ask };
      },
  );

export const removeChunk = fc
  .record({ at: chunkPlace, endDelta: fc.constantFrom(-1n, 0n, 1n), idDelta: fc.constantFrom('same', 'low', 'high') })
  .map(
    ({ at, endDelta, idDelta }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at.place);
        const chunk = await chunkAtBase(ports, key, at.base);
        const id = { same: chunk?.maxId ?? ZERO_ID, low: idNumbered(1), high: idNumbered(99) };
        const args = { endAtMost: (chunk?.end ?? 0n) + endDelta, maxIdAtMost: id[idDelta as keyof typeof id] };
        const clauses = chunk
          ? { 'ends below': chunk.end <= args.endAtMost, 'ids under floor': chunk.maxId <= args.maxIdAtMost }
          : {};
        if (chunk && mayRemoveChunk(chunk, args) !== (broken(clauses).length === 0))
          throw new RangeError('clauses differ');
        const ask = ({ chunks }: Ports) => chunks.remove(key, at.base, args);
        return { operation: 'remove chunk', broken: broken(clauses), ask };
      },
  );

export const queryChunks = fc
  .record({
    place,
    fromBase: fc.constantFrom(0n, 1n, 10n),
    toBase: fc.constantFrom(0n, 9n, 10n, 2n ** 63n - 1n),
    order: fc.constantFrom('ascending' as const, 'descending' as const),
    limit: fc.integer({ min: 1, max: 3 }),
  })
  .map(
    ({ place: at, ...range }): Draw =>
      async (world) => {
        const key = partitionAt(world, at);
        const ask = ({ chunks }: Ports) => chunks.query(key, { ...range, consistent: true });
        return { operation: 'query chunks', broken: [], ask };
      },
  );
