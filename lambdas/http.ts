import { httpHandler } from '../lib/deployed/functions.ts';

export const handler = httpHandler(process.env);
