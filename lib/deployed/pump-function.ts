import { dynamoDelays } from '../aws/dynamo-delays.ts';
import { dynamoEventSource } from '../aws/dynamo-event-source.ts';
import { LambdaFunctions } from '../aws/lambda-functions.ts';
import { type Environment, machine, openDeployedStore } from './deployment.ts';
import { type Handler, remainingMs, say } from './handler.ts';
import { deployedMetrics, logNews } from './metrics.ts';
import { pump, pumpTools } from './pump.ts';

/** Pushes the records of a partition. */
export function pumpHandler(environment: Environment): Handler {
  const deployed = openDeployedStore(environment, (tables) => ({
    ...dynamoEventSource(tables),
    ...dynamoDelays(tables),
  }));
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
