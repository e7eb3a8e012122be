/**
 * Connection strings: `memory:`, `file:DIR`, `aws:?…`. What follows `?` is parameters, as in a URL.
 *
 * | string | store |
 * |---|---|
 * | `memory:` | in this process, gone with it |
 * | `file:DIR` | SQLite and files in a directory, relative to the working directory; `file:///path` works too |
 * | `file:DIR?sync=power` | every write waits for the disk; `sync=process` is the default |
 * | `file:DIR?readOnly=true` | writes are refused |
 * | `aws:?bucket=B&table=T` | S3 bucket B and DynamoDB tables T and T-groups; `groups` (another name for the latter), `prefix`, `region`, `endpoint` (an emulator's) and `delays=true` (a deployment that releases delayed records is there) are optional |
 */
import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';

/** A connection string, taken apart. */
export type ConnectionTarget =
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'file';
      readonly directory: string;
      readonly sync: 'process' | 'power';
      readonly readOnly: boolean;
    }
  | {
      readonly kind: 'aws';
      readonly bucket: string;
      readonly table: string;
      readonly groups: string | undefined;
      readonly prefix: string | undefined;
      readonly region: string | undefined;
      readonly endpoint: string | undefined;
      /** Whether somebody releases delayed records of this log. */
      readonly delays: boolean;
    };

const EXAMPLES =
  'memory: · file:.millrace · file:/var/lib/millrace?sync=power · aws:?bucket=my-log&table=my-log&region=eu-central-1';

const PARAMETERS = {
  memory: [],
  file: ['sync', 'readOnly'],
  aws: ['bucket', 'table', 'groups', 'prefix', 'region', 'endpoint', 'delays'],
} as const;

const SCHEME = /^([a-z0-9]+):/i;
const MAX_LENGTH = 4096;

type Kind = keyof typeof PARAMETERS;
type Parameters = Readonly<Record<string, string>>;

/** Takes a connection string apart. Throws INVALID_CONNECTION_STRING, with examples. */
export function parseConnectionString(text: string): ConnectionTarget {
  if (typeof text !== 'string') throw invalid(text, `a connection string is a text, not a ${typeof text}`);
  if (text.length > MAX_LENGTH) throw invalid(text.slice(0, 64), `longer than ${MAX_LENGTH} characters`);
  const kind = kindOf(text);
  const rest = text.slice(kind.length + 1);
  const mark = rest.indexOf('?');
  const path = mark < 0 ? rest : rest.slice(0, mark);
  const parameters = parametersOf(text, kind, mark < 0 ? '' : rest.slice(mark + 1));
  if (kind === 'file') return fileTarget(text, path, parameters);
  if (path !== '') throw invalid(text, `nothing may stand between "${kind}:" and "?"`);
  return kind === 'memory' ? { kind } : awsTarget(text, parameters);
}

function kindOf(text: string): Kind {
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme === undefined) throw invalid(text, 'it does not begin with memory:, file: or aws:');
  const known = Object.keys(PARAMETERS) as Kind[];
  const kind = known.find((name) => name === scheme);
  if (kind !== undefined) return kind;
  const nearest = nearestName(scheme, known);
  throw invalid(text, `there is no store "${scheme}:"${nearest === undefined ? '' : `; did you mean ${nearest}:`}`);
}

function parametersOf(text: string, kind: Kind, query: string): Parameters {
  const known: readonly string[] = PARAMETERS[kind];
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!known.includes(name)) {
      const nearest = nearestName(name, known);
      const guess = nearest === undefined ? '' : `; did you mean ${nearest}`;
      throw invalid(text, `${kind}: has no parameter "${name}"${guess}`);
    }
    if (Object.hasOwn(parameters, name)) throw invalid(text, `the parameter ${name} is there twice`);
    if (value === '') throw invalid(text, `the parameter ${name} is empty`);
    parameters[name] = value;
  }
  return parameters;
}

function fileTarget(
  text: string,
  path: string,
  { sync = 'process', readOnly = 'false' }: Parameters,
): ConnectionTarget {
  if (path.startsWith('//') && !path.startsWith('///'))
    throw invalid(text, 'a file store is on this machine: write file:///path');
  const directory = path.startsWith('///') ? path.slice(2) : path;
  if (directory === '') throw invalid(text, 'file: needs a directory');
  if (directory.includes('\0')) throw invalid(text, 'the directory holds a NUL character');
  if (sync !== 'process' && sync !== 'power') throw invalid(text, `sync is process or power, not ${sync}`);
  if (readOnly !== 'true' && readOnly !== 'false') throw invalid(text, `readOnly is true or false, not ${readOnly}`);
  return { kind: 'file', directory, sync, readOnly: readOnly === 'true' };
}

function awsTarget(text: string, parameters: Parameters): ConnectionTarget {
  const { bucket, table, groups, prefix, region, endpoint, delays = 'false' } = parameters;
  if (bucket === undefined) throw invalid(text, 'aws: needs a bucket');
  if (table === undefined) throw invalid(text, 'aws: needs a table');
  if (endpoint !== undefined && !/^https?:\/\/[^/]/.test(endpoint))
    throw invalid(text, `the endpoint ${endpoint} is no http or https URL`);
  if (delays !== 'true' && delays !== 'false') throw invalid(text, `delays is true or false, not ${delays}`);
  return { kind: 'aws', bucket, table, groups, prefix, region, endpoint, delays: delays === 'true' };
}

/** Whether somebody releases delayed records of it: on this machine everybody who has it open, on AWS a deployment, if there is one. */
export function releasesDelayed(target: ConnectionTarget): boolean {
  return target.kind !== 'aws' || target.delays;
}

function invalid(value: unknown, problem: string): MillraceError {
  const shown = typeof value === 'string' ? ` ${JSON.stringify(value.slice(0, 80))}` : '';
  return new MillraceError('INVALID_CONNECTION_STRING', `not a connection string:${shown} (${problem})`, {
    value,
    hint: `Examples: ${EXAMPLES}`,
  });
}
