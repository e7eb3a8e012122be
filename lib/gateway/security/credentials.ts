/** Who may connect: names and passwords, and what SCRAM keeps of them. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../clock.ts';
import { type ScramKeys, type ScramMechanism, scramKeys } from './scram.ts';

const SALT_BYTES = 16;

const digest = (text: string) => createHash('sha256').update(text).digest();

/** See the module comment. */
export class Credentials {
  readonly #passwords: ReadonlyMap<string, string>;
  readonly #random: Random;
  readonly #keys = new Map<string, ScramKeys>();
  /** Of users that there are not: they fail as slowly as a wrong password does. */
  readonly #nobody = new Map<ScramMechanism, ScramKeys>();
  readonly #saltKey: Uint8Array;

  constructor(passwords: ReadonlyMap<string, string>, random: Random) {
    this.#passwords = passwords;
    this.#random = random;
    this.#saltKey = random.bytes(32);
  }

  /** Whether it is the user's password. */
  matches(user: string, password: string): boolean {
    const expected = this.#passwords.get(user);
    const isEqual = timingSafeEqual(digest(password), digest(expected ?? ''));
    return expected !== undefined && isEqual;
  }

  /** The keys of a user, also of one that there is not: no password fits those. */
  keys(mechanism: ScramMechanism, user: string): ScramKeys {
    const password = this.#passwords.get(user);
    if (password === undefined) {
      const known =
        this.#nobody.get(mechanism) ?? this.#derive(mechanism, Buffer.from(this.#random.bytes(32)).toString('hex'));
      this.#nobody.set(mechanism, known);
      // One salt for all would tell who is none.
      return { ...known, salt: this.#saltOf(mechanism, user) };
    }
    const id = `${mechanism} ${user}`;
    const keys = this.#keys.get(id) ?? this.#derive(mechanism, password);
    this.#keys.set(id, keys);
    return keys;
  }

  /** As a user's, it is always the same. */
  #saltOf(mechanism: ScramMechanism, user: string): Uint8Array {
    return createHmac('sha256', this.#saltKey).update(`${mechanism} ${user}`).digest().subarray(0, SALT_BYTES);
  }

  #derive(mechanism: ScramMechanism, password: string): ScramKeys {
    return scramKeys(mechanism, password, this.#random.bytes(SALT_BYTES));
  }
}
