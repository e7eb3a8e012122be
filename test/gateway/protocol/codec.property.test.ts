import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../lib/errors.ts';
import { apis } from '../../../lib/gateway/protocol/apis.ts';
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  requestCodec,
  responseCodec,
} from '../../../lib/gateway/protocol/frames.ts';
import { WireReader } from '../../../lib/gateway/protocol/wire-reader.ts';
import { WireWriter } from '../../../lib/gateway/protocol/wire-writer.ts';
import { type AnyMessage, type MessageCase, messageArbitrary, messageCases } from './message-arbitrary.ts';

const cases = messageCases(apis);

function codecOfCase({ api, version, direction }: MessageCase) {
  return direction === 'request' ? requestCodec({ api, version }) : responseCodec({ api, version });
}

function encode(one: MessageCase, message: AnyMessage): Buffer {
  const writer = new WireWriter();
  codecOfCase(one).write(writer, message as never);
  const bytes = Buffer.concat(writer.pieces());
  expect(writer.byteCount).toBe(bytes.length);
  return bytes;
}

const arbitraryOf = ({ api, version, direction }: MessageCase) => messageArbitrary(api[direction], version);

/** Whatever is read, or the family's error; anything else is thrown on. */
function readOrRefuse(one: MessageCase, bytes: Uint8Array): 'read' | 'refused' {
  try {
    codecOfCase(one).read(new WireReader(bytes));
    return 'read';
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'INVALID_REQUEST') return 'refused';
    throw error;
  }
}

describe.each(cases)('$name', (one) => {
  it('reads back as it was written, to the last byte', () => {
    fc.assert(
      fc.property(arbitraryOf(one), (message) => {
        const bytes = encode(one, message);
        const reader = new WireReader(bytes);
        expect(isDeepStrictEqual(codecOfCase(one).read(reader), message)).toBe(true);
        expect(reader.remaining).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  it('is refused by name, or read, when its bytes are changed or cut off', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat());
    fc.assert(
      fc.property(arbitraryOf(one), change, (message, [at, byte, cut]) => {
        const bytes = encode(one, message);
        if (bytes.length === 0) return;
        expect(readOrRefuse(one, bytes.subarray(0, cut % bytes.length))).toMatch(/read|refused/);
        bytes[at % bytes.length] = byte;
        expect(readOrRefuse(one, bytes)).toMatch(/read|refused/);
      }),
      { numRuns: 12 },
    );
  });
});

describe('a message of any API', () => {
  it('of random bytes is read or refused, and no more', () => {
    const any = fc.constantFrom(...cases);
    fc.assert(
      fc.property(any, fc.uint8Array({ maxLength: 200 }), (one, bytes) => {
        expect(readOrRefuse(one, bytes)).toMatch(/read|refused/);
      }),
      { numRuns: 5_000 },
    );
  });

  it('that was cut off by one byte is refused, unless nothing of it was needed', () => {
    for (const one of cases) {
      const [message] = fc.sample(arbitraryOf(one), { numRuns: 1, seed: 7 });
      const bytes = encode(one, message!);
      if (bytes.length > 0) expect(readOrRefuse(one, bytes.subarray(0, -1)), one.name).toBe('refused');
    }
  });

  it('travels in a frame with its header', () => {
    const header = fc.record({
      correlationId: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      clientId: fc.option(fc.string({ unit: 'grapheme', maxLength: 60 })),
    });
    for (const one of cases) {
      const { api, version } = one;
      fc.assert(
        fc.property(header, arbitraryOf(one), ({ correlationId, clientId }, message) => {
          const isRequest = one.direction === 'request';
          const pieces = isRequest
            ? encodeRequest({ api, version }, { correlationId, clientId }, message as never)
            : encodeResponse({ api, version }, correlationId, message as never);
          const frame = Buffer.concat(pieces);
          expect(frame.readInt32BE(0)).toBe(frame.length - 4);
          if (isRequest) {
            const read = decodeRequest(api, frame.subarray(4));
            expect(read.header).toEqual({ apiKey: api.key, apiVersion: version, correlationId, clientId });
            expect(read.body).toEqual(message);
          } else {
            expect(decodeResponse({ api, version }, frame.subarray(4))).toEqual({ correlationId, body: message });
          }
        }),
        { numRuns: 2 },
      );
    }
  });
});
