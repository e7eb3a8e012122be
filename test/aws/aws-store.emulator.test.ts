import { afterAll } from 'vitest';
import { logStoreContract } from '../log/contract/log-store.contract.ts';
import { meteringContract } from '../log/contract/metering.contract.ts';
import { startEmulators } from './emulators.ts';

const emulators = await startEmulators();
afterAll(() => emulators.stop());

logStoreContract('an AWS store', () => emulators.openStore());
meteringContract('an AWS store', (meter) => emulators.openStore(meter));
