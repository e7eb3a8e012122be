import { releaserHandler } from '../lib/deployed/functions.ts';

export const handler = releaserHandler(process.env);
