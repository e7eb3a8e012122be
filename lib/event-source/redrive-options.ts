import { MillraceError } from '../errors.ts';
import { checkOptions, type OptionSchema } from '../log/check-options.ts';
import { parseSchedule } from './redrive-schedule.ts';

/** How dead letters go back to their function by themselves. */
export interface RedriveOptions {
  /** `rate(5 minutes)`, or `cron(0 9 ? * MON-FRI *)` in UTC, see `redrive-schedule.ts`. */
  readonly schedule: string;
  /** Records a second, 0.001 to 10,000. Default 10. */
  readonly rate: number;
  /** Those that were sent back so often stay, by whomever they were sent, 1 to 100. Default 3. */
  readonly maxAttempts: number;
}

/** So often a dead letter is sent back unless something else is said, so that nothing goes round for ever. */
export const DEFAULT_MAX_REDRIVES = 3;

const DEFAULT_RATE = 10;
const RATE = { least: 0.001, most: 10_000 };

const SCHEMA: OptionSchema<RedriveOptions> = {
  schedule: { checkedElsewhere: true },
  rate: { numberAbove: 0 },
  maxAttempts: { integerFrom: 1, to: 100 },
};

/** Checks them and fills in the defaults; null: they do not go back. Throws INVALID_CONFIG. */
export function redriveOptions(given: unknown): RedriveOptions | null {
  if (given === null || given === undefined) return null;
  const set = checkOptions(
    'redrive',
    given as Partial<RedriveOptions>,
    SCHEMA as OptionSchema<Partial<RedriveOptions>>,
  );
  const options = { rate: DEFAULT_RATE, maxAttempts: DEFAULT_MAX_REDRIVES, ...set } as RedriveOptions;
  parseSchedule(options.schedule);
  const { rate } = options;
  if (rate >= RATE.least && rate <= RATE.most) return options;
  throw new MillraceError('INVALID_CONFIG', `the option rate of a redrive cannot be ${rate}`, {
    value: rate,
    hint: `Give ${RATE.least} to ${RATE.most} records a second.`,
  });
}

/** The options as what was found out by them remembers them: by others it has to be found out again. */
export function redrivePlan(options: RedriveOptions | null): string {
  return options === null ? '' : `${options.schedule} ${options.maxAttempts}`;
}
