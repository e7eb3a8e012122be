import { MillraceError } from '../errors.ts';

/** Where a subscription begins; it counts when the subscription is made, later `millrace group seek` moves it. */
export class StartingPosition {
  /** At the oldest record: nothing is missed. */
  static readonly TRIM_HORIZON = new StartingPosition('TRIM_HORIZON');
  /** Behind the newest record as it is when the subscription is made. */
  static readonly LATEST = new StartingPosition('LATEST');

  /** At the first record that is not older. Throws INVALID_CONFIG for a date that is none. */
  static atTimestamp(time: Date): StartingPosition {
    const timestampMs = time.getTime();
    if (timestampMs >= 0) return new StartingPosition(JSON.stringify({ timestampMs: String(timestampMs) }));
    throw badPosition(String(time), 'Give a date since 1970.');
  }

  /** At this offset, the same in each partition. Throws INVALID_CONFIG for a fraction or what is below 0. */
  static atOffset(offset: bigint | number): StartingPosition {
    const isOffset = typeof offset === 'bigint' ? offset >= 0n : Number.isSafeInteger(offset) && offset >= 0;
    if (isOffset) return new StartingPosition(JSON.stringify({ offset: String(offset) }));
    throw badPosition(String(offset), 'Give an integer from 0; above 2^53 as a bigint.');
  }

  private constructor(text: string) {
    this.text = text;
  }

  /** As the custom resource takes it. */
  readonly text: string;
}

function badPosition(value: string, fix: string): MillraceError {
  return new MillraceError('INVALID_CONFIG', `startingPosition cannot be ${value}. ${fix}`, { value, hint: fix });
}
