import { releaserHandler } from '../lib/deployed/releaser-function.ts';

export const handler = releaserHandler(process.env);
