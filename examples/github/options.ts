/** What `npm start -- …` takes. */
import { parseArgs } from 'node:util';
import { nearestName } from '../../lib/nearest-name.ts';

/** How the job is run. */
export interface JobOptions {
  /** Directory of the store. */
  readonly data: string;
  /** How often all deliveries are sent; 0 only reads and audits. */
  readonly rounds: number;
}

const DEFAULTS: JobOptions = { data: '.millrace', rounds: 120 };
const NAMES = ['data', 'rounds', 'help'];

const USAGE = `Usage: npm start -- [--rounds <count>] [--data <directory>]

  --rounds <count>    how often all deliveries are sent; 0 only reads and audits (default: ${DEFAULTS.rounds})
  --data <directory>  where the log is (default: ${DEFAULTS.data})
`;

/** Reads the options. Ends the process with exit code 2 when they are wrong, with 0 after `--help`. */
export function readOptions(args: readonly string[]): JobOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { data: { type: 'string' }, rounds: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    strict: false,
    allowPositionals: true,
  });
  const unknown = Object.keys(values).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, NAMES);
    refuse(`there is no option --${unknown}${nearest === undefined ? '' : `; did you mean --${nearest}?`}`);
  }
  if (positionals.length > 0) refuse(`${positionals[0]} is no option`);
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { data = DEFAULTS.data, rounds = String(DEFAULTS.rounds) } = values;
  if (typeof data !== 'string' || data === '') refuse('--data needs a directory');
  if (typeof rounds !== 'string' || !/^\d{1,6}$/.test(rounds))
    refuse(`--rounds needs a number from 0${rounds === true ? '' : `, not ${rounds}`}`);
  return { data, rounds: Number(rounds) };
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n\n${USAGE}`);
  process.exit(2);
}
