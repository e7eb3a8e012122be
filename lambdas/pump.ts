import { pumpHandler } from '../lib/deployed/pump-function.ts';

export const handler = pumpHandler(process.env);
