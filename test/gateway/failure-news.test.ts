import { describe, expect, it, vi } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { FailureNews } from '../../lib/gateway/failure-news.ts';
import { errorCodes } from '../../lib/gateway/protocol/error-codes.ts';
import { FakeClock } from '../segment/fake-clock.ts';
import { createTopic, fetchFrom, produce, startStage, textBatch } from './gateway-stage.ts';

const unavailable = () => new MillraceError('STORE_UNAVAILABLE', 'the bucket does not answer');

describe('news of failures', () => {
  it('are told once a minute of each code, with how many there were', async () => {
    const clock = new FakeClock(0);
    const told: [string, number][] = [];
    const news = new FailureNews(clock, ({ code }, untoldCount) => void told.push([code, untoldCount]));
    for (let n = 0; n < 3; n++) news.failed(unavailable());
    news.failed(new MillraceError('ACCESS_DENIED', 'no'));
    // Nobody has foreseen it, so it is taken for the store's.
    news.failed(new TypeError('undefined is not a function'));
    await clock.sleep(60_000);
    news.failed(unavailable());
    news.failed(unavailable());
    expect(told.map(([, untoldCount]) => untoldCount)).toEqual([0, 0, 3]);
    expect(told.map(([code]) => code).slice(0, 2)).toEqual(['STORE_UNAVAILABLE', 'ACCESS_DENIED']);
    expect(told[2]![0]).toBe('STORE_UNAVAILABLE');
  });

  it.each(['OFFSET_OUT_OF_RANGE', 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_RECORD', 'TOPIC_BUSY', 'CLOSED'] as const)(
    'are not %s, which is a client’s affair or passes',
    (code) => {
      const onFailure = vi.fn();
      new FailureNews(new FakeClock(0), onFailure).failed(new MillraceError(code, 'refused'));
      expect(onFailure).not.toHaveBeenCalled();
    },
  );

  it('come of requests that produce and that fetch', async () => {
    const told: string[] = [];
    const stage = await startStage({ onFailure: ({ code }) => void told.push(code) });
    const client = stage.client();
    await createTopic(client, 'orders');
    const large = textBatch(['x'.repeat(100_000)]);
    expect(await produce(client, 'orders', large)).toMatchObject({ errorCode: 0 });
    const denied = new MillraceError('ACCESS_DENIED', 'no', { retriable: false });
    vi.spyOn(stage.store.objects, 'put').mockRejectedValue(denied);
    expect(await produce(client, 'orders', large)).toMatchObject({
      errorCode: errorCodes.CLUSTER_AUTHORIZATION_FAILED,
    });
    expect(told).toEqual(['ACCESS_DENIED']);
    vi.spyOn(stage.store.objects, 'get').mockResolvedValue(null);
    expect(await fetchFrom(client, 'orders', 0n)).toMatchObject({ errorCode: errorCodes.KAFKA_STORAGE_ERROR });
    expect(told).toEqual(['ACCESS_DENIED', 'OBJECT_MISSING']);
  });
});
