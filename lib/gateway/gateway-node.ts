/**
 * A gateway as others know it: who it is, where its clients reach it, and that it lives.
 *
 * Key: `G#\u{1}gateways` / `M#<node id>|<host>|<port>|<rack>|<uuid>`, each part percent-encoded: a heartbeat as that of a member of a group, in a group that no name can be. Made when the gateway
 * starts, removed when it stops or is taken for dead.
 */
import type { Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import { freshUuid } from '../log/fresh-uuid.ts';

/** Where a gateway is reached. */
export interface GatewayAddress {
  readonly host: string;
  readonly port: number;
  /** Availability zone; null when nobody said. */
  readonly rack: string | null;
}

/** See the module comment. */
export interface GatewayNode extends GatewayAddress {
  /** Kafka's broker id: positive, drawn by lot for each life. */
  readonly nodeId: number;
  /** The whole text, which is different for each life. */
  readonly id: string;
}

/** The name under which gateways beat. No group can have it: names have no control characters. */
export const GATEWAYS = '\u{1}gateways';

/** Kafka's clients keep ids near the largest i32 for coordinators. */
const NODE_IDS = 2 ** 30;

/** A gateway that begins to live. */
export function freshGatewayNode(random: Random, address: GatewayAddress): GatewayNode {
  const bytes = random.bytes(4);
  const nodeId = 1 + (new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) % (NODE_IDS - 1));
  const { host, port, rack } = address;
  const parts = [nodeId, host, port, rack ?? '', freshUuid(random)];
  const id = parts.map((part) => encodeURIComponent(part)).join('|');
  if (id.length <= 900) return { host, port, rack, nodeId, id };
  throw new MillraceError('INVALID_CONFIG', 'the advertised address of the gateway is too long', {
    value: host,
    hint: 'Advertise a host name of at most 253 characters.',
  });
}

/** A gateway from its text; null for what is none. */
export function parseGatewayNode(id: string): GatewayNode | null {
  const [nodeId, host, port, rack, uuid] = id.split('|').map(decodeURIComponent);
  const numbers = [Number(nodeId), Number(port)] as const;
  if (uuid === undefined || !numbers.every((number) => Number.isInteger(number) && number > 0)) return null;
  return { nodeId: numbers[0], host: host!, port: numbers[1], rack: rack === '' ? null : rack!, id };
}
