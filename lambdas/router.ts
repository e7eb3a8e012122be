import { routerHandler } from '../lib/deployed/functions.ts';

export const handler = routerHandler(process.env);
