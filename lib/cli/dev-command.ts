/** `millrace dev` */
import { existsSync } from 'node:fs';
import { EMPTY_CONFIG, parseFunctionArgument, readDevConfig } from '../dev/dev-config.ts';
import { type DevNews, startDevServer } from '../dev/dev-server.ts';
import type { JobRun } from '../maintenance/run-maintenance.ts';
import { aborted } from './aborted.ts';
import type { CliCommand } from './cli-command.ts';
import { action, type CliContext } from './cli-context.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { outcomeText } from './maintenance-text.ts';
import { collect, parsePort } from './parse-values.ts';

interface DevOptions {
  readonly data: string;
  readonly httpPort: number;
  readonly kafkaPort?: number;
  readonly config?: string;
  readonly function?: readonly string[];
}

const DEFAULT_CONFIG = 'millrace.json';
const DEFAULT_PORT = 8080;

/** Adds `dev`. */
export function addDevCommand(program: CliCommand, io: CliIo): void {
  program
    .command('dev')
    .description('Run a log on this machine that calls functions, with a page to look at it. Ends with Ctrl-C.')
    .option('--data <dir>', 'directory of the log', '.millrace')
    .option(
      '--http-port <port>',
      'port of the page and of the HTTP API; 0: any that is free',
      parsePort('--http-port'),
      DEFAULT_PORT,
    )
    .option(
      '--kafka-port <port>',
      'serve clients written for Kafka at this port; 0: any that is free',
      parsePort('--kafka-port'),
    )
    .option('--config <file>', `topics, functions and subscriptions (default: ${DEFAULT_CONFIG} if it is there)`)
    .option('--function <name=file>', 'a function, repeatable: bill=functions/bill.ts#handler', collect)
    .examples(
      'millrace dev',
      'millrace dev --function bill=functions/bill.ts',
      'millrace dev --kafka-port 9092',
      'millrace dev --config orders.json --data /tmp/log',
    )
    .action(
      action<[], DevOptions>(
        io,
        async (context, _, { data, httpPort, kafkaPort, config: path, function: named = [] }) => {
          const interrupted = io.interrupts();
          const file = path ?? (existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : null);
          const read = file === null ? EMPTY_CONFIG : readDevConfig(file);
          const config = { ...read, functions: [...read.functions, ...named.map(parseFunctionArgument)] };
          const say = (text: string) => void write(io.stdout, text).catch(() => {});
          const onNews = (news: DevNews) => {
            const line = context.json ? toJson(news) : newsText(news);
            if (line !== null) say(`${line}\n`);
          };
          const onMaintenance = maintenanceNews(context, say);
          const server = await startDevServer({ directory: data, httpPort, kafkaPort, config, onNews, onMaintenance });
          const { names } = server.host;
          const { kafkaAddress } = server;
          await context.print({ page: server.address, kafka: kafkaAddress, data, functions: names }, () =>
            [
              `page       ${server.address}`,
              ...(kafkaAddress === null ? [] : [`kafka      ${kafkaAddress}`]),
              `log        file:${data}`,
              `functions  ${names.join(', ') || 'none; name some with --function or in millrace.json'}`,
            ].join('\n'),
          );
          await aborted(interrupted);
          await server.close();
        },
      ),
    );
}

function delayedText(records: number): string {
  return `${records} delayed record${records === 1 ? '' : 's'}`;
}

/** A line for who watches; null for what would only fill the screen. */
function newsText(news: DevNews): string | null {
  switch (news.kind) {
    case 'invoked': {
      const failed = news.failed > 0 ? `, ${news.failed} failed: ${news.error || 'reported by the function'}` : '';
      const some = `${news.records} record${news.records === 1 ? '' : 's'}`;
      const records = news.records === 0 ? 'the end of a window' : some;
      return `${news.group}-${news.partition.partition}: ${records} in ${Math.round(news.durationMs)} ms${failed}`;
    }
    case 'pulled':
      if (news.batches === 0) return null;
      return `${news.group}-${news.partition.partition}: pulled ${news.records} in ${Math.round(news.durationMs)} ms${news.failed > 0 ? `, ${news.failed} failed` : ''}`;
    case 'given-up':
      return `${news.group}-${news.partition.partition}: gave up ${news.records}: ${news.error || news.reason}`;
    case 'redriven':
      return `${news.group}: ${news.records} sent back${news.exhausted > 0 ? `, ${news.exhausted} stay` : ''}`;
    case 'throttled':
      return `${news.group}-${news.partition.partition}: not called: ${news.error}`;
    case 'destination-failed':
      return `${news.group}: dead letters cannot be written: ${news.error}`;
    case 'unreadable':
      return `${news.group}-${news.partition.partition}: cannot read: ${news.error}`;
    case 'skipped':
      return `${news.group}-${news.partition.partition}: ${news.from} to ${news.to} were gone before they were given`;
    case 'crashed-before':
      return `${news.group}-${news.partition.partition}: ended without an answer before: its batch counts as failed`;
    case 'topic-missing':
      return `${news.group}: topic ${news.topic} is gone: nothing is given; delete the subscription, or make it again`;
    case 'subscription-unreadable':
      return `${news.group}: its options cannot be read here, and nothing is given: ${news.error}`;
    case 'released':
      return `${news.topic}-${news.partition.partition}: ${delayedText(news.records)} entered it`;
    case 'discarded':
      return `${news.topic} is gone: ${delayedText(news.records)} discarded`;
    case 'delays-failed':
      return `delayed records could not be released, and are tried again: ${news.error}`;
    case 'event-source-failed':
      return `the event source failed, and tries again: ${news.error}`;
    case 'log':
      return `  ${news.name} | ${news.line}`;
    case 'init-failed':
      return `${news.name}: cannot begin: ${news.error}`;
    case 'async-given-up':
      return `${news.name}: given up after all attempts: ${news.error}`;
    case 'reloaded':
      return `${news.name}: reloaded`;
    default:
      return null;
  }
}

/** Tells of jobs that failed; what they did otherwise, `maintenance status` tells. */
function maintenanceNews(context: CliContext, say: (text: string) => void): (runs: readonly JobRun[]) => void {
  return (runs) => {
    for (const { job, result } of runs) {
      if (result.outcome !== 'failed') continue;
      const news = { kind: 'maintenance', job, outcome: result.outcome, error: result.error.message };
      say(context.json ? `${toJson(news)}\n` : `maintenance: ${job} ${outcomeText(result)}\n`);
    }
  };
}
