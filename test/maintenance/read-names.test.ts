import { describe, expect, it } from 'vitest';
import { entryId } from '../../lib/log/entry.ts';
import { planChunk } from '../../lib/log/roll-plan.ts';
import { fenceAndReadNames } from '../../lib/maintenance/read-names.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { HOUR_MS, maintenanceStage } from './maintenance-stage.ts';

/** A partition with a chunk and a tail, and the names that a fence behind `meanwhile` reads. */
async function namesRead(
  meanwhile: (
    stage: ReturnType<typeof maintenanceStage>,
    partition: { topicId: string; partition: number },
  ) => Promise<void>,
) {
  let isFirst = true;
  const stage = maintenanceStage({
    async onCall({ operation }) {
      if (operation !== 'heads.raiseFloor' || !isFirst) return;
      isFirst = false;
      await meanwhile(stage, partition!);
    },
  });
  const [partition] = await stage.topic('orders');
  await stage.append(partition!, ['a', 'b']);
  await stage.append(partition!, ['c'], { roll: false });
  const head = await stage.head(partition!);
  const names = new Set<string>();
  const floor = firstIdAt(stage.clock.nowMs() + HOUR_MS);
  await fenceAndReadNames(
    stage.deps,
    { partition: partition!, head, fromBase: 0n },
    { floor, add: (id) => names.add(id) },
  );
  const after = await stage.head(partition!);
  const chunks = await stage.chunks(partition!);
  const all = [...chunks.flatMap(({ entries }) => entries), ...after.tail].map(entryId);
  return { names: [...names].sort(), all: [...new Set(all)].sort(), floor, after };
}

describe('the names of a partition', () => {
  it('are those of its tail and of its chunks', async () => {
    const { names, all } = await namesRead(async () => {});
    expect(names).toHaveLength(3);
    expect(names).toEqual(all);
  });

  it('hold what is committed before the floor rises, and nothing can be committed behind that', async () => {
    const { names, all, floor, after } = await namesRead(async (stage, partition) => {
      await stage.append(partition, ['late'], { roll: false });
    });
    expect(names).toHaveLength(4);
    expect(names).toEqual(all);
    expect(after.floor).toBe(floor);
  });

  it('hold what is rolled meanwhile', async () => {
    const { names, all } = await namesRead(async (stage, partition) => {
      await stage.append(partition, ['late']);
    });
    expect(names).toEqual(all);
  });

  it('are not those of a chunk that a late roller brought back below the start', async () => {
    const stage = maintenanceStage();
    const [partition] = await stage.topic('orders');
    await stage.append(partition!, ['a', 'b'], { roll: false });
    const late = planChunk(await stage.head(partition!))!;
    await stage.append(partition!, []);
    await stage.append(partition!, ['c'], { roll: false });
    const { floor } = await stage.head(partition!);
    await stage.base.heads.advanceStart(partition!, { start: 2n, floor: floor > late.maxId ? floor : late.maxId });
    await stage.base.chunks.remove(partition!, 0n, { endAtMost: 2n, maxIdAtMost: late.maxId });
    await stage.base.chunks.put(partition!, late);
    const names = new Set<string>();
    const head = await stage.head(partition!);
    const options = { floor: head.floor, add: (id: string) => names.add(id) };
    await fenceAndReadNames(stage.deps, { partition: partition!, head, fromBase: 0n }, options);
    expect(names.size).toBe(1);
  });
});
