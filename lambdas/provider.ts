import { providerHandler } from '../lib/deployed/provider-function.ts';

export const handler = providerHandler(process.env);
