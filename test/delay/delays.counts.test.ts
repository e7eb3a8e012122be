import { describe, expect, it } from 'vitest';
import type { StoreUsage } from '../../lib/log/meter.ts';
import { measureDelays, measureWhole } from './measured-delays.ts';

const SMALL = 200;
const requests = ({ puts, gets, writeUnits, readUnits }: StoreUsage) => ({ puts, gets, writeUnits, readUnits });

describe('a delayed record asks for', () => {
  it('two or three units when it is sent: the record, its minute, and its minute again when that is near', async () => {
    const near = await measureDelays({ count: 1, valueBytes: SMALL, delay: '10s' });
    expect(requests(near.send)).toEqual({ puts: 0, gets: 0, writeUnits: 3, readUnits: 0 });
    const far = await measureDelays({ count: 1, valueBytes: SMALL, delay: '1h' });
    expect(requests(far.send)).toEqual({ puts: 0, gets: 0, writeUnits: 2, readUnits: 0 });
  });

  it('one unit when it is sent with others of its minute', async () => {
    const { send } = await measureDelays({ count: 1_000, valueBytes: SMALL, delay: '1h' });
    expect(send.writeUnits - 1_000).toBeLessThanOrEqual(2);
    expect(send.readRequests).toBe(0);
  });

  it('two units when it is released, and a share of the head', async () => {
    const lone = await measureDelays({ count: 1, valueBytes: SMALL, delay: '1h' });
    expect(lone.release.writeUnits).toBe(2 + 2 + 1);
    const { release } = await measureDelays({ count: 1_000, valueBytes: SMALL, delay: '1h' });
    expect(release.puts).toBe(11);
    expect(release.writeUnits).toBe(2_000 + 11 * 2 + 1);
  });

  it('one unit when its trace is forgotten', async () => {
    const whole = await measureWhole({ count: 1_000, valueBytes: SMALL, delay: '1h' });
    expect(Math.round(whole.writeUnits / 1_000)).toBe(4);
  });

  it('a PUT, a GET and no more units when it is large, and its share of a segment', async () => {
    const { send, release } = await measureDelays({ count: 100, valueBytes: 10_000, delay: '1h' });
    expect(requests(send)).toEqual({ puts: 100, gets: 0, writeUnits: 102, readUnits: 0 });
    expect([release.puts, release.gets]).toEqual([2, 100]);
  });
});
