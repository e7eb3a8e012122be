import { MillraceError } from '../errors.ts';

/**
 * Lines of a byte stream, without their `\n`, as bytes: what is piped in need not be UTF-8, and a `\r` before the `\n` stays. The last line may lack its
 * `\n`, unless `signal` cut it off. Holds one line and one read. Ends when `signal` aborts. Throws MESSAGE_TOO_LARGE at a line of more than `maxBytes`.
 */
export async function* readLines(
  stream: AsyncIterable<Uint8Array | string> & { destroy(): unknown },
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const stop = () => stream.destroy();
  if (signal.aborted) return;
  signal.addEventListener('abort', stop, { once: true });
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk as Uint8Array);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        checkLength(restBytes + end - start, maxBytes);
        const piece = bytes.subarray(start, end);
        yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
        if (signal.aborted) return;
        rest = [];
        restBytes = 0;
        start = end + 1;
      }
      if (start < bytes.length) rest.push(bytes.subarray(start));
      restBytes += bytes.length - start;
      checkLength(restBytes, maxBytes);
    }
    if (rest.length > 0) yield Buffer.concat(rest);
  } catch (error) {
    // Destroying a stream that is being read ends the reading with an error; here it is what was wanted.
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function checkLength(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw new MillraceError('MESSAGE_TOO_LARGE', `the line is longer than the ${maxBytes} bytes that the topic allows`, {
    value: bytes,
    hint: 'Raise max.message.bytes of the topic, or store the payload elsewhere and send where it is.',
  });
}
