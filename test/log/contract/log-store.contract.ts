import { describe, expect, it } from 'vitest';
import { chunksContract } from './chunks.contract.ts';
import { delaysContract } from './delays.contract.ts';
import { freshPartition, type OpenStore, readHead } from './fresh.ts';
import { functionLimitsContract } from './function-limits.contract.ts';
import { functionSubscriptionsContract } from './function-subscriptions.contract.ts';
import { groupOffsetsContract } from './group-offsets.contract.ts';
import { groupsContract } from './groups.contract.ts';
import { headsContract } from './heads.contract.ts';
import { jobsContract } from './jobs.contract.ts';
import { leasesContract } from './leases.contract.ts';
import { type ObjectStoreContractOptions, objectStoreContract } from './object-store.contract.ts';
import { topicsContract } from './topics.contract.ts';

/** Registers the tests of all ports of a `Store`. Each port opens the store for itself; all may lead to one server. */
export function logStoreContract(name: string, open: OpenStore, options: ObjectStoreContractOptions = {}): void {
  objectStoreContract(name, open, options);
  headsContract(name, open);
  chunksContract(name, open);
  topicsContract(name, open);
  delaysContract(name, open);
  groupsContract(name, open);
  groupOffsetsContract(name, open);
  leasesContract(name, open);
  jobsContract(name, open);
  functionSubscriptionsContract(name, open);
  functionLimitsContract(name, open);

  describe(`${name} as a whole`, () => {
    it('has a prefix without slashes at its ends, and a clock', async () => {
      const { store, close } = await open();
      expect(store.prefix).toMatch(/^([^/].*[^/]|[^/]?)$/);
      const first = store.serverClock.nowMs();
      expect(Number.isInteger(first)).toBe(true);
      expect(store.serverClock.nowMs()).toBeGreaterThanOrEqual(first);
      await close();
    });

    it('may be closed twice', async () => {
      const { store, close } = await open();
      const partition = await freshPartition(store);
      expect(await readHead(store, partition)).toBeDefined();
      await store.close();
      await store.close();
      await close();
    });
  });
}
