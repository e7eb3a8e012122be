import { changeTopic } from '../log/change-topic.ts';
import { topicBusy } from '../log/find-topic.ts';
import type { Topic } from '../log/topic.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Opens a topic for use, all of whose heads are there. Throws TOPIC_BUSY when it is deleted meanwhile. */
export async function openTopic(deps: MaintenanceDeps, topic: Topic): Promise<void> {
  const { partitionCount: readyPartitionCount } = topic;
  const deleted = () => topicBusy(topic.name, 'was deleted while it was being made');
  const opened = await changeTopic(deps, topic, (current) => {
    if (current.state === 'deleting') throw deleted();
    if (current.state === 'active') return { kind: 'enough' };
    return { kind: 'write', topic: { ...current, state: 'active', readyPartitionCount } };
  });
  if (opened === null) throw deleted();
}
