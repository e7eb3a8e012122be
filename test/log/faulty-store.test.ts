import { describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../lib/clock.ts';
import { UnansweredError } from '../../lib/errors.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { ALL_FAULTS, type Fault, faultyStore, fractions, scriptedFaults, seededFaults } from './faulty-store.ts';

const bytes = Uint8Array.of(1, 2, 3);

/** A store whose first put has this fault. */
function firstPut(fault: Fault, onCall?: () => void | Promise<void>) {
  const inner = memoryStore({ clock });
  const plan = scriptedFaults({ 'objects.put': [fault] });
  return { inner, faulty: faultyStore(inner, { clock, plan, slowMs: 1, ...(onCall ? { onCall } : {}) }) };
}

describe('a faulty store', () => {
  it('loses the answer of a request that took effect', async () => {
    const { inner, faulty } = firstPut('lost');
    await expect(faulty.store.objects.put('a/b', bytes)).rejects.toThrow(UnansweredError);
    expect(await inner.objects.size('a/b')).toBe(3);
  });

  it('drops a request for ever', async () => {
    const { inner, faulty } = firstPut('dropped');
    await expect(faulty.store.objects.put('a/b', bytes)).rejects.toThrow(UnansweredError);
    expect(await inner.objects.size('a/b')).toBeNull();
    expect(faulty.late).toEqual([]);
  });

  it('lets a late request take effect when it is released, with the bytes it was made with', async () => {
    const { inner, faulty } = firstPut('late');
    const sent = bytes.slice();
    await expect(faulty.store.objects.put('a/b', sent)).rejects.toThrow(UnansweredError);
    sent.fill(9);
    expect(await inner.objects.size('a/b')).toBeNull();
    expect(await faulty.late[0]!.release()).toBe('created');
    expect(await inner.objects.get('a/b', 0, 3)).toEqual(bytes);
    expect(faulty.late[0]!.state).toBe('released');
    await expect(faulty.late[0]!.release()).rejects.toThrow(/already/);
  });

  it('lets a late request never take effect once it is dropped', async () => {
    const { inner, faulty } = firstPut('late');
    await faulty.store.objects.put('a/b', bytes).catch(() => {});
    faulty.late[0]!.drop();
    await faulty.releaseAll();
    expect(await inner.objects.size('a/b')).toBeNull();
  });

  it('repeats a request and gives the first answer', async () => {
    const { inner, faulty } = firstPut('repeated');
    const calls: string[] = [];
    const put = inner.objects.put.bind(inner.objects);
    inner.objects.put = async (key, value) => {
      calls.push(key);
      return put(key, value);
    };
    expect(await faulty.store.objects.put('a/b', bytes)).toBe('created');
    expect(calls).toEqual(['a/b', 'a/b']);
  });

  it('repeats an answered request late', async () => {
    const { faulty } = firstPut('repeated-late');
    expect(await faulty.store.objects.put('a/b', bytes)).toBe('created');
    expect(await faulty.late[0]!.release()).toBe('exists');
  });

  it.each([
    ['throttled', 'THROTTLED'],
    ['unavailable', 'STORE_UNAVAILABLE'],
  ] as const)('answers %s without effect', async (fault, code) => {
    const { inner, faulty } = firstPut(fault);
    await expect(faulty.store.objects.put('a/b', bytes)).rejects.toMatchObject({ code, retriable: true });
    expect(await inner.objects.size('a/b')).toBeNull();
  });

  it.each(['slow', 'slow-answer'] as const)('answers in the end when it is %s', async (fault) => {
    const { faulty } = firstPut(fault);
    expect(await faulty.store.objects.put('a/b', bytes)).toBe('created');
  });

  it('is slow before the effect or after it', async () => {
    const sizes: (number | null)[] = [];
    for (const fault of ['slow', 'slow-answer'] as const) {
      const inner = memoryStore({ clock });
      const watching = { ...clock, sleep: async () => void sizes.push(await inner.objects.size('a/b')) };
      const plan = scriptedFaults({ 'objects.put': [fault] });
      await faultyStore(inner, { clock: watching, plan }).store.objects.put('a/b', bytes);
    }
    expect(sizes).toEqual([null, 3]);
  });

  it('tells of every request before it is made, so that others can come between', async () => {
    const { inner, faulty } = firstPut('lost', async () => void (await inner.objects.put('a/b', Uint8Array.of(9))));
    await faulty.store.objects.put('a/b', bytes).catch(() => {});
    expect(await inner.objects.get('a/b', 0, 3)).toEqual(Uint8Array.of(9));
    expect(faulty.calls).toMatchObject([{ operation: 'objects.put', arguments: ['a/b', bytes], fault: 'lost' }]);
  });

  it('says which faults of a script have not come about', async () => {
    const plan = scriptedFaults({ 'objects.put': [null, 'lost'], 'heads.commit': ['late'] });
    const { store } = faultyStore(memoryStore({ clock }), { clock, plan });
    await store.objects.put('a/b', bytes);
    await store.objects.put('a/c', bytes).catch(() => {});
    expect(plan.unused()).toEqual([{ operation: 'heads.commit', fault: 'late' }]);
  });

  it('gives the same faults for the same seed, each kind sooner or later, and none after the last allowed', () => {
    const draw = (seed: number, atMost?: number) => {
      const plan = seededFaults({ seed, probability: 0.5, ...(atMost === undefined ? {} : { atMost }) });
      return Array.from({ length: 400 }, () => plan.next('heads.commit', []));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(new Set(draw(1))).toEqual(new Set([null, ...ALL_FAULTS]));
    expect(draw(1, 5).filter((fault) => fault !== null)).toHaveLength(5);
  });

  it('spares the operations that are not named', () => {
    const plan = seededFaults({ seed: 1, probability: 1, operations: ['heads.commit'], faults: ['lost'] });
    expect(plan.next('heads.read', [])).toBeNull();
    expect(plan.next('heads.commit', [])).toBe('lost');
  });

  it('draws fractions that fill the interval', () => {
    const next = fractions(3);
    const drawn = Array.from({ length: 1000 }, next);
    expect(Math.min(...drawn)).toBeLessThan(0.01);
    expect(Math.max(...drawn)).toBeGreaterThan(0.99);
    expect(drawn.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
  });
});
