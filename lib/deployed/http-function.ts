import { dynamoDelays } from '../aws/dynamo-delays.ts';
import { S3RangeLinks } from '../aws/s3-range-links.ts';
import { RepeatableSends } from '../client/repeatable-sends.ts';
import { HttpApi } from '../http/http-api.ts';
import { Fetcher } from '../log/fetcher.ts';
import { deployedAppender, deployedProducer, deployedTopics } from './deployed-producer.ts';
import { type Environment, machine, openDeployedStore } from './deployment.ts';
import { answerOf, type FunctionUrlEvent, requestOf } from './function-url.ts';
import type { Handler } from './handler.ts';

/** Producing and reading over HTTP. */
export function httpHandler(environment: Environment): Handler {
  const deployed = openDeployedStore(environment, dynamoDelays);
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
