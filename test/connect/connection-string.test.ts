import { describe, expect, it } from 'vitest';
import { parseConnectionString } from '../../lib/connect/connection-string.ts';
import { MillraceError } from '../../lib/errors.ts';

const problem = (text: unknown): MillraceError => {
  try {
    parseConnectionString(text as string);
  } catch (error) {
    if (error instanceof MillraceError) return error;
    throw error;
  }
  throw new Error(`accepted: ${String(text)}`);
};
const file = { kind: 'file', sync: 'process', readOnly: false };
const none = { prefix: undefined, region: undefined, endpoint: undefined, delays: false };
const aws = { kind: 'aws', bucket: 'b', table: 't', ...none };

describe('a connection string', () => {
  it.each([
    ['memory:', { kind: 'memory' }],
    ['file:.millrace', { ...file, directory: '.millrace' }],
    ['file:/var/lib/m', { ...file, directory: '/var/lib/m' }],
    ['file:///var/lib/m', { ...file, directory: '/var/lib/m' }],
    ['file:a b/ü', { ...file, directory: 'a b/ü' }],
    ['file:x?sync=power', { ...file, directory: 'x', sync: 'power' }],
    ['file:x?sync=process&readOnly=true', { ...file, directory: 'x', readOnly: true }],
    ['aws:?bucket=b&table=t', aws],
    [
      'aws:?bucket=b&table=t&prefix=p/q&region=eu-central-1&endpoint=http://127.0.0.1:4566',
      { ...aws, prefix: 'p/q', region: 'eu-central-1', endpoint: 'http://127.0.0.1:4566' },
    ],
    ['aws:?bucket=b&table=t&endpoint=http%3A%2F%2Flocalhost%3A1', { ...aws, endpoint: 'http://localhost:1' }],
  ])('%s is understood', (text, target) => {
    expect(parseConnectionString(text)).toEqual(target);
  });

  it.each([
    ['', 'does not begin'],
    ['.millrace', 'does not begin'],
    ['/var/lib', 'does not begin'],
    ['memroy:', 'did you mean memory:'],
    ['FILE:x', 'did you mean file:'],
    ['s3:bucket', 'no store "s3:"'],
    ['memory:x', 'nothing may stand'],
    ['memory:?sync=power', 'no parameter "sync"'],
    ['file:', 'needs a directory'],
    ['file:?sync=power', 'needs a directory'],
    ['file://host/path', 'file:///path'],
    ['file:a\0b', 'NUL'],
    ['file:x?snyc=power', 'did you mean sync'],
    ['file:x?sync=always', 'process or power'],
    ['file:x?sync=', 'is empty'],
    ['file:x?sync=power&sync=power', 'twice'],
    ['file:x?readOnly=yes', 'true or false'],
    ['aws:', 'needs a bucket'],
    ['aws:?table=t', 'needs a bucket'],
    ['aws:?bucket=b', 'needs a table'],
    ['aws:bucket', 'nothing may stand'],
    ['aws:?bucket=b&table=t&endpoint=localhost', 'no http or https URL'],
    ['aws:?bucket=b&table=t&regoin=x', 'did you mean region'],
    ['x'.repeat(5000), 'longer than'],
    [undefined, 'not a undefined'],
    [5, 'not a number'],
  ])('%j is refused, with examples', (text, message) => {
    const error = problem(text);
    expect(error.code).toBe('INVALID_CONNECTION_STRING');
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(400);
    expect(error.hint).toContain('file:.millrace');
  });
});
