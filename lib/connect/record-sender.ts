import type { Producer } from '../client/producer.ts';
import type { RecordSender } from '../event-source/give-up.ts';
import { limits } from '../limits.ts';

/** One record of the largest size with what is told of it. */
export const SENDER_BUFFER_BYTES = 2 * limits.batchBytes;

/** Writes records by a producer of its own, which is made, or loaded, when it is needed; a failure to do so is forgotten. */
export function recordSender(make: () => Pick<Producer, 'send'> | Promise<Pick<Producer, 'send'>>): RecordSender {
  let making: Promise<Pick<Producer, 'send'>> | null = null;
  const made = () => {
    making ??= Promise.resolve(make()).catch((error: unknown) => {
      making = null;
      throw error;
    });
    return making;
  };
  return {
    async send(topic, { key, value, headers }) {
      const producer = await made();
      await producer.send({ topic, key, value, headers: headers.map((one) => [one.key, one.value] as const) });
    },
  };
}
