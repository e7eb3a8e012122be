import { describe, expect, it } from 'vitest';
import { AwaitedSequences } from '../../lib/gateway/awaited-sequences.ts';

const batch = (baseSequence: number, changes: object = {}) => {
  return { producerId: 7n, producerEpoch: 0, baseSequence, ...changes };
};

function staged() {
  let nowMs = 0;
  const awaited = new AwaitedSequences({ monotonicMs: () => nowMs });
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { awaited, wait };
}

describe('a batch that was refused', () => {
  it('is missed by those behind it, and by nobody once it is there', () => {
    const { awaited } = staged();
    awaited.refused('orders 0', batch(3));
    expect(awaited.missing('orders 0', batch(5))).toBe(3);
    expect(awaited.missing('orders 0', batch(3))).toBeNull();
    expect(awaited.missing('orders 0', batch(2))).toBeNull();
    expect(awaited.missing('orders 1', batch(5))).toBeNull();
    expect(awaited.missing('orders 0', batch(5, { producerId: 8n }))).toBeNull();
    expect(awaited.missing('orders 0', batch(5, { producerEpoch: 1 }))).toBeNull();
    awaited.appended('orders 0', batch(3));
    expect(awaited.missing('orders 0', batch(5))).toBeNull();
  });

  it('is the first of those that were, whatever is refused behind it', () => {
    const { awaited } = staged();
    awaited.refused('orders 0', batch(3));
    awaited.refused('orders 0', batch(5));
    expect(awaited.missing('orders 0', batch(5))).toBe(3);
    awaited.refused('orders 0', batch(1));
    expect(awaited.missing('orders 0', batch(3))).toBe(1);
  });

  it('is missed where numbers go around', () => {
    const { awaited } = staged();
    awaited.refused('orders 0', batch(2 ** 31 - 1));
    expect(awaited.missing('orders 0', batch(0))).toBe(2 ** 31 - 1);
    expect(awaited.missing('orders 0', batch(2 ** 31 - 2))).toBeNull();
  });

  it('is forgotten when its client has given up', () => {
    const { awaited, wait } = staged();
    awaited.refused('orders 0', batch(3));
    wait(600_001);
    expect(awaited.missing('orders 0', batch(5))).toBeNull();
  });
});
