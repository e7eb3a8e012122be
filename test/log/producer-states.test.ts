import { describe, expect, it } from 'vitest';
import { ProducerStates, type SequencedBatch } from '../../lib/log/producer-states.ts';

const batch = (baseSequence: number, recordCount = 1, changes: Partial<SequencedBatch> = {}): SequencedBatch => {
  return { producerId: 7n, producerEpoch: 0, baseSequence, recordCount, ...changes };
};

/** States after batches of one record each, at the offsets of their sequence numbers and 100. */
function statesAfter(count: number): ProducerStates {
  const states = new ProducerStates();
  for (let sequence = 0; sequence < count; sequence++) states.record(batch(sequence), 100n + BigInt(sequence), 0);
  return states;
}

describe('a producer', () => {
  it('that nobody knows may begin with any number, as one that was forgotten', () => {
    expect(new ProducerStates().decide(batch(42))).toEqual({ kind: 'append' });
  });

  it('goes on with the number behind its last', () => {
    const states = new ProducerStates();
    states.record(batch(0, 10), 100n, 0);
    expect(states.decide(batch(10))).toEqual({ kind: 'append' });
    expect(states.decide(batch(11))).toEqual({ kind: 'out-of-order', expectedSequence: 10 });
    expect(states.decide(batch(5))).toEqual({ kind: 'out-of-order', expectedSequence: 10 });
  });

  it('is told where its last five batches are, and no more', () => {
    const states = statesAfter(7);
    for (const sequence of [2, 3, 4, 5, 6]) {
      expect(states.decide(batch(sequence))).toEqual({ kind: 'duplicate', baseOffset: 100n + BigInt(sequence) });
    }
    expect(states.decide(batch(1))).toEqual({ kind: 'out-of-order', expectedSequence: 7 });
    // Another batch of the same beginning.
    expect(states.decide(batch(6, 2))).toEqual({ kind: 'out-of-order', expectedSequence: 7 });
  });

  it('begins anew under a newer epoch, and only from 0', () => {
    const states = statesAfter(3);
    expect(states.decide(batch(3, 1, { producerEpoch: 1 }))).toEqual({ kind: 'out-of-order', expectedSequence: 0 });
    expect(states.decide(batch(0, 1, { producerEpoch: 1 }))).toEqual({ kind: 'append' });
    states.record(batch(0, 1, { producerEpoch: 1 }), 200n, 0);
    expect(states.decide(batch(3))).toEqual({ kind: 'old-epoch', producerEpoch: 1 });
    expect(states.decide(batch(2, 1, { producerEpoch: 1 }))).toEqual({ kind: 'out-of-order', expectedSequence: 1 });
  });

  it('counts around at the end of the numbers', () => {
    const states = new ProducerStates();
    states.record(batch(2 ** 31 - 2, 2), 5n, 0);
    expect(states.decide(batch(0))).toEqual({ kind: 'append' });
    const over = new ProducerStates();
    over.record(batch(2 ** 31 - 1, 3), 5n, 0);
    expect(over.decide(batch(2))).toEqual({ kind: 'append' });
  });

  it('that was silent for a day is forgotten, and others are not', () => {
    const day = 24 * 60 * 60_000;
    const states = statesAfter(3);
    states.record(batch(0, 1, { producerId: 8n }), 200n, 1_000);
    states.forgetSilent(day);
    expect(states.decide(batch(9))).toMatchObject({ kind: 'out-of-order' });
    states.forgetSilent(day + 1);
    expect(states.decide(batch(9))).toEqual({ kind: 'append' });
    expect(states.decide(batch(9, 1, { producerId: 8n }))).toMatchObject({ kind: 'out-of-order' });
  });

  it('that nobody knows does not begin with its second batch while its first is on its way', () => {
    const states = new ProducerStates();
    const second = batch(1, 1, { missingSequence: 0 });
    expect(states.decide(second)).toEqual({ kind: 'out-of-order', expectedSequence: 0 });
    states.record(batch(0), 5n, 0);
    expect(states.decide(second)).toEqual({ kind: 'append' });
  });

  it('does not disturb another', () => {
    const states = statesAfter(3);
    expect(states.decide(batch(0, 1, { producerId: 8n }))).toEqual({ kind: 'append' });
    states.record(batch(0, 1, { producerId: 8n }), 9n, 0);
    expect(states.decide(batch(3))).toEqual({ kind: 'append' });
  });
});

describe('a trial', () => {
  it('leaves what it was made of as it is', () => {
    const states = statesAfter(1);
    const trial = states.trial([batch(1)]);
    trial.record(batch(1), null, 0);
    expect(trial.decide(batch(1))).toEqual({ kind: 'duplicate', baseOffset: null });
    expect(trial.decide(batch(0))).toEqual({ kind: 'duplicate', baseOffset: 100n });
    expect(states.decide(batch(1))).toEqual({ kind: 'append' });
  });
});
