import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NamesFilter } from '../../lib/maintenance/names-filter.ts';
import { decodeId, firstIdAt } from '../../lib/segment/segment-id.ts';
import { seededRandom } from '../log/topic-stage.ts';

const random = seededRandom(3);
const ids = (count: number) => Array.from({ length: count }, () => decodeId(random.bytes(16)));

describe('a filter of names', () => {
  it('never denies an id that was added, whatever is added, stored and read again', () => {
    const bytes = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 200 });
    const property = fc.property(bytes, fc.nat(), fc.nat(5), (all, seed, count) => {
      const filter = NamesFilter.forCount(count, seed);
      const added = all.map((one) => decodeId(one));
      for (const id of added) filter.add(id);
      const again = NamesFilter.decode(filter.encode());
      for (const id of added) expect([filter.has(id), again.has(id)]).toEqual([true, true]);
      expect(again.count).toBe(added.length);
    });
    fc.assert(property);
  });

  it('denies nearly all others, and which it does not depends on the seed', () => {
    const [added, others] = [ids(20_000), ids(200_000)];
    const claimed = [1, 2].map((seed) => {
      const filter = NamesFilter.forCount(added.length, seed);
      for (const id of added) filter.add(id);
      return others.filter((id) => filter.has(id));
    });
    for (const some of claimed) expect(some.length / others.length).toBeLessThan(1 / 5_000);
    expect(claimed[0]!.filter((id) => claimed[1]!.includes(id))).toEqual([]);
  });

  it('tells neighbours apart: ids of one process and one millisecond', () => {
    const base = BigInt(`0x${Buffer.from('0199000000001234567890abcdef0000', 'hex').toString('hex')}`);
    const neighbours = Array.from({ length: 40_000 }, (_, index) =>
      decodeId(Buffer.from((base + BigInt(index)).toString(16).padStart(32, '0'), 'hex')),
    );
    const filter = NamesFilter.forCount(20_000, 9);
    for (const id of neighbours.filter((__, index) => index % 2 === 0)) filter.add(id);
    const claimed = neighbours.filter((id, index) => index % 2 === 1 && filter.has(id));
    expect(claimed.length).toBeLessThan(20);
  });

  it('takes little memory: 2.5 bytes a name, and 32 MiB at most', () => {
    expect(NamesFilter.forCount(0, 1).encode().length).toBe(16 + 4096);
    expect(NamesFilter.forCount(1_000_000, 1).encode().length).toBe(16 + 2_500_000);
    expect(NamesFilter.forCount(1e9, 1).encode().length).toBe(16 + 32 * 1024 * 1024);
  });

  it('refuses bytes of which any is another', () => {
    const filter = NamesFilter.forCount(0, 1);
    filter.add(firstIdAt(5));
    const bytes = filter.encode();
    for (const position of [0, 5, 9, 13, 16, 2_000, bytes.length - 1]) {
      const spoilt = bytes.slice();
      spoilt[position]! ^= 4;
      expect(() => NamesFilter.decode(spoilt), String(position)).toThrow('damaged');
    }
    for (const length of [0, 8, 16, bytes.length - 1]) {
      expect(() => NamesFilter.decode(bytes.slice(0, length)), String(length)).toThrow('damaged');
    }
  });
});
