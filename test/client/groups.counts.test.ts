/** What groups ask of the stores, counted exactly. */
import { describe, expect, it } from 'vitest';
import { asked, GroupCostStage } from './group-cost-stage.ts';

const HEARTBEAT_MS = 5_000;
const BEATS = 12;
/** Nobody looks for new partitions. */
const NO_LOOKS = { metadataMaxAgeMs: 1e9 };

describe('a group in which nothing happens', () => {
  it('takes a write and a read for each heartbeat of a member, and nothing for its partitions', async () => {
    const stage = new GroupCostStage();
    await stage.fill(8, 0);
    await stage.join('a', NO_LOOKS);
    expect(asked(await stage.usageIn(BEATS * HEARTBEAT_MS))).toEqual({
      writeRequests: BEATS,
      writeUnits: BEATS,
      readRequests: BEATS,
      readUnits: BEATS / 2,
    });
  });

  it('reads one range for the group and all heartbeats, however many members there are', async () => {
    const stage = new GroupCostStage();
    await stage.fill(4, 0);
    for (const name of ['a', 'b', 'c', 'd']) await stage.join(name, NO_LOOKS);
    expect(asked(await stage.usageIn(BEATS * HEARTBEAT_MS))).toEqual({
      writeRequests: 4 * BEATS,
      writeUnits: 4 * BEATS,
      readRequests: 4 * BEATS,
      readUnits: (4 * BEATS) / 2,
    });
  });

  it('lets its first member look for new partitions for all: the group and each topic, every 30 seconds', async () => {
    const stage = new GroupCostStage();
    await stage.fill(4, 0);
    for (const name of ['a', 'b']) await stage.join(name);
    const { readRequests, writeRequests } = await stage.usageIn(BEATS * HEARTBEAT_MS);
    expect([readRequests, writeRequests]).toEqual([2 * BEATS + 2 * 2, 2 * BEATS]);
  });

  it('asks for nothing once its members have left', async () => {
    const stage = new GroupCostStage();
    await stage.fill(4, 1);
    const consumer = await stage.join('a');
    await stage.take(consumer, 4);
    await stage.usageOf(() => consumer.close());
    expect(asked(await stage.usageIn(86_400_000))).toEqual({});
  });
});

describe('an offset commit', () => {
  it('takes one write unit for each partition that has moved, and none for the others', async () => {
    const stage = new GroupCostStage();
    await stage.fill(8, 4);
    const consumer = await stage.join('a');
    await stage.take(consumer, 32);
    expect(asked(await stage.usageOf(() => consumer.commit()))).toEqual({ writeRequests: 8, writeUnits: 8 });
    expect(asked(await stage.usageOf(() => consumer.commit()))).toEqual({});
    const one = [{ topic: 't', partition: 3, offset: 2n }];
    expect(asked(await stage.usageOf(() => consumer.commit(one)))).toEqual({ writeRequests: 1, writeUnits: 1 });
  });
});

describe('a partition that comes', () => {
  it('takes one write unit for its claim, and no read where something was committed: the answer says where to go on', async () => {
    const stage = new GroupCostStage();
    await stage.fill(8, 1);
    const first = await stage.join('a');
    await stage.take(first, 8);
    await stage.usageOf(() => first.commit());
    await stage.usageOf(() => first.close());
    const usage = await stage.usageOf(async () => {
      const second = stage.millrace.consumer({ group: 'g', clientId: 'b' });
      await second.subscribe(['t']);
      while (second.assignment.length < 8) await stage.clock.sleep(10);
    });
    // Its heartbeat, the group, 8 claims, and a beat that says that it has let go of what it did not have.
    expect(usage.writeRequests).toBe(1 + 1 + 8 + 1);
    expect(usage.writeUnits).toBe(usage.writeRequests);
    expect(usage.gets).toBe(0);
  });
});
