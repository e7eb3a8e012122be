import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ServerClock } from '../segment/server-clock.ts';

/** What the transport hands to the SDK. */
interface HttpAnswer {
  readonly headers: Readonly<Record<string, string>>;
}

const hasHeaders = (response: unknown): response is HttpAnswer =>
  typeof response === 'object' && response !== null && 'headers' in response;

/**
 * Tells the clock of the `Date` header of every answer of a client, errors included. Returns how to stop.
 */
export function observeDates(client: S3Client | DynamoDBClient, serverClock: ServerClock): () => void {
  // Innermost of the deserializers, so that it sees the answer before they turn it into an error.
  const observer: Parameters<typeof client.middlewareStack.add>[0] =
    (next: (args: never) => Promise<{ response: unknown }>) => async (args: never) => {
      const answer = await next(args);
      if (hasHeaders(answer.response)) serverClock.observe(Date.parse(answer.response.headers.date ?? ''));
      return answer;
    };
  client.middlewareStack.add(observer, { step: 'deserialize', priority: 'low' });
  return () => client.middlewareStack.remove(observer);
}
