/** A function that produces, behind an HTTP API or a schedule: it splits a request into records. It awaits nothing: all of them leave together, and it answers when they are acknowledged. */
import middy from '@middy/core';
import { millraceProducer } from 'millrace/middleware';

/** What is posted. */
interface Deliveries {
  readonly deliveries: readonly { readonly event: string; readonly repository: string }[];
}

export const handler = middy<Deliveries>()
  .use(millraceProducer({ compression: 'zstd' }))
  .handler(async ({ deliveries }, { producer }) => {
    for (const { event, repository } of deliveries) {
      producer.send({ topic: 'deliveries', key: repository, value: JSON.stringify({ event, repository }) });
    }
    return { taken: deliveries.length };
  });
