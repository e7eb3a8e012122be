import { dynamoEventSource } from '../aws/dynamo-event-source.ts';
import { dynamoGroupStore } from '../aws/dynamo-groups.ts';
import { dynamoMaintenance } from '../aws/dynamo-jobs.ts';
import { MillraceError } from '../errors.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { type Environment, machine, openDeployedStore } from './deployment.ts';
import type { Handler } from './handler.ts';
import { answerResource, type ResourceEvent, type ResourceKinds } from './provider/custom-resource.ts';
import { Keepers } from './provider/keeper.ts';

/** Keeps the topics and subscriptions of stacks. */
export function providerHandler(environment: Environment): Handler {
  const { store, target } = openDeployedStore(environment, (tables) => ({
    ...dynamoEventSource(tables),
    ...dynamoGroupStore(tables),
    ...dynamoMaintenance(tables),
  }));
  const deps = { ...machine, store };
  const topics = new TopicAdmin(deps);
  const kinds: ResourceKinds = {
    async 'Custom::MillracePlace'() {
      const { placeResource } = await import('./provider/place-resource.ts');
      return placeResource({ ...deps, topics });
    },
    async 'Custom::MillraceTopic'() {
      const { topicResource } = await import('./provider/topic-resource.ts');
      return topicResource({ topics, keepers: new Keepers(deps, 'topic') });
    },
    async 'Custom::MillraceSubscription'() {
      const { subscriptionKind } = await import('./provider/subscription-kind.ts');
      return subscriptionKind({ ...deps, topics, target });
    },
  };
  return async (event) => {
    const answer = event as ResourceEvent;
    await answerResource(answer, kinds, async (url, body) => {
      await repeatRequest(machine, () => putAnswer(url, body));
    });
  };
}

/** How long CloudFormation may take for an answer. */
const PUT_MS = 10_000;

/** Puts an answer where CloudFormation looks for it; being there twice does no harm. */
async function putAnswer(url: string, body: string): Promise<void> {
  const signal = AbortSignal.timeout(PUT_MS);
  const put = { method: 'PUT', body, headers: { 'content-type': '' }, signal };
  const status = await fetch(url, put).then(
    (response) => (response.ok ? null : response.status),
    (error: unknown) => String(error),
  );
  if (status === null) return;
  throw new MillraceError('STORE_UNAVAILABLE', `CloudFormation did not take the answer: ${status}`, {
    value: status,
    hint: 'Lambda calls again; then look at the stack.',
  });
}
