/** `millrace gateway` */
import { systemClock as clock, systemRandom as random } from '../clock.ts';
import { changesOf } from '../connect/open-store.ts';
import type { MillraceError } from '../errors.ts';
import { startGateway } from '../gateway/gateway.ts';
import { aborted } from './aborted.ts';
import type { CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, toJson, write } from './cli-io.ts';
import { parseCount } from './parse-values.ts';

interface GatewayCliOptions {
  readonly host: string;
  readonly port: number;
  readonly advertise?: { readonly host: string; readonly port: number };
  readonly autoCreateTopics?: boolean;
  readonly partitions: number;
}

/** Kafka's. */
const DEFAULT_PORT = 9092;

const HELP = `
Clients written for Kafka connect to it as to a broker; see docs/kafka-clients.md for which ones and how to set them.
Several gateways may serve one store. Whoever can reach the port can read and write every topic: keep it in a private
network.`;

/** `HOST:PORT`; an IPv6 address in brackets. */
function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match !== null && port >= 1 && port <= 65_535) return { host: (match[1] ?? match[2])!, port };
  throw new UsageError(`${text} is no address`, 'For example: --advertise kafka.example.com:9092', text);
}

/** Adds `gateway`. */
export function addGatewayCommand(program: CliCommand, io: CliIo): void {
  program
    .command('gateway')
    .description('Serve the log to clients written for Kafka. Ends with Ctrl-C.')
    .option('--host <address>', 'address to listen at; 0.0.0.0 for all', '127.0.0.1')
    .option('--port <port>', 'port to listen at; 0: any that is free', parseCount('--port', 0), DEFAULT_PORT)
    .option('--advertise <host:port>', 'where clients reach it (default: where it listens)', parseAddress)
    .option('--auto-create-topics', 'make topics when clients first use them')
    .option('--partitions <count>', 'of topics that are made without a number', parseCount('--partitions', 1), 1)
    .addHelpText('after', HELP)
    .examples(
      'millrace gateway',
      "millrace --store 'aws:?bucket=my-log&table=my-log' gateway --host 0.0.0.0 --advertise kafka.internal:9092",
    )
    .action(
      action<[], GatewayCliOptions>(io, async (context, _, options) => {
        const interrupted = io.interrupts();
        await context.withEventSource(async ({ store }) => {
          const gateway = await startGateway({
            store,
            clock,
            random,
            changes: changesOf(store),
            host: options.host,
            port: options.port,
            advertised: options.advertise,
            autoCreateTopics: options.autoCreateTopics ?? false,
            partitionCount: options.partitions,
            onRefused: (clientHost, error) =>
              void write(io.stderr, refusedText(context.json, clientHost, error)).catch(() => {}),
          });
          const { host, port } = options.advertise ?? { host: options.host, port: gateway.port };
          const listens = `${options.host}:${gateway.port}`;
          await context.print({ kafka: `${host}:${port}`, listens, store: context.store }, () =>
            [`kafka    ${host}:${port}`, `listens  ${listens}`, `store    ${context.store}`].join('\n'),
          );
          await aborted(interrupted);
          await gateway.close();
        });
      }),
    );
}

function refusedText(json: boolean, clientHost: string, { code, message }: MillraceError): string {
  return json ? `${toJson({ client: clientHost, code, message })}\n` : `closed ${clientHost}: ${message} (${code})\n`;
}
