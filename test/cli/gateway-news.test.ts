import { describe, expect, it } from 'vitest';
import { failureText, refusedText, storeText } from '../../lib/cli/gateway-news.ts';
import { MillraceError } from '../../lib/errors.ts';

const error = new MillraceError('CREDENTIALS_EXPIRED', 'Query on log-groups: the token is expired', {
  hint: 'Renew it.',
});

describe('a gateway tells', () => {
  it('why the store does not answer, with the way out, and that it does again', () => {
    expect(storeText(false, error)).toBe(
      'the store fails: Query on log-groups: the token is expired (CREDENTIALS_EXPIRED). Renew it.\n',
    );
    expect(storeText(false, null)).toBe('the store answers again\n');
    const { code, message, hint } = error;
    expect(JSON.parse(storeText(true, error))).toEqual({ store: 'fails', code, message, hint });
    expect(JSON.parse(storeText(true, null))).toEqual({ store: 'answers' });
  });

  it('who was sent away for what', () => {
    expect(refusedText(false, '::1', error)).toBe(`closed ::1: ${error.message} (CREDENTIALS_EXPIRED)\n`);
    expect(JSON.parse(refusedText(true, '::1', error))).toEqual({
      client: '::1',
      code: error.code,
      message: error.message,
    });
  });

  it('tells of requests that fail, and how many have', () => {
    const error = new MillraceError('OBJECT_MISSING', 'it is gone', { hint: 'Restore it.' });
    expect(failureText(false, error, 0)).toBe('a request fails: it is gone (OBJECT_MISSING). Restore it.\n');
    expect(failureText(false, error, 7)).toBe(
      'a request fails, and 7 more in between: it is gone (OBJECT_MISSING). Restore it.\n',
    );
    expect(JSON.parse(failureText(true, error, 7))).toMatchObject({
      requests: 'fail',
      code: 'OBJECT_MISSING',
      untoldCount: 7,
    });
  });
});
