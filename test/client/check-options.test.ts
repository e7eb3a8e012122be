import { describe, expect, it } from 'vitest';
import { checkProducerOptions, type ProducerOptions } from '../../lib/client/producer-options.ts';
import { checkReaderOptions, type ReaderOptions } from '../../lib/client/reader-options.ts';

const problem = (check: () => unknown): unknown => {
  try {
    return check();
  } catch (error) {
    return error;
  }
};
const producer = (options: object) => problem(() => checkProducerOptions(options as ProducerOptions));
const reader = (options: object) => problem(() => checkReaderOptions(options as ReaderOptions));

describe('options', () => {
  it('have defaults', () => {
    expect(checkProducerOptions()).toMatchObject({ acks: 'all', lingerMs: 0, batchBytes: 131072 });
    expect(checkReaderOptions({ stopAtEnd: true })).toMatchObject({ stopAtEnd: true, outOfRange: 'error' });
  });

  it('that are undefined are absent', () => {
    expect(producer({ lingerMs: undefined })).toEqual(checkProducerOptions());
  });

  it('that nobody knows are told with the nearest known one', () => {
    expect(producer({ lingerMS: 5 })).toMatchObject({
      code: 'INVALID_CONFIG',
      hint: expect.stringContaining('Did you mean lingerMs?'),
    });
    expect(reader({ stopAtEnds: true })).toMatchObject({ hint: expect.stringContaining('Did you mean stopAtEnd?') });
    expect(reader({ constructor: 1 })).toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it.each([
    { acks: -1 },
    { acks: '1' },
    { batchBytes: 0 },
    { lingerMs: -1 },
    { lingerMs: 1.5 },
    { lingerMs: Number.NaN },
    { lingerMs: '5' },
    { compression: 'brotli' },
    { compressionLevel: 23 },
    { bufferMemoryBytes: 1 },
    { maxFlushesPerSecond: 0 },
    { maxFlushesPerSecond: Number.NaN },
  ])('out of range are refused: %o', (options) => {
    expect(producer(options)).toMatchObject({ code: 'INVALID_CONFIG', hint: expect.stringContaining('Give ') });
  });

  it('that do not go together are told before anything is sent', () => {
    // A level without a compression was noticed by the first batch only, inside the client: the record's promise never settled, and an unhandled rejection ended
    // the process.
    for (const options of [
      { compressionLevel: 5 },
      { compression: 'gzip', compressionLevel: 12 },
      { compression: 'lz4', compressionLevel: 1 },
    ] as const) {
      expect(producer(options)).toMatchObject({ code: 'INVALID_CONFIG', value: options.compressionLevel });
    }
    expect(producer({ compression: 'zstd', compressionLevel: 22 })).toMatchObject({ compressionLevel: 22 });
  });

  it('are an object', () => {
    expect(producer(null as unknown as object)).toMatchObject({ code: 'INVALID_CONFIG' });
  });
});
