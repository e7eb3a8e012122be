import { type TopicDeps, topicBusy } from './find-topic.ts';
import { repeatRequest } from './repeat-request.ts';
import type { Topic } from './topic.ts';

/** Changes by others in a row after which we stop: far more than people make, and an end for a loop between two programs. */
const MAX_ROUNDS = 32;

/** What to do with a topic: write `topic`, or nothing because it is as it should be (or beyond) already. */
export type TopicStep = { readonly kind: 'write'; readonly topic: Topic } | { readonly kind: 'enough' };

/**
 * Changes a topic until `plan` says that it is enough, each time from what is stored; throws what `plan` throws. Null when the topic is gone or is another one of
 * that name.
 *
 * A write that was left unanswered is found by its version: it made exactly the next one. Once others have written on top, nobody can tell any more; if the plan is not
 * fulfilled then, throws TOPIC_BUSY rather than undo what they did.
 */
export async function changeTopic(
  deps: TopicDeps,
  topic: Topic,
  plan: (current: Topic) => TopicStep,
): Promise<Topic | null> {
  let current = topic;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const step = plan(current);
    if (step.kind === 'enough') return current;
    const { answer, unanswered } = await repeatRequest(deps, () => deps.store.topics.update(step.topic));
    if (answer.outcome === 'done') return answer.item;
    if (answer.item?.topicId !== topic.topicId) return null;
    const maybeOurs = unanswered && answer.item.version > current.version + 1;
    if (maybeOurs && plan(answer.item).kind === 'write') {
      throw topicBusy(
        topic.name,
        'was changed by others meanwhile, and whether our change came before theirs is unknown',
      );
    }
    current = answer.item;
  }
  throw topicBusy(topic.name, 'is being changed by others all the time');
}
