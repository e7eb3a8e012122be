/**
 * A function as people write it for Lambda's Kafka event source; it knows nothing of Millrace. It counts stars by repository.
 *
 * The first delivery that each of its processes sees is too much for it, so that `npm start` has dead letters to show. When they are sent back it handles them.
 */
import type { MSKEvent } from 'aws-lambda';

/** What is read of a delivery. */
interface Delivery {
  readonly repository?: { readonly full_name?: string };
}

const stars = new Map<string, number>();
let tooMuch: number | undefined;

export async function handler(event: MSKEvent): Promise<void> {
  for (const record of Object.values(event.records).flat()) {
    const isSentBack = record.topic.endsWith('.redrive');
    if (!isSentBack) tooMuch ??= record.offset;
    if (!isSentBack && record.offset === tooMuch)
      throw new RangeError(`cannot thank for ${record.topic}@${record.offset} yet`);
    const delivery = JSON.parse(Buffer.from(record.value, 'base64').toString()) as Delivery;
    const name = delivery.repository?.full_name ?? 'unknown';
    stars.set(name, (stars.get(name) ?? 0) + 1);
  }
}
