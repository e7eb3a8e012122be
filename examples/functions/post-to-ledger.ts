/**
 * A function in front of something slow: a ledger that takes five entries a second and answers each after 200 ms. It is written for a queue of SQS and knows nothing of Millrace, which calls it no faster and no more often at once than
 * the subscription says.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';

/** How long the ledger takes for an entry. */
const ANSWER_MS = 200;

async function post(entry: unknown): Promise<void> {
  await sleep(ANSWER_MS);
  console.log(`posted ${JSON.stringify(entry)}`);
}

export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const failed: string[] = [];
  for (const { messageId, body } of event.Records) {
    try {
      await post(JSON.parse(body));
    } catch {
      failed.push(messageId);
    }
  }
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}
