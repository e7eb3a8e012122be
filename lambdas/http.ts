import { httpHandler } from '../lib/deployed/http-function.ts';

export const handler = httpHandler(process.env);
