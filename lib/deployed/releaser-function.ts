import { dynamoBells } from '../aws/dynamo-bells.ts';
import { dynamoDelays } from '../aws/dynamo-delays.ts';
import { dynamoMaintenance } from '../aws/dynamo-jobs.ts';
import { type Environment, machine, openDeployedStore } from './deployment.ts';
import { type Handler, remainingMs, say } from './handler.ts';
import { logNews } from './metrics.ts';
import { releaseOnEvent } from './releaser.ts';

/** A reserve in which what is under way ends. */
const RESERVE_MS = 30_000;

/** Sleeps, rings, and releases delayed records. */
export function releaserHandler(environment: Environment): Handler {
  const { store } = openDeployedStore(environment, (tables) => ({
    ...dynamoDelays(tables),
    ...dynamoMaintenance(tables),
    bells: dynamoBells(tables),
  }));
  return async (event, context) => {
    const deadlineMs = machine.clock.monotonicMs() + remainingMs(context) - RESERVE_MS;
    await releaseOnEvent({ ...machine, store }, event, {
      deadlineMs,
      onNews: (news) => logNews(news, say),
      onError: ({ code, message, hint }) => say(JSON.stringify({ kind: 'delays-failed', code, error: message, hint })),
    });
  };
}
