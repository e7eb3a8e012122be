import { describe, expect, it } from 'vitest';
import type { Appender } from '../../lib/log/appender.ts';
import { decodeEntry } from '../../lib/log/entry.ts';
import { trimPartition } from '../../lib/log/trim-partition.ts';
import { verifyTopic } from '../../lib/log/verify-topic.ts';
import { scriptedFaults } from './faulty-store.ts';
import { batchOf, type LogStage, large, logStage } from './log-stage.ts';

interface Sequence {
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
}

/** Sends the batch of one producer that begins with a number. */
function send(stage: LogStage, appender: Appender, baseSequence: number, values: readonly string[], of: Sequence = {}) {
  const { producerId = 7n, producerEpoch = 0 } = of;
  const batches = batchOf(values, [], { producerId, producerEpoch, baseSequence });
  return appender.append({ target: stage.target(), batches, isSequenced: true });
}

const refused = (code: string) => expect.objectContaining({ code });

describe('batches of idempotent producers', () => {
  it('are appended once, however often they are sent', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    expect(await send(stage, appender, 0, ['a', 'b'])).toEqual({ baseOffset: 0n });
    expect(await send(stage, appender, 2, ['c'])).toEqual({ baseOffset: 2n });
    expect(await send(stage, appender, 0, ['a', 'b'])).toEqual({ baseOffset: 0n, isDuplicate: true });
    expect(await send(stage, appender, 2, ['c'])).toEqual({ baseOffset: 2n, isDuplicate: true });
    expect(await stage.values()).toEqual(['0:a', '1:b', '2:c']);
  });

  it('ride together in one segment and one commit, each with an entry of its own', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await send(stage, appender, 0, ['first']);
    const before = stage.faulty.calls.length;
    const sent = [
      send(stage, appender, 1, [large('a')]),
      appender.append({ target: stage.target(), batches: batchOf([large('b')]) }),
      send(stage, appender, 2, [large('c')]),
      send(stage, appender, 0, [large('d')], { producerId: 8n }),
    ];
    expect((await Promise.all(sent)).map(({ baseOffset }) => baseOffset)).toEqual([1n, 2n, 3n, 4n]);
    const operations = stage.faulty.calls.slice(before).map(({ operation }) => operation);
    expect(operations).toEqual(['objects.put', 'heads.commit']);
    const entries = (await stage.head()).tail.map((bytes) => decodeEntry(bytes));
    expect(entries.map(({ producer }) => producer?.baseSequence)).toEqual([0, 1, undefined, 2, 0]);
    const values = (await stage.values()).map((value) => value.replace(/\.+$/, ''));
    expect(values).toEqual(['0:first', '1:a', '2:b', '3:c', '4:d']);
    const { partitions, damages } = await verifyTopic(stage, 't', { deep: true });
    expect([...damages, ...partitions.flatMap((one) => one.damages)]).toEqual([]);
  });

  it('that are sent twice before the first is there get one place', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    const sent = [send(stage, appender, 0, ['a']), send(stage, appender, 0, ['a']), send(stage, appender, 1, ['b'])];
    expect(await Promise.all(sent)).toEqual([
      { baseOffset: 0n },
      { baseOffset: 0n, isDuplicate: true },
      { baseOffset: 1n },
    ]);
  });

  it('are found by another appender, also below the tail', async () => {
    const stage = await logStage();
    await send(stage, stage.appender(), 0, ['a']);
    await send(stage, stage.appender(), 1, ['b']);
    await stage.roll();
    await stage.fill([batchOf(['x'])]);
    await stage.roll();
    await send(stage, stage.appender(), 2, ['c']);
    const other = stage.appender();
    expect(await send(stage, other, 1, ['b'])).toEqual({ baseOffset: 1n, isDuplicate: true });
    expect(await send(stage, other, 2, ['c'])).toEqual({ baseOffset: 3n, isDuplicate: true });
    await expect(send(stage, other, 4, ['e'])).rejects.toEqual(refused('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(await send(stage, other, 3, ['d'])).toEqual({ baseOffset: 4n });
  });

  it('are decided by what others have appended meanwhile', async () => {
    const stage = await logStage();
    const one = stage.appender();
    const two = stage.appender();
    await send(stage, one, 0, ['a']);
    await send(stage, two, 1, ['b']);
    expect(await send(stage, one, 1, ['b'])).toEqual({ baseOffset: 1n, isDuplicate: true });
    await stage.fill([batchOf(['x'])]);
    expect(await send(stage, one, 2, ['c'])).toEqual({ baseOffset: 3n });
    await expect(send(stage, two, 4, ['e'])).rejects.toEqual(refused('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(await stage.values()).toEqual(['0:a', '1:b', '2:x', '3:c']);
  });

  it('are not refused by what others have gone on from, when that was trimmed', async () => {
    const stage = await logStage();
    const one = stage.appender();
    const two = stage.appender();
    await send(stage, one, 0, ['a']);
    await send(stage, two, 1, ['b']);
    await trimPartition(stage, 't', 0, 'end');
    expect(await send(stage, one, 2, ['c'])).toEqual({ baseOffset: 2n });
    await expect(send(stage, one, 4, ['e'])).rejects.toEqual(refused('OUT_OF_ORDER_SEQUENCE_NUMBER'));
  });

  it('of an old epoch are refused alone', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    await send(stage, appender, 0, ['a']);
    await send(stage, appender, 0, ['b'], { producerEpoch: 1 });
    const sent = [
      send(stage, appender, 1, ['zombie']),
      send(stage, appender, 1, ['c'], { producerEpoch: 1 }),
      appender.append({ target: stage.target(), batches: batchOf(['d']) }),
    ];
    await expect(sent[0]).rejects.toEqual(refused('INVALID_PRODUCER_EPOCH'));
    expect(await Promise.all(sent.slice(1))).toEqual([{ baseOffset: 2n }, { baseOffset: 3n }]);
  });

  it('are not appended twice when the answer to their commit was lost', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['lost'] }) });
    const appender = stage.appender();
    expect(await send(stage, appender, 0, ['a'])).toEqual({ baseOffset: 0n });
    expect(await send(stage, appender, 1, ['b'])).toEqual({ baseOffset: 1n });
    expect(await stage.values()).toEqual(['0:a', '1:b']);
  });

  it('are not appended by a late commit after another appender has taken them', async () => {
    const stage = await logStage({ plan: scriptedFaults({ 'heads.commit': ['late', 'dropped', 'dropped'] }) });
    const slow = stage.appender({ deliveryTimeoutMs: 1 });
    await expect(send(stage, slow, 0, ['a'])).rejects.toEqual(refused('NOT_COMMITTED'));
    expect(await send(stage, stage.appender(), 0, ['a'])).toMatchObject({ baseOffset: 0n });
    await stage.faulty.late[0]!.release();
    expect(await stage.values()).toEqual(['0:a']);
  });

  it('read no more of the log than may matter', async () => {
    const stage = await logStage();
    const appender = stage.appender();
    for (let sequence = 0; sequence < 40; sequence++) await send(stage, appender, sequence, [`${sequence}`]);
    await stage.fill(Array.from({ length: 20 }, (_, index) => batchOf([`x${index}`])));
    const early = stage.appender();
    await expect(send(stage, early, 77, ['too early'])).rejects.toEqual(refused('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    stage.clock.pass(3_600_000);
    const queries = async (action: () => Promise<unknown>) => {
      const before = stage.faulty.calls.length;
      await action();
      return stage.faulty.calls.slice(before).filter(({ operation }) => operation === 'chunks.query').length;
    };
    const late = stage.appender();
    const refusedLate = () =>
      expect(send(stage, late, 77, ['too late'])).rejects.toEqual(refused('OUT_OF_ORDER_SEQUENCE_NUMBER'));
    expect(await queries(refusedLate)).toBe(1);
    for (let chunk = 0; chunk < 101; chunk++) {
      await stage.fill([batchOf([`y${chunk}`])]);
      await stage.roll();
    }
    stage.clock.pass(3_600_000);
    // Long silent, and far below: it may go on with any number, as with a broker that has forgotten it.
    const goesOn = async () => expect(await send(stage, stage.appender(), 77, ['later'])).toEqual({ baseOffset: 161n });
    expect(await queries(goesOn)).toBe(1);
  });

  // A tail that was all old by its ids ended the look: what a slow clock had put above a batch hid it, and it was appended twice.
  it('are found below a tail that a writer has left whose clock was slow', async () => {
    const stage = await logStage();
    await send(stage, stage.appender(), 0, ['a']);
    await stage.roll();
    stage.clock.pass(-20 * 60_000);
    await stage.fill([batchOf(['x'])]);
    stage.clock.pass(20 * 60_000);
    expect(await send(stage, stage.appender(), 0, ['a'])).toEqual({ baseOffset: 0n, isDuplicate: true });
  });

  it('are found below what a writer has left whose clock was slow', async () => {
    const stage = await logStage();
    await send(stage, stage.appender(), 0, ['a']);
    await stage.roll();
    stage.clock.pass(-20 * 60_000);
    await stage.fill([batchOf(['x'])]);
    await stage.roll();
    stage.clock.pass(20 * 60_000);
    await stage.fill([batchOf(['y'])]);
    const [first, second] = await stage.chunks();
    expect(second!.maxId < first!.minId).toBe(true);
    expect(await send(stage, stage.appender(), 0, ['a'])).toEqual({ baseOffset: 0n, isDuplicate: true });
  });

  it('are refused unless they are what they are said to be', async () => {
    const stage = await logStage();
    const append = (batches: Uint8Array) =>
      stage.appender().append({ target: stage.target(), batches, isSequenced: true });
    await expect(append(batchOf(['a']))).rejects.toEqual(refused('INVALID_RECORD'));
    const of = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };
    const two = Buffer.concat([batchOf(['a'], [], of), batchOf(['b'], [], { ...of, baseSequence: 1 })]);
    await expect(append(two)).rejects.toEqual(refused('INVALID_RECORD'));
  });
});
