import type { Producer } from '../client/producer.ts';
import type { RecordSender } from '../event-source/give-up.ts';
import { limits } from '../limits.ts';

/** One record of the largest size with what is told of it. */
export const SENDER_BUFFER_BYTES = 2 * limits.batchBytes;

/** Writes records by a producer of its own, which is made when it is needed. */
export function recordSender(make: () => Pick<Producer, 'send'>): RecordSender {
  let producer: Pick<Producer, 'send'> | undefined;
  return {
    async send(topic, { key, value, headers }) {
      producer ??= make();
      await producer.send({ topic, key, value, headers: headers.map((one) => [one.key, one.value] as const) });
    },
  };
}
