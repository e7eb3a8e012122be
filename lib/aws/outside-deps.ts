import { createHash } from 'node:crypto';
import type { Clock, Random } from '../clock.ts';
import type { AwsPlace } from './aws-clients.ts';

/** What senders of notices need. */
export interface OutsideDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly place: AwsPlace;
}

/** What is not taken after about half a second waits with its record, whose lease would run out. */
export const NOTICE_ATTEMPTS = { attempts: 5 } as const;

/** 64 characters that stand for a text. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
