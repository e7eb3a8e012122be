import { describe, expect, it } from 'vitest';
import { systemClock as clock, systemRandom as random } from '../../lib/clock.ts';
import type { DueRecord } from '../../lib/delay/due-record.ts';
import { forgetTraces } from '../../lib/delay/forget-traces.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';

const partition = { topicId: 'aebb5cc2-7b48-4746-b607-a7aa49ebd81f', partition: 0 };
const trace = (dueMs: number, state: string) =>
  ({
    id: `0${dueMs}`,
    dueMs,
    state,
    objectKey: null,
    content: { kind: 'batch', batch: new Uint8Array(1) },
  }) as unknown as DueRecord;

/** Forgets what was due before 1,000 among these; what the store was asked to do. */
async function forget(records: readonly DueRecord[], horizonMs = 0) {
  const store = memoryStore({ clock });
  const asked: { readonly horizons: number[]; readonly forgotten: number[] } = { horizons: [], forgotten: [] };
  const dueRecords = {
    ...store.dueRecords,
    readHorizon: async () => horizonMs,
    query: async (_: unknown, { after }: { readonly after: unknown }) => (after === null ? records : []),
    raiseHorizon: async (_: unknown, toMs: number) => void asked.horizons.push(toMs),
    forget: async (_: unknown, gone: readonly DueRecord[]) =>
      void asked.forgotten.push(...gone.map(({ dueMs }) => dueMs)),
  } as unknown as typeof store.dueRecords;
  const waitingMs = await forgetTraces({ store: { ...store, dueRecords }, clock, random }, partition, {
    beforeMs: 1_000,
    marginMs: 0,
  });
  return { ...asked, waitingMs };
}

describe('traces of delayed records', () => {
  it('are forgotten up to the first record that waits, and the horizon stays at or below it', async () => {
    const records = [trace(10, 'delivered'), trace(20, 'waiting'), trace(20, 'cancelled'), trace(30, 'delivered')];
    expect(await forget(records)).toEqual({ horizons: [11], forgotten: [10], waitingMs: 20 });
    expect(await forget(records.slice(1))).toEqual({ horizons: [], forgotten: [], waitingMs: 20 });
  });

  it('are all forgotten where nothing waits, with copies below the horizon', async () => {
    expect(await forget([trace(10, 'delivered'), trace(30, 'cancelled')])).toEqual({
      horizons: [31],
      forgotten: [10, 30],
      waitingMs: null,
    });
    expect(await forget([trace(10, 'waiting'), trace(30, 'delivered')], 20)).toEqual({
      horizons: [31],
      forgotten: [10, 30],
      waitingMs: null,
    });
  });
});
