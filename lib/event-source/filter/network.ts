/** IP networks in CIDR notation: `10.0.0.0/24`, `2001:db8::/32`. */

interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** Whether an address is within a network; null when `text` is no network. A network without a length is one address. */
export function parseNetwork(text: string): ((address: string) => boolean) | null {
  const [base, lengthText, ...rest] = text.split('/');
  const network = parseAddress(base!);
  if (network === null || rest.length > 0) return null;
  const length = lengthText === undefined ? network.width : Number(lengthText);
  if (!/^\d{1,3}$/.test(lengthText ?? '0') || length > network.width) return null;
  const shift = BigInt(network.width - length);
  return (candidate) => {
    const address = parseAddress(candidate);
    return address !== null && address.width === network.width && address.bits >> shift === network.bits >> shift;
  };
}

function parseAddress(text: string): Address | null {
  if (!text.includes(':')) {
    const bits = parseV4(text);
    return bits === null ? null : { bits, width: 32 };
  }
  const bits = parseV6(text);
  return bits === null ? null : { bits, width: 128 };
}

function parseV4(text: string): bigint | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  const bytes = match?.slice(1).map(Number) ?? [];
  if (bytes.length !== 4 || bytes.some((byte) => byte > 255)) return null;
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

const GROUPS = 8;

function parseV6(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [before, after] = halves.map(groupsOf);
  if (!before || after === null) return null;
  const missing = GROUPS - before.length - (after?.length ?? 0);
  if (after === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...before, ...new Array<bigint>(missing).fill(0n), ...(after ?? [])];
  return groups.reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** The 16-bit groups of a half; the last one may be written as an IPv4 address. */
function groupsOf(half: string): bigint[] | null {
  if (half === '') return [];
  const groups: bigint[] = [];
  for (const part of half.split(':')) {
    const v4 = part.includes('.') ? parseV4(part) : null;
    if (v4 !== null) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return null;
  }
  return groups;
}
