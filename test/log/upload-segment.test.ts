import { describe, expect, it } from 'vitest';
import { limits } from '../../lib/limits.ts';
import { isTooFarAhead, mintId, type UploadDeps, uploadSegment } from '../../lib/log/upload-segment.ts';
import { firstIdAt, type SegmentId, ZERO_ID } from '../../lib/segment/segment-id.ts';
import { ServerClock } from '../../lib/segment/server-clock.ts';
import { type Fault, scriptedFaults } from './faulty-store.ts';
import { idAt, type LogStage, type LogStageOptions, logStage, START_MS } from './log-stage.ts';

const BYTES = new Uint8Array([1, 2, 3]);

/** Ids 1, 2, 3 …, or above the floor where that is higher. */
function countedIds() {
  const made: SegmentId[] = [];
  return {
    made,
    next(floor: SegmentId) {
      const id = [idAt(made.length + 1), firstIdAt(START_MS + 500_000)].find((each) => each > floor)!;
      made.push(id);
      return id;
    },
  };
}

async function uploadStage(options: LogStageOptions = {}) {
  const stage = await logStage(options);
  const ids = countedIds();
  const deps: UploadDeps = { store: stage.store, ids, clock: stage.clock, random: stage.random };
  const upload = { domain: 'shared', bytes: BYTES, floor: () => ZERO_ID, deliverByMs: 30_000 };
  return { stage, ids, deps, upload };
}

const keys = ({ faulty }: LogStage) =>
  faulty.calls.filter(({ operation }) => operation === 'objects.put').map((call) => String(call.arguments[0]));

describe('an upload', () => {
  it('returns its id once the bytes are there', async () => {
    const { stage, deps, upload } = await uploadStage();
    const id = await uploadSegment(deps, upload);
    expect(id).toBe(idAt(1));
    const [key] = keys(stage);
    expect(key).toContain(id);
    await expect(stage.base.objects.get(key!, 0, 3)).resolves.toEqual(BYTES);
  });

  it('takes another id when a stranger has this one', async () => {
    const { stage, deps, upload, ids } = await uploadStage({
      async onCall({ operation, arguments: [key] }) {
        if (operation === 'objects.put' && String(key).endsWith(idAt(1))) {
          await stage.base.objects.put(String(key), new Uint8Array(9));
        }
      },
    });
    await expect(uploadSegment(deps, upload)).resolves.toBe(idAt(2));
    expect(ids.made).toEqual([idAt(1), idAt(2)]);
  });

  it('knows its own object after an attempt that was left unanswered', async () => {
    const { stage, deps, upload } = await uploadStage({ plan: scriptedFaults({ 'objects.put': ['lost', 'lost'] }) });
    await expect(uploadSegment(deps, upload)).resolves.toBe(idAt(1));
    expect(new Set(keys(stage)).size).toBe(1);
    expect(keys(stage)).toHaveLength(3);
  });

  it.each<[string, readonly Fault[], boolean]>([
    ['one that was answered', [], true],
    ['one that was answered late', ['slow-answer'], true],
    ['one that was left unanswered before', ['lost'], false],
    ['one that was left unanswered, and may still come', ['late'], false],
    ['one that was refused before', ['throttled'], false],
  ])('tells whether its bytes may still be sent by %s', async (_, faults, isUnread) => {
    const { deps, upload } = await uploadStage({ plan: scriptedFaults({ 'objects.put': faults }) });
    let told = 0;
    await uploadSegment(deps, { ...upload, onUnread: () => told++ });
    expect(told).toBe(isUnread ? 1 : 0);
  });

  it('does not say that its bytes are sent no more where a stranger has its id: that may be said before they are taken', async () => {
    const { stage, deps, upload } = await uploadStage({
      async onCall({ operation, arguments: [key] }) {
        const isFirst = operation === 'objects.put' && keys(stage).length === 1;
        if (isFirst) await stage.base.objects.put(String(key), new Uint8Array(9));
      },
    });
    let told = 0;
    await uploadSegment(deps, { ...upload, onUnread: () => told++ });
    expect(told).toBe(0);
  });

  it('does not take a throttled attempt for an unanswered one', async () => {
    const { stage, deps, upload } = await uploadStage({
      plan: scriptedFaults({ 'objects.put': ['throttled', 'unavailable'] }),
      async onCall({ operation, arguments: [key] }) {
        const isThird = operation === 'objects.put' && keys(stage).length === 3;
        if (isThird) await stage.base.objects.put(String(key), new Uint8Array(9));
      },
    });
    await expect(uploadSegment(deps, upload)).resolves.toBe(idAt(2));
  });

  it('forgets the unanswered attempt with the id that it had', async () => {
    const { stage, deps, upload } = await uploadStage({
      plan: scriptedFaults({ 'objects.put': ['lost'] }),
      async onCall({ operation, arguments: [key] }) {
        if (operation !== 'objects.put') return;
        // The id is found to be far ahead of the store, so it needs another one, which a stranger has.
        if (keys(stage).length === 2) stage.store.serverClock.observe(START_MS - 2 * limits.clockAheadMs);
        if (keys(stage).length === 3) await stage.base.objects.put(String(key), new Uint8Array(9));
      },
    });
    const id = await uploadSegment(deps, { ...upload, deliverByMs: 1e9 });
    const [first, second, taken, ours] = keys(stage);
    expect(second).toBe(first);
    expect(taken).not.toBe(first);
    expect(ours).not.toBe(taken);
    expect(ours).toContain(id);
  });

  it('is given up when its time is over, which leaves nothing in the log', async () => {
    const faults = Array.from({ length: 60 }, () => 'dropped' as const);
    const { stage, deps, upload } = await uploadStage({ plan: scriptedFaults({ 'objects.put': faults }) });
    await expect(uploadSegment(deps, { ...upload, deliverByMs: 5_000 })).rejects.toMatchObject({
      code: 'NOT_COMMITTED',
    });
    expect(stage.clock.monotonicMs()).toBeLessThan(8_000);
  });

  it('passes on at once what the store refuses for good', async () => {
    const { stage, deps, upload } = await uploadStage();
    await stage.base.close();
    await expect(uploadSegment(deps, upload)).rejects.toMatchObject({ code: 'CLOSED' });
    expect(keys(stage)).toHaveLength(1);
  });
});

describe('a new id', () => {
  it('is above the floor as it is when it is minted', async () => {
    const { deps } = await uploadStage();
    await expect(mintId(deps, { floor: () => idAt(7), deliverByMs: 1 })).resolves.toBe(idAt(500_000));
  });

  it('waits while a floor is far ahead of the clock of the store, until the time is over', async () => {
    const { stage, deps } = await uploadStage();
    stage.store.serverClock.observe(START_MS);
    const need = { floor: () => idAt(400_000), deliverByMs: 3_000 };
    await expect(mintId(deps, need)).rejects.toMatchObject({ code: 'NOT_COMMITTED', value: idAt(500_000) });
    await expect(mintId(deps, { ...need, deliverByMs: 1e9 })).resolves.toBe(idAt(500_000));
    expect(stage.clock.elapsedMs).toBeGreaterThanOrEqual(500_000 - limits.clockAheadMs);
  });

  it('may be ahead by a minute, and by anything before the store has answered', async () => {
    const { stage } = await uploadStage();
    const serverClock = new ServerClock(stage.clock);
    expect(isTooFarAhead(serverClock, idAt(1e9))).toBe(false);
    serverClock.observe(START_MS);
    expect(isTooFarAhead(serverClock, idAt(limits.clockAheadMs))).toBe(false);
    expect(isTooFarAhead(serverClock, idAt(limits.clockAheadMs + 1))).toBe(true);
  });
});
