/** Functions that do what functions should not, as the text of a module. */
export const MISBEHAVING_FUNCTIONS = `
const valuesOf = (event) => Object.values(event.records).flat().map((record) => Buffer.from(record.value, 'base64').toString());

export async function throws() { throw new RangeError('no such account'); }
export async function hangs() { await new Promise((resolve) => setTimeout(resolve, 3_600_000)); }
export async function spins() { for (;;) Math.sqrt(2); }
export async function exits() { process.exit(7); }
export async function nonsense() { return 'all is well'; }
export async function strangers() { return { batchItemFailures: [{ itemIdentifier: { partition: 'elsewhere-0', offset: 99 } }] }; }
export async function large() { return 'x'.repeat(7 * 1024 * 1024); }
export async function poisoned(event) {
  const values = valuesOf(event);
  if (values.includes('poison')) process.exit(9);
  for (const value of values) console.log('handled ' + value);
}
export async function works(event) {
  for (const value of valuesOf(event)) console.log('handled ' + value);
}
`;
