import { describe, expect, it } from 'vitest';
import { noMeter, noUsage, requestDollars, type StoreRequest, UsageMeter } from '../../lib/log/meter.ts';

const usageOf = (...requests: readonly StoreRequest[]) => {
  const meter = new UsageMeter();
  for (const request of requests) meter.count(request);
  return meter.usage;
};

describe('a meter', () => {
  it('has counted nothing at first', () => {
    expect(usageOf()).toEqual(noUsage);
    expect(Object.values(noUsage).every((count) => count === 0)).toBe(true);
  });

  it.each([
    [
      { kind: 'put', bytes: 5 },
      { puts: 2, putBytes: 10 },
    ],
    [
      { kind: 'get', bytes: 5 },
      { gets: 2, getBytes: 10 },
    ],
    [{ kind: 'list', bytes: 5 }, { lists: 2 }],
    [{ kind: 'delete', bytes: 5 }, { deletes: 2 }],
    [
      { kind: 'write', units: 5 },
      { writeRequests: 2, writeUnits: 10 },
    ],
    [
      { kind: 'read', units: 1.5 },
      { readRequests: 2, readUnits: 3 },
    ],
  ] as const)('adds up what it is told: %o', (request, sums) => {
    expect(usageOf(request, request)).toEqual({ ...noUsage, ...sums });
  });

  it('gives sums that do not change afterwards', () => {
    const meter = new UsageMeter();
    const before = meter.usage;
    meter.count({ kind: 'put', bytes: 5 });
    expect(before).toEqual(noUsage);
  });

  it('may be one that keeps nothing', () => {
    expect(noMeter.count({ kind: 'put', bytes: 5 })).toBeUndefined();
  });
});

describe('the price of requests', () => {
  it.each([
    ['puts', 5],
    ['gets', 0.4],
    ['lists', 5],
    ['deletes', 0],
    ['writeUnits', 0.625],
    ['readUnits', 0.125],
    ['putBytes', 0],
    ['getBytes', 0],
    ['writeRequests', 0],
    ['readRequests', 0],
  ] as const)('of a million %s is %d dollars', (name, dollars) => {
    expect(requestDollars({ ...noUsage, [name]: 1_000_000 })).toBeCloseTo(dollars, 10);
  });

  it('is the sum of all', () => {
    expect(requestDollars({ ...noUsage, puts: 1000, gets: 1000, writeUnits: 1000 })).toBeCloseTo(0.006025, 10);
  });
});
