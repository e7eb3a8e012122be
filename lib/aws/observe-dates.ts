import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ServerClock } from '../segment/server-clock.ts';

type Client = S3Client | DynamoDBClient;

const dateHeader = (response: unknown): string =>
  (response as { readonly headers?: Readonly<Record<string, string>> } | undefined)?.headers?.date ?? '';

/** Tells the clock of the `Date` header of every answer of a client, errors included. Returns how to stop. */
export function observeDates(client: Client, serverClock: ServerClock): () => void {
  const observer =
    <A, R extends { response: unknown }>(next: (args: A) => Promise<R>) =>
    async (args: A): Promise<R> => {
      const answer = await next(args);
      serverClock.observe(Date.parse(dateHeader(answer.response)));
      return answer;
    };
  // Innermost, so that it sees an answer before the deserializers turn it into an error.
  const innermost = { step: 'deserialize', priority: 'low' } as const;
  const stack = client.middlewareStack as DynamoDBClient['middlewareStack'];
  stack.add(observer, innermost);
  return () => stack.remove(observer);
}
