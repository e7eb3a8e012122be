import { describe, expect, it } from 'vitest';
import { readTopic } from '../../lib/client/read-topic.ts';
import { systemRandom as random } from '../../lib/clock.ts';
import { MillraceError } from '../../lib/errors.ts';
import { TopicDirectory } from '../../lib/log/topic-directory.ts';
import { codeOf, openStage, TOPIC } from './client-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

type Source = ConstructorParameters<typeof TopicDirectory>[0]['source'];

function reading(getTopic: Source['getTopic'], withinMs: number) {
  const clock = new VirtualClock({ jumps: true });
  const topics = new TopicDirectory({ source: { getTopic } as Source, clock, maxAgeMs: 60_000 });
  const startMs = clock.monotonicMs();
  const outcome = codeOf(readTopic({ topics, clock, random }, TOPIC, startMs + withinMs));
  return { clock, outcome, tookMs: () => clock.monotonicMs() - startMs };
}

describe('reading a topic for a send', () => {
  it('asks again while the failure may pass', async () => {
    const { millrace } = await openStage();
    let asked = 0;
    const { outcome } = reading((name) => {
      asked += 1;
      return asked < 4 ? Promise.reject(new MillraceError('THROTTLED', 'busy')) : millrace.topics.getTopic(name);
    }, 10_000);
    expect(await outcome).toMatchObject({ name: TOPIC, partitionCount: 1 });
    expect(asked).toBe(4);
  });

  it('tells at once what will not pass', async () => {
    const { outcome } = reading(() => Promise.reject(new MillraceError('ACCESS_DENIED', 'no')), 10_000);
    expect(await outcome).toBe('ACCESS_DENIED');
  });

  it('ends with the last failure when the time is over', async () => {
    const { outcome, tookMs } = reading(() => Promise.reject(new MillraceError('THROTTLED', 'busy')), 500);
    expect(await outcome).toBe('THROTTLED');
    expect(tookMs()).toBeLessThanOrEqual(500);
  });

  /** The story: maxBlockMs was looked at between looks only, and one look repeats its requests for seconds: 200 ms became 4,166. */
  it('does not wait for a look that is not answered in time, and leaves no timer', async () => {
    const { clock, outcome, tookMs } = reading(() => new Promise(() => {}), 200);
    expect(await outcome).toBe('REQUEST_TIMED_OUT');
    expect(tookMs()).toBe(200);
    expect(clock.sleeperCount).toBe(0);
  });
});
