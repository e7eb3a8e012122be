import { describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { freshGatewayNode, GATEWAYS, parseGatewayNode } from '../../lib/gateway/gateway-node.ts';
import { checkAddress, LiveGateways } from '../../lib/gateway/live-gateways.ts';
import { rendezvous } from '../../lib/gateway/rendezvous.ts';
import { UsageMeter, usageBetween } from '../../lib/log/meter.ts';
import { memoryStore } from '../../lib/memory/memory-store.ts';
import { during } from '../client/consumer-stage.ts';
import { VirtualClock } from '../client/virtual-clock.ts';

function open() {
  const clock = new VirtualClock({ jumps: false });
  const meter = new UsageMeter();
  const store = memoryStore({ clock, meter });
  const start = async (port: number) => {
    const changes: boolean[] = [];
    const address = { host: `host|${port}`, port, rack: port % 2 === 0 ? 'zone-a' : null };
    const seen = { ...store, heartbeats: { ...store.heartbeats } };
    const onChange = ({ lapsed }: { readonly lapsed: boolean }) => changes.push(lapsed);
    const told: (string | null)[] = [];
    const onStore = (error: MillraceError | null) => told.push(error?.code ?? null);
    const gateways = new LiveGateways({ store: seen, clock, random }, { address, onChange, onStore });
    await during(clock, gateways.start());
    return { gateways, changes, seen, told };
  };
  return { clock, meter, store, start };
}

const ports = ({ live }: LiveGateways) => live.map(({ port }) => port).sort();
const away = () => Promise.reject(new MillraceError('STORE_UNAVAILABLE', 'away'));

describe('gateways', () => {
  it('know each other within a beat, and agree on who a key belongs to', async () => {
    const { clock, start } = open();
    const one = await start(1);
    const two = await start(2);
    expect([ports(one.gateways), ports(two.gateways)]).toEqual([[1], [1, 2]]);
    await clock.advance(5_001);
    expect(ports(one.gateways)).toEqual([1, 2]);
    const keys = Array.from({ length: 200 }, (_, number) => `group ${number}`);
    const owners = keys.map((key) => one.gateways.ownerOf(key));
    expect(keys.map((key) => two.gateways.ownerOf(key))).toEqual(owners);
    expect(owners.filter(({ port }) => port === 1).length).toBeGreaterThan(50);
    expect(owners.find(({ port }) => port === 2)).toMatchObject({ host: 'host|2', rack: 'zone-a' });
    expect(one.changes).toContain(false);
  });

  it('miss one that was killed after its session, and one that stops at once', async () => {
    const { clock, store, start } = open();
    const [one, two, three] = [await start(1), await start(2), await start(3)];
    await clock.advance(5_001);
    expect(ports(one.gateways)).toEqual([1, 2, 3]);
    await during(clock, three.gateways.stop());
    expect(three.gateways.isLive).toBe(false);
    Object.assign(two.seen.heartbeats, { beat: () => new Promise(() => {}) });
    await clock.advance(5_001);
    expect(ports(one.gateways)).toEqual([1, 2]);
    await clock.advance(10_000);
    expect([ports(one.gateways), two.gateways.isLive]).toEqual([[1, 2], false]);
    await clock.advance(10_000);
    expect(ports(one.gateways)).toEqual([1]);
    const { heartbeats } = await store.groups.observe(GATEWAYS, { consistent: true });
    expect(heartbeats).toHaveLength(1);
  });

  it('take themselves for dead before others do, and begin a new life when they were', async () => {
    const { clock, start } = open();
    const [one, two] = [await start(1), await start(2)];
    await clock.advance(5_001);
    const former = two.gateways.self;
    const { beat } = two.seen.heartbeats;
    Object.assign(two.seen.heartbeats, { beat: away });
    while (ports(one.gateways).length === 2) await clock.advance(1_000);
    expect(two.gateways.isLive).toBe(false);
    Object.assign(two.seen.heartbeats, { beat });
    await clock.advance(6_000);
    expect(two.gateways.isLive).toBe(true);
    expect(two.gateways.self.nodeId).not.toBe(former.nodeId);
    expect(two.changes).toContain(true);
    await clock.advance(6_000);
    expect(ports(one.gateways)).toEqual([1, 2]);
  });

  it('tell that they may have been taken for dead, also when nobody had the time to', async () => {
    const { clock, start } = open();
    const only = await start(1);
    const { beat } = only.seen.heartbeats;
    Object.assign(only.seen.heartbeats, { beat: away });
    await clock.advance(16_000);
    expect(only.gateways.isLive).toBe(false);
    only.changes.length = 0;
    Object.assign(only.seen.heartbeats, { beat });
    await clock.advance(2_000);
    expect([only.gateways.isLive, only.changes]).toEqual([true, [true]]);
  });

  it('tell once why the store does not answer, again when the reason is another, and when it does', async () => {
    const { clock, start } = open();
    const { seen, told } = await start(1);
    const { beat } = seen.heartbeats;
    Object.assign(seen.heartbeats, { beat: away });
    await clock.advance(20_000);
    expect(told).toEqual(['STORE_UNAVAILABLE']);
    Object.assign(seen.heartbeats, { beat: () => Promise.reject(new MillraceError('CREDENTIALS_EXPIRED', 'expired')) });
    await clock.advance(20_000);
    Object.assign(seen.heartbeats, { beat });
    await clock.advance(20_000);
    expect(told).toEqual(['STORE_UNAVAILABLE', 'CREDENTIALS_EXPIRED', null]);
  });

  it('do not miss others for a time in which they could not look', async () => {
    const { clock, start } = open();
    const [one, two] = [await start(1), await start(2)];
    await clock.advance(5_001);
    const [{ groups }, { beat }] = [one.seen, two.seen.heartbeats];
    // The store is away for both; the one that looks first sees the other as it was a minute ago, when it last looked.
    Object.assign(two.seen.heartbeats, { beat: away });
    await clock.advance(5_000);
    one.seen.groups = { ...groups, observe: away };
    await clock.advance(60_000);
    one.seen.groups = groups;
    await clock.advance(6_000);
    expect(ports(one.gateways)).toEqual([1, 2]);
    Object.assign(two.seen.heartbeats, { beat });
    await clock.advance(6_000);
    expect(ports(one.gateways)).toEqual([1, 2]);
    expect(two.gateways.isLive).toBe(true);
  });

  it('cost one write and half a read for each beat', async () => {
    const { clock, meter, start } = open();
    await start(1);
    await clock.advance(10_000);
    const before = meter.usage;
    await clock.advance(50_000);
    expect(usageBetween(before, meter.usage)).toMatchObject({
      writeUnits: 10,
      readUnits: 5,
      writeRequests: 10,
      readRequests: 10,
    });
  });

  it('are told from anything else by their text', () => {
    const node = freshGatewayNode(random, { host: '::1|%', port: 9_092, rack: null });
    expect(parseGatewayNode(node.id)).toEqual(node);
    for (const other of ['', 'x', '1|h|2', 'a|h|2||u', '1|h|0||u']) expect(parseGatewayNode(other)).toBeNull();
    expect(() => freshGatewayNode(random, { host: 'h'.repeat(900), port: 1, rack: null })).toThrow(/too long/);
  });

  it('cannot be reached at an address that is everywhere', () => {
    expect(() => checkAddress({ host: '0.0.0.0', port: 9_092, rack: null })).toThrow(/0\.0\.0\.0/);
    expect(() => checkAddress({ host: 'h', port: 0, rack: null })).toThrow(/h:0/);
    checkAddress({ host: 'h', port: 9_092, rack: null });
  });
});

it('a key moves only when the node it belongs to goes, or to one that comes', () => {
  const nodes = [1, 2, 3, 4].map((nodeId) => ({ nodeId }));
  expect(rendezvous('key', [])).toBeUndefined();
  for (let number = 0; number < 200; number++) {
    const key = `key ${number}`;
    const owner = rendezvous(key, nodes)!;
    const without = nodes.filter((node) => node !== owner);
    for (const gone of without)
      expect(
        rendezvous(
          key,
          nodes.filter((node) => node !== gone),
        ),
      ).toBe(owner);
    expect(without).toContain(rendezvous(key, without));
  }
});
