import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { logStoreContract } from '../log/contract/log-store.contract.ts';
import { meteringContract } from '../log/contract/metering.contract.ts';

const opened = (store = memoryStore({ clock })) => ({ store, close: () => store.close() });

logStoreContract('a memory store', async () => opened());
meteringContract('a memory store', async (meter) => opened(memoryStore({ clock, meter })));

describe('a memory store', () => {
  it('says CLOSED to whoever calls it afterwards', async () => {
    const store = memoryStore({ clock });
    await store.close();
    const closed = { code: 'CLOSED', retriable: false };
    await expect(store.objects.size('a')).rejects.toMatchObject(closed);
    await expect(store.topics.get('a')).rejects.toMatchObject(closed);
  });

  it('keeps its prefix, and refuses what is none', () => {
    expect(memoryStore({ clock, prefix: 'a/b' }).prefix).toBe('a/b');
    expect(memoryStore({ clock }).prefix).toBe('');
    expect(() => memoryStore({ clock, prefix: '/a' })).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  it('shares nothing with other memory stores', async () => {
    const [a, b] = [memoryStore({ clock }), memoryStore({ clock })];
    await a.objects.put('k', Uint8Array.of(1));
    expect(await b.objects.size('k')).toBeNull();
  });
});
