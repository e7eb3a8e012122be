/** A function that fetches its records itself, under the middleware. It remembers which releases it has announced. */
import middy from '@middy/core';
import { millrace, serdes } from 'millrace/middleware';

/** What is read of a delivery. */
interface Delivery {
  readonly action: string;
  readonly release: { readonly tag_name: string };
}

const announced = new Set<string>();

export const handler = middy()
  .use(millrace({ valueDeserializer: serdes.json<Delivery>() }))
  .handler(async ({ records }) => {
    for (const { id, value } of records) announced.add(`${id} ${value?.action} ${value?.release.tag_name}`);
  });
