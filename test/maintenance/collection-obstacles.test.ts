import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../lib/errors.ts';
import { NOTHING_COLLECTED } from '../../lib/maintenance/collection-state.ts';
import { COLLECT, collectFor, collectionOf, orphan, segments } from './collection-stage.ts';
import { HOUR_MS, MINUTE_MS, maintenanceStage } from './maintenance-stage.ts';

describe('what is in the way of collection', () => {
  it('does not take a topic for one of another log while it is being deleted', async () => {
    const stage = maintenanceStage();
    const [kept] = await stage.topic('kept');
    const [going] = await stage.topic('going');
    await stage.append(kept!, ['a']);
    await stage.append(going!, ['b']);
    const lost = await orphan(stage, kept!);
    await collectFor(stage, 0.5);
    const waiting = async () => {
      const collection = await collectionOf(stage);
      return collection.job === 'collection' ? collection.waiting : [];
    };
    const listed = await waiting();
    expect(listed).toMatchObject([{ objects: 1 }]);
    // A crash between the heads and the item.
    await stage.base.topics.update({ ...(await stage.base.topics.get('going'))!, state: 'deleting' });
    await stage.base.heads.remove(going!);
    stage.clock.pass(HOUR_MS);
    await stage.run(COLLECT);
    expect((await collectionOf(stage)).report.strange).toBeNull();
    expect(await waiting()).toMatchObject([listed[0]!, {}]);
    await collectFor(stage, 2);
    expect(await segments(stage)).toHaveLength(1);
    expect(await segments(stage)).not.toContain(lost);
  });

  it.each(['strange', 'blockedBy', 'damages', 'keptForDamage'] as const)(
    'does not rest while there is anything to say: %s',
    async (what) => {
      const stage = maintenanceStage();
      const [partition] = await stage.topic('orders');
      await stage.append(partition!, ['a']);
      const damage = new MillraceError('CORRUPT_OBJECT', 'it is damaged');
      if (what === 'strange') await orphan(stage, { topicId: '11111111-0000-4000-8000-000000000000', partition: 0 });
      if (what === 'keptForDamage') await orphan(stage, partition!);
      const { get } = stage.base.topics;
      if (what === 'blockedBy') {
        await stage.topic('other');
        stage.base.topics.get = async (name) => {
          if (name === 'other') throw damage;
          return get.call(stage.base.topics, name);
        };
      }
      if (what === 'damages' || what === 'keptForDamage')
        stage.base.chunks.query = async () => {
          throw damage;
        };
      for (let hour = 0; hour < 72; hour += 6) {
        await stage.run();
        stage.clock.pass(6 * HOUR_MS + MINUTE_MS);
      }
      await stage.run({ jobs: ['retention'] });
      await stage.run({ jobs: ['collection'] });
      const { report } = await collectionOf(stage);
      expect(report[what], JSON.stringify(report)).not.toEqual(NOTHING_COLLECTED[what]);
    },
  );
});
