import { describe, expect, it } from 'vitest';
import { fateOf } from '../../lib/maintenance/condemn.ts';
import { encodeSegment } from '../../lib/segment/encode-segment.ts';
import { firstIdAt } from '../../lib/segment/segment-id.ts';
import { segmentKey } from '../../lib/segment/segment-key.ts';
import { batchOf } from '../log/log-stage.ts';
import { maintenanceStage, START_MS } from './maintenance-stage.ts';

const ID = firstIdAt(START_MS);
const TOPIC_ID = '00000000-0000-4000-8000-00000000000a';
const nothingNamed = { has: () => false };

/** An object of one partition under `ID`. */
async function stored(partition = 0) {
  const stage = maintenanceStage();
  const { bytes } = encodeSegment({
    level: 0,
    writerId: ID,
    regions: [{ topicId: TOPIC_ID, partition, batches: [batchOf(['a'])] }],
  });
  const key = segmentKey({ prefix: '', domain: 'shared', level: 0, id: ID });
  await stage.base.objects.put(key, bytes);
  const fate = (request: Partial<Parameters<typeof fateOf>[2]> = {}, object = { key, sizeBytes: bytes.length }) =>
    fateOf(stage.deps, object, {
      ...{ floor: firstIdAt(START_MS + 1), names: nothingNamed, unread: [], heldUpTo: null },
      ...request,
    });
  return { ...stage, key, bytes, fate };
}

describe('the fate of an object', () => {
  it('is to be condemned below the floor, and not at it', async () => {
    const { fate } = await stored();
    expect(await fate()).toBe('condemned');
    expect(await fate({ floor: ID })).toBe('fresh');
  });

  it('is to stay while it is named', async () => {
    const { fate } = await stored();
    expect(await fate({ names: { has: (id) => id === ID } })).toBe('named');
  });

  it('is to stay while a partition that cannot be read may name it, and no longer', async () => {
    const { fate, key, bytes, base } = await stored(4);
    const unread = (partition: number) => [{ topicId: TOPIC_ID, partition, domain: 'shared' }];
    expect(await fate({ unread: unread(4) })).toBe('kept-for-damage');
    expect(await fate({ unread: unread(5) })).toBe('condemned');
    bytes[bytes.length - 1]! ^= 1;
    await base.objects.remove([key]);
    await base.objects.put(key, bytes);
    expect(await fate({ unread: unread(5) })).toBe('kept-for-damage');
  });

  it('is to stay up to the id below which a rebuilding could not place it', async () => {
    const { fate } = await stored();
    expect(await fate({ heldUpTo: ID })).toBe('held');
    expect(await fate({ heldUpTo: firstIdAt(START_MS - 1) })).toBe('condemned');
    expect(await fate({ heldUpTo: ID, names: { has: () => true } })).toBe('named');
  });

  it('is none of ours when it is nothing that we write', async () => {
    const { fate, key } = await stored();
    const other = key.replace('/0/', '/2/');
    for (const name of [`${key}.bak`, other, 'shared/0/0/2026010100/x', key.slice(0, -1)])
      expect(await fate({}, { key: name, sizeBytes: 5 }), name).toBe('foreign');
  });
});
