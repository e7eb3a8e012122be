/** What groups cost, measured on a clock that is moved by hand. */
import { GroupCostStage } from '../client/group-cost-stage.ts';
import type { MeasuredCost } from './measured-cost.ts';

/** A member that is never asked for records is taken to hang after five minutes. */
const BEATS = 48;
const HEARTBEAT_MS = 5_000;
const PARTITIONS = 8;

/** Heartbeats of a member, with all that it looks at beside. */
export async function measureHeartbeats(): Promise<MeasuredCost> {
  const stage = new GroupCostStage();
  await stage.fill(PARTITIONS, 0);
  await stage.join('a');
  return { count: BEATS, usage: await stage.usageIn(BEATS * HEARTBEAT_MS) };
}

/** The first member joins a topic of 8 partitions in which nothing was committed, until it has all of them. */
export async function measureJoin(): Promise<MeasuredCost> {
  const stage = new GroupCostStage();
  await stage.fill(PARTITIONS, 1);
  const usage = await stage.usageOf(async () => {
    const consumer = stage.millrace.consumer({ group: 'g' });
    await consumer.subscribe(['t']);
    while (consumer.assignment.length < PARTITIONS) await stage.clock.sleep(10);
  });
  return { count: 1, usage };
}

/** One commit of so many partitions that have moved. */
export async function measureOffsetCommit(partitionCount: number): Promise<MeasuredCost> {
  const stage = new GroupCostStage();
  await stage.fill(partitionCount, 1);
  const consumer = await stage.join('a');
  await stage.take(consumer, partitionCount);
  return { count: 1, usage: await stage.usageOf(() => consumer.commit()) };
}

/** A member of a group of one leaves, all committed. */
export async function measureLeave(): Promise<MeasuredCost> {
  const stage = new GroupCostStage();
  await stage.fill(PARTITIONS, 1);
  const consumer = await stage.join('a');
  await stage.take(consumer, PARTITIONS);
  await stage.usageOf(() => consumer.commit());
  return { count: 1, usage: await stage.usageOf(() => consumer.close()) };
}

/** An operation of `groups` on a group without members that has read 8 partitions. */
export async function measureGroupOperation(
  operation: (groups: GroupCostStage['millrace']['groups']) => Promise<unknown>,
): Promise<MeasuredCost> {
  const stage = new GroupCostStage();
  await stage.fill(PARTITIONS, 1);
  const consumer = await stage.join('a');
  await stage.take(consumer, PARTITIONS);
  await stage.usageOf(() => consumer.commit());
  await stage.usageOf(() => consumer.close());
  return { count: 1, usage: await stage.usageOf(() => operation(stage.millrace.groups)) };
}
