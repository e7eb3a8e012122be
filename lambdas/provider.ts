import { providerHandler } from '../lib/deployed/functions.ts';

export const handler = providerHandler(process.env);
