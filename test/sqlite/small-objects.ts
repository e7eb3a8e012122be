/** What processes put, and how `processes.test.ts` knows it. */

/** Packs of some ten objects, written anew when half of them is gone. */
export const SMALL_PACKS = { packBytes: 20_000, wasteBytes: 5000 };

/** The bytes of an object, of which its key tells all. */
export function smallObject(key: string): Uint8Array {
  const number = [...key].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 65_521, 7);
  return Uint8Array.from({ length: number % 4000 }, (_, at) => number + at);
}
