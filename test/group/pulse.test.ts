import { describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import { Pulse } from '../../lib/group/pulse.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { VirtualClock } from '../client/virtual-clock.ts';
import { faultyStore, scriptedFaults } from '../log/faulty-store.ts';

async function stage(faults: Parameters<typeof scriptedFaults>[0] = {}) {
  const clock = new VirtualClock({ jumps: false });
  const memory = memoryStore({ clock });
  const { store } = faultyStore(memory, { clock, plan: scriptedFaults(faults), slowMs: 900 });
  const options = { group: 'g', heartbeatIntervalMs: 100, sessionTimeoutMs: 1_000 };
  const pulse = new Pulse({ store, clock, random }, options);
  await pulse.begin('m');
  return { clock, pulse, memory };
}

describe('the pulse of a member', () => {
  it('is due shortly before the next look, and when there is news to tell', async () => {
    const { clock, pulse } = await stage();
    expect(pulse.isDue(0)).toBe(false);
    expect(pulse.isDue(1)).toBe(true);
    await clock.advance(80);
    expect(pulse.isDue(0)).toBe(true);
    expect(await pulse.beat(1)).toBe(true);
    expect(pulse.isDue(1)).toBe(false);
  });

  it('ends its session by when the last answered beat was sent, however late the answer came', async () => {
    const { clock, pulse } = await stage({ 'heartbeats.beat': ['slow-answer'] });
    const beat = pulse.beat(1);
    await clock.advance(900);
    expect(await beat).toBe(true);
    await clock.advance(100);
    expect(pulse.isExpired).toBe(false);
    await clock.advance(1);
    expect(pulse.isExpired).toBe(true);
  });

  it('tells that its heartbeat is not there, and writes it again when asked', async () => {
    const { pulse, memory, clock } = await stage();
    await pulse.beat(1);
    await memory.heartbeats.remove('g', 'm');
    await clock.advance(2_000);
    expect(await pulse.beat(1)).toBe(false);
    expect(pulse.isExpired).toBe(true);
    await pulse.restore(1);
    expect(pulse.isExpired).toBe(false);
    const { heartbeats } = await memory.groups.observe('g', { consistent: true });
    expect(heartbeats).toMatchObject([{ memberId: 'm', count: 3, generation: 1 }]);
  });
});
