/** What the deployed functions do with an event, each opened once in the life of its process. */
import { LambdaFunctions } from '../aws/lambda-functions.ts';
import { OneTimeSchedules } from '../aws/one-time-schedules.ts';
import { S3RangeLinks } from '../aws/s3-range-links.ts';
import { RepeatableSends } from '../client/repeatable-sends.ts';
import { noticeSender } from '../connect/notice-sender.ts';
import { MillraceError } from '../errors.ts';
import { SubscriptionAdmin } from '../event-source/subscription-admin.ts';
import { HttpApi } from '../http/http-api.ts';
import { Fetcher } from '../log/fetcher.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import { TopicAdmin } from '../log/topic-admin.ts';
import { DEFAULT_TIME_MS, type FunctionContext } from '../middleware/function-time.ts';
import { deployedAppender, deployedProducer, deployedTopics } from './deployed-producer.ts';
import { type Environment, machine, openDeployedStore, variable } from './deployment.ts';
import { answerOf, type FunctionUrlEvent, requestOf } from './function-url.ts';
import { jobMetricLines, maintain } from './maintain.ts';
import { deployedMetrics, logNews } from './metrics.ts';
import { answerResource, type ResourceEvent } from './provider/custom-resource.ts';
import { Keepers } from './provider/keeper.ts';
import { placeResource } from './provider/place-resource.ts';
import { subscriptionResource } from './provider/subscription-resource.ts';
import { topicResource } from './provider/topic-resource.ts';
import { pump, pumpTools } from './pump.ts';
import { releaseOnEvent } from './releaser.ts';
import { StreamRouter } from './stream-router.ts';

/** What of Lambda's context is used. */
export interface DeployedContext extends FunctionContext {
  readonly invokedFunctionArn?: string;
}

/** A handler as Lambda calls it. */
export type Handler = (event: unknown, context: DeployedContext) => Promise<unknown>;

const remainingMs = (context: DeployedContext) => context.getRemainingTimeInMillis?.() ?? DEFAULT_TIME_MS;
const say = (line: string) => console.log(line);
/** A reserve in which what is under way ends. */
const RESERVE_MS = 30_000;

/** Hears of changes, and wakes. */
export function routerHandler(environment: Environment): Handler {
  const { store, target: place } = openDeployedStore(environment);
  const metrics = deployedMetrics(environment);
  const functions = new LambdaFunctions({ ...machine, place });
  const releaser = variable(environment, 'MILLRACE_RELEASER_FUNCTION');
  const router = new StreamRouter({
    ...machine,
    store,
    functions,
    releaser,
    pump: variable(environment, 'MILLRACE_PUMP_FUNCTION'),
    calls: new OneTimeSchedules({
      ...machine,
      place,
      target: releaser,
      group: variable(environment, 'MILLRACE_SCHEDULE_GROUP'),
      role: variable(environment, 'MILLRACE_SCHEDULE_ROLE'),
    }),
    onNews(news) {
      metrics?.onNews(news);
      logNews(news, say);
    },
    onError: ({ code, message }) => say(JSON.stringify({ kind: 'unreadable-item', code, error: message })),
    // A metric with values in every hour costs as much as a busy one, however idle the log.
    onLag: (group, lag) => (lag.records > 0n ? metrics?.onLag(group, lag) : undefined),
  });
  return async (event) => {
    try {
      return await router.handle(event);
    } finally {
      metrics?.flush();
    }
  };
}

/** Pushes the records of a partition. */
export function pumpHandler(environment: Environment): Handler {
  const deployed = openDeployedStore(environment);
  const tools = pumpTools(deployed);
  const metrics = deployedMetrics(environment);
  const invoker = new LambdaFunctions({ ...machine, place: deployed.target });
  const onNews: Parameters<typeof pump>[0]['onNews'] = (news) => {
    metrics?.onNews(news);
    logNews(news, say);
  };
  return async (event, context) => {
    const place = { functionArn: context.invokedFunctionArn ?? '', remainingMs: remainingMs(context) };
    try {
      await pump({ store: deployed.store, tools, invoker, onNews }, event, place);
    } finally {
      metrics?.flush();
    }
  };
}

/** Sleeps, rings, and releases delayed records. */
export function releaserHandler(environment: Environment): Handler {
  const { store } = openDeployedStore(environment);
  return async (event, context) => {
    const deadlineMs = machine.clock.monotonicMs() + remainingMs(context) - RESERVE_MS;
    await releaseOnEvent({ ...machine, store }, event, {
      deadlineMs,
      onNews: (news) => logNews(news, say),
      onError: ({ code, message, hint }) => say(JSON.stringify({ kind: 'delays-failed', code, error: message, hint })),
    });
  };
}

/** Runs what is due of maintenance. */
export function maintenanceHandler(environment: Environment): Handler {
  const deps = { ...machine, store: openDeployedStore(environment).store };
  const tellsJobs = environment.MILLRACE_JOB_METRICS === 'true';
  const tellJobs = async () => {
    // As it is: what `console.log` puts before it would hide it from CloudWatch.
    if (tellsJobs) for (const line of await jobMetricLines(deps)) process.stdout.write(`${line}\n`);
  };
  return async (_, context) => {
    const runs = await maintain(deps, remainingMs(context)).finally(tellJobs);
    return runs.map(({ job, result }) => ({ job, outcome: result.outcome }));
  };
}

/** Keeps the topics and subscriptions of stacks. */
export function providerHandler(environment: Environment): Handler {
  const { store, target } = openDeployedStore(environment);
  const deps = { ...machine, store };
  const topics = new TopicAdmin(deps);
  const destinations = noticeSender({ ...machine, place: target });
  const subscriptions = new SubscriptionAdmin({ ...deps, destinations });
  const kinds = {
    'Custom::MillracePlace': placeResource({ ...deps, topics }),
    'Custom::MillraceTopic': topicResource({ topics, keepers: new Keepers(deps, 'topic') }),
    'Custom::MillraceSubscription': subscriptionResource({
      subscriptions,
      topics,
      keepers: new Keepers(deps, 'subscription'),
    }),
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

/** Producing and reading over HTTP. */
export function httpHandler(environment: Environment): Handler {
  const deployed = openDeployedStore(environment);
  const { store, target } = deployed;
  const topics = deployedTopics(deployed);
  const api = new HttpApi({
    ...machine,
    store,
    topics,
    fetcher: new Fetcher({ ...machine, store }),
    links: new S3RangeLinks({ bucket: target.bucket, region: target.region, endpoint: target.endpoint }),
    producer: deployedProducer(deployed, {}, topics),
    repeatable: new RepeatableSends({ ...machine, topics, appender: deployedAppender(deployed) }),
  });
  return async (event) => answerOf(await api.answer(requestOf(event as FunctionUrlEvent)));
}
