import { dynamoDelays } from '../aws/dynamo-delays.ts';
import { dynamoEventSource } from '../aws/dynamo-event-source.ts';
import { dynamoMaintenance } from '../aws/dynamo-jobs.ts';
import { LambdaFunctions } from '../aws/lambda-functions.ts';
import { OneTimeSchedules } from '../aws/one-time-schedules.ts';
import { type Environment, machine, openDeployedStore, variable } from './deployment.ts';
import { type Handler, say } from './handler.ts';
import { deployedMetrics, logNews } from './metrics.ts';
import { StreamRouter } from './stream-router.ts';

/** Hears of changes, and wakes. */
export function routerHandler(environment: Environment): Handler {
  const { store, target: place } = openDeployedStore(environment, (tables) => ({
    ...dynamoEventSource(tables),
    ...dynamoDelays(tables),
    ...dynamoMaintenance(tables),
  }));
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
