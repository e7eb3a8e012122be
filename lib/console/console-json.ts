/** JSON as the page reads it: offsets as numbers while they are exact, else as text; bytes as text. */

const decoder = new TextDecoder('utf-8', { fatal: true });

/** One value. */
export function consoleJson(value: unknown): string {
  return JSON.stringify(value, (_, field) => {
    if (typeof field !== 'bigint') return field;
    const number = Number(field);
    return Number.isSafeInteger(number) ? number : `${field}`;
  });
}

/** Bytes as text if they are UTF-8, else in hexadecimal; null for null. */
export function shownBytes(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return `0x${Buffer.from(bytes).toString('hex')}`;
  }
}
