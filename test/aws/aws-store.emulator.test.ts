import { afterAll, describe } from 'vitest';
import { logStoreContract } from '../log/contract/log-store.contract.ts';
import { meteringContract } from '../log/contract/metering.contract.ts';
import { startEmulators } from './emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

logStoreContract('an AWS store', () => emulators.openStore(), {
  copiesConditionally: emulators.copiesConditionally,
});
describe.runIf(emulators.countsUnits)('with a server that tells the units of AWS', () => {
  meteringContract('an AWS store', (meter) => emulators.openStore(meter));
});
