/** Random operations on heads. */
import fc from 'fast-check';
import { sameEntry } from '../../lib/log/entry.ts';
import type { Head } from '../../lib/log/head.ts';
import { entriesBytes } from '../../lib/log/head-transitions.ts';
import type { PartitionKey } from '../../lib/log/partition-key.ts';
import { ZERO_ID } from '../../lib/segment/segment-id.ts';
import { entryNumbered, idNumbered } from '../log/contract/fresh.ts';
import {
  broken,
  type Draw,
  idArbitrary,
  offset,
  type Ports,
  partitionAt,
  partitionsOf,
  place,
} from './differential-model.ts';

const headAt = async (ports: Ports, key: PartitionKey): Promise<Head | null> =>
  ports.heads.read(key, { consistent: true });

export const commit = fc
  .record({
    place,
    form: fc.constantFrom('plain', 'strict'),
    numbers: fc.array(fc.integer({ min: 4, max: 16 }), { minLength: 1, maxLength: 3 }),
    recordCount: fc.constantFrom(1, 1, 5, Number.MAX_SAFE_INTEGER),
    knownFrom: fc.constantFrom('next', 'next', 'next', 'tailBase', 'tailBase'),
    knownDelta: fc.constantFrom(-1n, -1n, 0n, 0n, 0n, 0n, 1n),
    minIdFrom: fc.constantFrom('entries', 'entries', 'entries', 'entries', 'floor'),
    entriesRoom: fc.constantFrom(0, 1, 9, 9, 9, 9),
    bytesRoom: fc.constantFrom(0, 0, 1, 999, 999, 999),
  })
  .map(
    (choice): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, choice.place);
        const head = await headAt(ports, key);
        const { numbers, recordCount } = choice;
        const form = choice.form as 'plain' | 'strict';
        const knownFrom = form === 'strict' ? 'next' : (choice.knownFrom as 'next' | 'tailBase');
        const known = offset((head?.[knownFrom] ?? 0n) + choice.knownDelta);
        const args = {
          form,
          known,
          entries: numbers.map((number) => entryNumbered(number)),
          recordCount,
          minId: choice.minIdFrom === 'floor' ? (head?.floor ?? ZERO_ID) : idNumbered(Math.min(...numbers)),
          checksum: 2n ** 33n + BigInt(numbers[0]!),
          batchBytes: 100,
          tailEntriesCap: (head?.tail.length ?? 0) + choice.entriesRoom,
          tailBytesCap: (head?.tailBytes ?? 0) + choice.bytesRoom,
        };
        const clauses = head
          ? {
              'id above floor': head.floor < args.minId,
              'tail has room': head.tail.length < args.tailEntriesCap,
              'tail has bytes': head.tailBytes < args.tailBytesCap,
              ...(form === 'strict'
                ? { 'exactly at known': head.next === known }
                : {
                    'tail shows earlier attempt': head.tailBase <= known,
                    'not in tail': !head.tail.some((entry) => sameEntry(entry, args.entries[0]!)),
                  }),
            }
          : { 'head exists': false };
        return { operation: `commit ${form}`, broken: broken(clauses), ask: ({ heads }) => heads.commit(key, args) };
      },
  );

export const trimTail = fc
  .record({ place, baseDelta: fc.constantFrom(-1n, -1n, 0n, 0n, 0n, 1n), count: fc.integer({ min: 1, max: 4 }) })
  .map(
    ({ place: at, baseDelta, count }): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, at);
        const head = await headAt(ports, key);
        const base = offset((head?.tailBase ?? 0n) + baseDelta);
        const moved = head?.tail.slice(0, count) ?? [];
        const args = {
          base,
          end: base + BigInt(count),
          count,
          entriesBytes: entriesBytes(moved),
          runMaxTimestampMs: -1n + BigInt(count),
          runMaxTimestampOffset: base,
        };
        const clauses = head
          ? { 'tail begins at base': head.tailBase === base, 'tail has entries': head.tail.length >= count }
          : { 'head exists': false };
        return { operation: 'trimTail', broken: broken(clauses), ask: ({ heads }) => heads.trimTail(key, args) };
      },
  );

export const raiseFloor = fc.record({ place, id: idArbitrary }).map(
  ({ place: at, id }): Draw =>
    async (world, ports) => {
      const key = partitionAt(world, at);
      const head = await headAt(ports, key);
      const clauses = head ? { 'floor rises': head.floor < id } : { 'head exists': false };
      return { operation: 'raiseFloor', broken: broken(clauses), ask: ({ heads }) => heads.raiseFloor(key, id) };
    },
);

export const advanceStart = fc
  .record({
    place,
    from: fc.constantFrom('start', 'start', 'next'),
    delta: fc.constantFrom(-1n, 0n, 1n, 1n),
    floor: fc.oneof(fc.constant('same'), fc.constant(idNumbered(1)), idArbitrary),
  })
  .map(
    (choice): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, choice.place);
        const head = await headAt(ports, key);
        const start = offset((head?.[choice.from as 'start' | 'next'] ?? 0n) + choice.delta);
        const floor = choice.floor === 'same' ? (head?.floor ?? ZERO_ID) : choice.floor;
        const clauses = head
          ? {
              'start rises': head.start < start,
              'start within log': start <= head.next,
              'floor not above': head.floor <= floor,
            }
          : { 'head exists': false };
        const ask = ({ heads }: Ports) => heads.advanceStart(key, { start, floor });
        return { operation: 'advanceStart', broken: broken(clauses), ask };
      },
  );

export const noteCleaned = fc
  .record({ place, from: fc.constantFrom('tailBase', 'cleanedEnd'), delta: fc.constantFrom(-1n, 0n, 0n, 1n) })
  .map(
    (choice): Draw =>
      async (world, ports) => {
        const key = partitionAt(world, choice.place);
        const head = await headAt(ports, key);
        const cleanedEnd = offset((head?.[choice.from as 'tailBase' | 'cleanedEnd'] ?? 0n) + choice.delta);
        const clauses = head
          ? { 'cleaned end rises': head.cleanedEnd < cleanedEnd, 'below the tail': cleanedEnd <= head.tailBase }
          : { 'head exists': false };
        const ask = ({ heads }: Ports) => heads.noteCleaned(key, { cleanedEnd, cleanedBytes: cleanedEnd * 100n });
        return { operation: 'noteCleaned', broken: broken(clauses), ask };
      },
  );

export const removeHead = place.map(
  (at): Draw =>
    async (world) => {
      const key = partitionAt(world, at);
      return { operation: 'remove head', broken: [], ask: ({ heads }) => heads.remove(key) };
    },
);

export const readHeads = fc.boolean().map(
  (consistent): Draw =>
    async (world) => {
      const keys = partitionsOf(world);
      return {
        operation: 'readMany',
        broken: [],
        ask: ({ heads }) => heads.readMany([...keys, keys[0]!], { consistent }),
      };
    },
);
