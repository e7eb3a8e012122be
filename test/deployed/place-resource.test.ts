import { describe, expect, it } from 'vitest';
import { systemRandom as random } from '../../lib/clock.ts';
import { ResourceProperties } from '../../lib/deployed/provider/custom-resource.ts';
import { placeResource } from '../../lib/deployed/provider/place-resource.ts';
import { rollTail } from '../../lib/log/roll.ts';
import { deployedLog } from './deployed-log.ts';

const LARGE = 'x'.repeat(4_000);

/** A log, and what its provider sees of it when it is told another prefix. */
function stage() {
  const { store, clock, millrace } = deployedLog();
  const { topics } = millrace;
  const resourceAt = (prefix: string) => placeResource({ store: { ...store, prefix }, topics, clock, random });
  const properties = (Prefix: string) => new ResourceProperties({ Bucket: 'log', Prefix }, 'owner');
  return {
    store,
    topics,
    send: async (topic: string, value: string) => millrace.producer().send({ topic, value, partition: 0 }),
    create: (prefix: string) => resourceAt(prefix).create(properties(prefix)),
    update: (prefix: string) => resourceAt(prefix).update('place:log', properties(prefix)),
  };
}

describe('the place of a log', () => {
  it('may be any as long as nothing lies there', async () => {
    const { create, update, topics, send } = stage();
    expect(await create('')).toEqual({ physicalId: 'place:log', attributes: {} });
    await topics.createTopic({ name: 'empty' });
    await topics.createTopic({ name: 'inline' });
    await send('inline', 'small');
    expect(await update('elsewhere')).toEqual({ physicalId: 'place:log', attributes: {} });
  });

  it('is where its objects are, and no other', async () => {
    const { create, update, topics, send } = stage();
    await topics.createTopic({ name: 'inline' });
    await send('inline', 'small');
    await topics.createTopic({ name: 'orders' });
    await send('orders', LARGE);
    await send('orders', 'small');
    await expect(create('')).resolves.toMatchObject({ physicalId: 'place:log' });
    await expect(update('')).resolves.toMatchObject({ physicalId: 'place:log' });
    for (const asked of [create, update]) {
      await expect(asked('elsewhere')).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: 'the objects of the log are not in log, below "elsewhere"',
        hint: expect.stringMatching(
          /^elsewhere\/shared\/0\/.* is not there, for one\. Give bucket and objectPrefix as they were/,
        ),
      });
    }
  });

  it('is looked for in chunks too, and is not refused for one object that is lost', async () => {
    const { store, update, topics, send } = stage();
    const { topicId } = await topics.createTopic({ name: 'orders' });
    await send('orders', LARGE);
    const head = (await store.heads.read({ topicId, partition: 0 }, { consistent: true }))!;
    await rollTail(store, { topicId, partition: 0 }, head);
    await expect(update('elsewhere')).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    const [lost] = await store.objects.list('', null, 10);
    await send('orders', LARGE);
    await store.objects.remove([lost!.key]);
    await expect(update('')).resolves.toMatchObject({ physicalId: 'place:log' });
  });
});
