import type { Random } from '../clock.ts';
import { decodeTopicId, TOPIC_ID_BYTES } from '../segment/topic-id.ts';

/** A random UUID in lower case (RFC 9562, version 4). */
export function freshUuid(random: Random): string {
  const bytes = random.bytes(TOPIC_ID_BYTES);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return decodeTopicId(bytes, 0);
}
