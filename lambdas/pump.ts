import { pumpHandler } from '../lib/deployed/functions.ts';

export const handler = pumpHandler(process.env);
