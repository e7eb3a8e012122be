/**
 * Lines of a byte stream, without their `\n`, as bytes: what is piped in need not be UTF-8. The last line may lack its `\n`. Holds one line and
 * one read.
 */
export async function* readLines(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  let rest: Buffer[] = [];
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Uint8Array);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const piece = bytes.subarray(start, end);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      start = end + 1;
    }
    if (start < bytes.length) rest.push(bytes.subarray(start));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}
