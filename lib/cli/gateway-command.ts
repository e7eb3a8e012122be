/** `millrace gateway` */
import { readFileSync } from 'node:fs';
import { systemClock as clock, systemRandom as random } from '../clock.ts';
import { changesOf } from '../connect/open-store.ts';
import { MillraceError } from '../errors.ts';
import { startGateway } from '../gateway/gateway.ts';
import { limits } from '../limits.ts';
import { aborted } from './aborted.ts';
import type { CliCommand } from './cli-command.ts';
import { action } from './cli-context.ts';
import { UsageError } from './cli-errors.ts';
import { type CliIo, write } from './cli-io.ts';
import { failureText, refusedText, storeText } from './gateway-news.ts';
import { parseCount, parsePort } from './parse-values.ts';

interface GatewayCliOptions {
  readonly host: string;
  readonly port: number;
  readonly advertise?: { readonly host: string; readonly port: number };
  readonly autoCreateTopics?: boolean;
  readonly partitions: number;
  readonly users?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Kafka's. */
const DEFAULT_PORT = 9092;

const HELP = `
Clients written for Kafka connect to it as to a broker; see docs/kafka-clients.md for which ones and how to set them.
Several gateways may serve one store. Without --users, whoever can reach the port can read and write every topic: keep
it in a private network. With --users, use --tls-cert too, or passwords of PLAIN can be read on the way.
What the files of --users, --tls-cert and --tls-key hold may stand in the variables MILLRACE_GATEWAY_USERS,
MILLRACE_GATEWAY_TLS_CERT and MILLRACE_GATEWAY_TLS_KEY instead, as containers are given secrets.`;

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
    .option('--port <port>', 'port to listen at; 0: any that is free', parsePort('--port'), DEFAULT_PORT)
    .option('--advertise <host:port>', 'where clients reach it (default: where it listens)', parseAddress)
    .option('--auto-create-topics', 'make topics when clients first use them')
    .option(
      '--partitions <count>',
      'of topics that are made without a number',
      parseCount('--partitions', 1, limits.partitionsPerTopic),
      1,
    )
    .option('--users <file>', 'who may connect: a line name:password for each; clients use SASL PLAIN or SCRAM')
    .option('--tls-cert <file>', 'encrypt connections by this certificate chain (PEM)')
    .option('--tls-key <file>', 'its private key (PEM)')
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
            ...securityOf(options, io.env),
            onRefused: (clientHost, error) =>
              void write(io.stderr, refusedText(context.json, clientHost, error)).catch(() => {}),
            onStore: (error) => void write(io.stderr, storeText(context.json, error)).catch(() => {}),
            onFailure: (error, untold) =>
              void write(io.stderr, failureText(context.json, error, untold)).catch(() => {}),
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

function securityOf({ users, tlsCert, tlsKey }: GatewayCliOptions, env: CliIo['env']) {
  const passwords = secretOf(users, env, 'MILLRACE_GATEWAY_USERS');
  const cert = secretOf(tlsCert, env, 'MILLRACE_GATEWAY_TLS_CERT');
  const key = secretOf(tlsKey, env, 'MILLRACE_GATEWAY_TLS_KEY');
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('a certificate and its key belong together', 'Give both --tls-cert and --tls-key.');
  }
  return {
    users: passwords && parseUsers(passwords),
    tls: cert && key && { cert: cert.text, key: key.text },
  };
}

/** What a file holds, or else a variable. */
interface GatewaySecret {
  /** Where it is from. */
  readonly name: string;
  readonly text: string;
}

function secretOf(path: string | undefined, env: CliIo['env'], variable: string): GatewaySecret | undefined {
  if (path !== undefined) return { name: path, text: readGiven(path) };
  const text = env[variable];
  return text === undefined || text === '' ? undefined : { name: variable, text };
}

function readGiven(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MillraceError('INVALID_CONFIG', `${path} cannot be read`, {
      value: path,
      hint: 'Name a file that is there.',
      cause,
    });
  }
}

/** Lines `name:password`; empty ones and those that begin with # are passed by. */
function parseUsers({ name, text }: GatewaySecret): ReadonlyMap<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const users = new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  const isGood = users.size > 0 && lines.every((line) => /^[^:]+:./.test(line));
  if (isGood && users.size === lines.length) return users;
  if (isGood) {
    throw new MillraceError('INVALID_CONFIG', `${name} names a user twice`, {
      value: name,
      hint: 'Give each user one line: which password was meant is not known.',
    });
  }
  throw new MillraceError('INVALID_CONFIG', `${name} does not name users and their passwords`, {
    value: name,
    hint: 'Write a line for each, for example ada:a-long-password.',
  });
}
