/** A function that says which records it has billed, and throws for those that begin with "bad". */
export const BILLING_FUNCTION = `export async function handler(event) {
  for (const record of Object.values(event.records).flat()) {
    const text = Buffer.from(record.value, 'base64').toString();
    if (text.startsWith('bad')) throw new RangeError('cannot bill ' + text);
    console.log('billed ' + text);
  }
}`;
