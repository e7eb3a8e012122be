/** Errors that never come over the wire; those that do are in `s3-errors.test.ts` and `dynamo-errors.test.ts`. */
import { describe, expect, it } from 'vitest';
import { type AwsRequest, awsError } from '../../lib/aws/aws-errors.ts';
import { S3_MEANINGS } from '../../lib/aws/s3-error-meanings.ts';
import { MillraceError, UnansweredError } from '../../lib/errors.ts';

const write: AwsRequest = {
  operation: 'PutObject',
  effect: 'write',
  meanings: S3_MEANINGS,
  container: 'b',
  value: 'k',
};
const thrown = (fields: object, message = 'why') => Object.assign(new Error(message), fields);

describe('an error without an answer', () => {
  it.each([
    ['CredentialsProviderError', 'Could not load credentials from any providers', 'ACCESS_DENIED'],
    ['CredentialsProviderError', 'The SSO session has expired', 'CREDENTIALS_EXPIRED'],
    ['TokenProviderError', "Token is expired. To refresh this SSO session run 'aws sso login'", 'CREDENTIALS_EXPIRED'],
    ['EndpointError', 'Bucket name must not contain spaces', 'INVALID_REQUEST'],
  ])('of the SDK itself means that nothing was sent: %s, %s', (name, message, code) => {
    const error = awsError(thrown({ name }, message), write);
    expect(error).toMatchObject({ code, retriable: false, value: 'k' });
  });

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])(
    'of a connection that was never made may be tried again: %s',
    (code) => {
      const error = awsError(thrown({ code }), write);
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
      expect(error).not.toBeInstanceOf(UnansweredError);
    },
  );

  it.each([
    'CERT_HAS_EXPIRED',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
  ])('of a certificate will come again: %s', (code) => {
    expect(awsError(thrown({ code }), write)).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: false });
  });

  it.each([
    { code: 'ECONNRESET', name: 'TimeoutError' },
    { code: 'EPIPE' },
    { name: 'AbortError' },
    { name: 'TimeoutError' },
    {},
  ])('of any other kind leaves it open: %j', (fields) => {
    const cause = thrown(fields);
    const error = awsError(cause, write);
    expect(error).toBeInstanceOf(UnansweredError);
    expect(error.cause).toBe(cause);
  });

  it('that is no error at all leaves it open too', () => {
    expect(awsError('why', write)).toBeInstanceOf(UnansweredError);
  });

  it('of Millrace stays as it is', () => {
    const error = new MillraceError('CLOSED', 'closed');
    expect(awsError(error, write)).toBe(error);
  });
});

describe('an error with an answer', () => {
  // A network that cut the answer to a refused commit made it a wrong request, which ended everything that was sent to the partition with an error that nobody can do anything about.
  it.each(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'])(
    'whose body broke off leaves it open, whatever its status: %s',
    (code) => {
      const $metadata = { httpStatusCode: 400, attempts: 1 };
      const error = awsError(thrown({ name: 'Error', code, $metadata }), write);
      expect(error).toBeInstanceOf(UnansweredError);
      expect(error.message).toContain('was answered in part');
    },
  );

  it('after which the SDK has corrected its clock may be tried again', () => {
    const $metadata = { httpStatusCode: 403, clockSkewCorrected: true };
    const error = awsError(thrown({ name: 'RequestTimeTooSkewed', $metadata }), write);
    expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE', retriable: true });
  });

  it('tells operation, bucket, code and text', () => {
    const { message } = awsError(thrown({ name: 'SlowDown', $metadata: { httpStatusCode: 503 } }), write);
    expect(message).toBe('PutObject on b: SlowDown: why');
  });
});
