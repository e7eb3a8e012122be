/** Counts what is asked of the stores, in the units that AWS charges. Counts are exact, whatever the machine is doing. */
import { prices } from '../prices.ts';

/** One request to a store. Units are DynamoDB's: 1 KB written, 4 KB read consistently. */
export type StoreRequest =
  | { readonly kind: 'put' | 'get' | 'list' | 'delete'; readonly bytes: number }
  | { readonly kind: 'write'; readonly units: number }
  | { readonly kind: 'read'; readonly units: number };

/** What stores tell each request to, answered or refused; a refused conditional write costs its units too. */
export interface Meter {
  count(request: StoreRequest): void;
}

/** Sums of what a meter was told. */
export interface StoreUsage {
  readonly puts: number;
  readonly gets: number;
  readonly lists: number;
  readonly deletes: number;
  readonly putBytes: number;
  readonly getBytes: number;
  readonly writeRequests: number;
  readonly writeUnits: number;
  readonly readRequests: number;
  readonly readUnits: number;
}

/** The sums of nothing. */
export const noUsage: StoreUsage = {
  puts: 0,
  gets: 0,
  lists: 0,
  deletes: 0,
  putBytes: 0,
  getBytes: 0,
  writeRequests: 0,
  writeUnits: 0,
  readRequests: 0,
  readUnits: 0,
};

/** What was asked between two sums. */
export function usageBetween(before: StoreUsage, after: StoreUsage): StoreUsage {
  const names = Object.keys(noUsage) as (keyof StoreUsage)[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as StoreUsage;
}

/** Adds one request to the sums. */
export function addRequest(usage: StoreUsage, request: StoreRequest): StoreUsage {
  switch (request.kind) {
    case 'put':
      return { ...usage, puts: usage.puts + 1, putBytes: usage.putBytes + request.bytes };
    case 'get':
      return { ...usage, gets: usage.gets + 1, getBytes: usage.getBytes + request.bytes };
    case 'list':
      return { ...usage, lists: usage.lists + 1 };
    case 'delete':
      return { ...usage, deletes: usage.deletes + 1 };
    case 'write':
      return { ...usage, writeRequests: usage.writeRequests + 1, writeUnits: usage.writeUnits + request.units };
    case 'read':
      return { ...usage, readRequests: usage.readRequests + 1, readUnits: usage.readUnits + request.units };
  }
}

/** Dollars at AWS prices (us-east-1) for these requests; storage is not in it. */
export function requestDollars(usage: StoreUsage): number {
  const micro =
    usage.puts * prices.s3PutPerMillion +
    usage.gets * prices.s3GetPerMillion +
    usage.lists * prices.s3ListPerMillion +
    usage.writeUnits * prices.dynamoWriteUnitPerMillion +
    usage.readUnits * prices.dynamoReadUnitPerMillion;
  return micro / 1_000_000;
}

/** A meter that keeps the sums. */
export class UsageMeter implements Meter {
  #usage: StoreUsage = noUsage;

  count(request: StoreRequest): void {
    this.#usage = addRequest(this.#usage, request);
  }

  get usage(): StoreUsage {
    return this.#usage;
  }
}

/** A meter that keeps nothing. */
export const noMeter: Meter = { count() {} };
