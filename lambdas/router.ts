import { routerHandler } from '../lib/deployed/router-function.ts';

export const handler = routerHandler(process.env);
