/** Functions that say when their handler began, by the monotonic clock that all processes of a machine share, and with which values. */
import type { MSKEvent } from 'aws-lambda';
import { serdes } from '../../lib/client/serde.ts';
import { pullHandler } from '../../lib/middleware/millrace.ts';

function say(values: readonly string[]): void {
  console.log(`started ${process.hrtime.bigint()} ${values.join(' ')}`);
}

/** Is handed its records. */
export async function pushed(event: MSKEvent): Promise<void> {
  const records = Object.values(event.records).flat();
  say(records.map(({ value }) => Buffer.from(value, 'base64').toString()));
}

/** Fetches its records. */
export const pulled = pullHandler(async ({ records }) => say(records.map(({ value }) => value ?? '')), {
  valueDeserializer: serdes.string(),
});
