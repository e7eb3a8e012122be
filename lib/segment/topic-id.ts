/** Topic ids: UUIDs (RFC 9562), as lower-case text in memory and as 16 bytes in segments; both have the same order. */
import { MillraceError } from '../errors.ts';

/** Bytes of an encoded topic id. */
export const TOPIC_ID_BYTES = 16;

const TOPIC_ID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The 16 bytes of a topic id. Throws INVALID_REQUEST when the text is not a UUID in lower case. */
export function encodeTopicId(topicId: string): Uint8Array {
  if (typeof topicId !== 'string' || !TOPIC_ID_PATTERN.test(topicId)) {
    throw new MillraceError('INVALID_REQUEST', 'a topic id is a UUID in lower case', {
      value: topicId,
      hint: 'Take the id from the description of the topic.',
    });
  }
  return Uint8Array.from(Buffer.from(topicId.replaceAll('-', ''), 'hex'));
}

/** The topic id in the 16 bytes at `position`, which the caller has found to be there. */
export function decodeTopicId(bytes: Uint8Array, position: number): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset + position, TOPIC_ID_BYTES).toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join('-');
}
