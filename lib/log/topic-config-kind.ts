/** The kinds of values that a topic's configuration holds: each reads its text form and says what it expects. */

/** Reads the text of a value; undefined when it is not one. `expects` says range, unit and an example. */
export interface ConfigKind<T> {
  readonly parse: (text: string) => T | undefined;
  readonly expects: string;
}

/** The largest value of Kafka's LONG. */
export const MAX_LONG = 2n ** 63n - 1n;

/** At most the digits of a LONG, so that nothing hostile is converted. */
const INTEGER_PATTERN = /^-?\d{1,19}$/;
const DECIMAL_PATTERN = /^\d{1,3}(\.\d{1,20})?$/;

interface IntegerRange<T> {
  readonly min: T;
  readonly max: T;
  readonly unit: 'milliseconds' | 'bytes';
  /** What the reader may take from: "604800000 for 7 days". */
  readonly example: string;
  /** What a special value means: "-1 for no limit". */
  readonly special?: string;
}

function expectsInteger({ min, max, unit, example, special }: IntegerRange<bigint | number>): string {
  const meaning = special === undefined ? '' : ` (${special})`;
  return `an integer from ${min} to ${max}, in ${unit}${meaning}, for example ${example}`;
}

/** An integer of 64 bits. */
export function longKind(range: IntegerRange<bigint>): ConfigKind<bigint> {
  return {
    expects: expectsInteger(range),
    parse(text) {
      if (!INTEGER_PATTERN.test(text)) return undefined;
      const value = BigInt(text);
      return value >= range.min && value <= range.max ? value : undefined;
    },
  };
}

/** An integer that counts bytes of one thing in memory. */
export function countKind(range: IntegerRange<number>): ConfigKind<number> {
  return {
    expects: expectsInteger(range),
    parse(text) {
      if (!INTEGER_PATTERN.test(text)) return undefined;
      const value = Number(text);
      return value >= range.min && value <= range.max ? value : undefined;
    },
  };
}

/** A share of one. */
export function ratioKind(example: string): ConfigKind<number> {
  return {
    expects: `a number from 0 to 1, a share without a unit, for example ${example}`,
    parse(text) {
      if (!DECIMAL_PATTERN.test(text)) return undefined;
      const value = Number(text);
      return value <= 1 ? value : undefined;
    },
  };
}

/** One of a few words; `words` maps each to its value. */
export function choiceKind<T>(words: Readonly<Record<string, T>>): ConfigKind<T> {
  const names = Object.keys(words);
  return {
    expects: `one of ${names.join(', ')}`,
    parse: (text) => (Object.hasOwn(words, text) ? words[text] : undefined),
  };
}

/** Some of a few words, each once, joined by commas. */
export function setKind<T extends string>(words: readonly T[], example: string): ConfigKind<readonly T[]> {
  return {
    expects: `one or more of ${words.join(', ')}, joined by commas, for example ${example}`,
    parse(text) {
      const chosen = text.split(/, ?/);
      const known = words.filter((word) => chosen.includes(word));
      return known.length === chosen.length ? known : undefined;
    },
  };
}
