import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { ACCOUNT } from '../aws/server-process.ts';

/** A request to a function URL of an emulator, which has no names in the DNS: it knows the URL by the name that a request gives. */
export interface FunctionUrlRequest {
  readonly endpoint: string;
  readonly url: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Signed by the emulator's owner, as IAM asks for it. Default false. */
  readonly isSigned?: boolean;
}

/** Asks; resolves to the status, and to the JSON of the answer, or null where there is none. */
export function askFunctionUrl({
  endpoint,
  url,
  headers = {},
  body = '',
  isSigned = false,
  ...what
}: FunctionUrlRequest): Promise<{ readonly status: number; readonly json: unknown }> {
  const { hostname, port } = new URL(endpoint);
  const { host } = new URL(url);
  const signature = isSigned ? signatureOf({ ...what, host, body }) : {};
  const options = { hostname, port, ...what, headers: { ...headers, ...signature, host } };
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, async (response) => {
      let text = '';
      for await (const part of response) text += part;
      resolve({ status: response.statusCode!, json: text.startsWith('{') ? JSON.parse(text) : null });
    });
    request.on('error', reject).end(body);
  });
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** Headers that sign a request without a query. Source: "Create a signed AWS API request" in the IAM user guide. */
function signatureOf(what: { method: string; path: string; host: string; body: string }): Record<string, string> {
  const { method, path, host, body } = what;
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/us-east-1/lambda/aws4_request`;
  const canonical = [method, path, '', `host:${host}`, `x-amz-date:${time}`, '', 'host;x-amz-date', sha256(body)];
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical.join('\n'))].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${ACCOUNT.secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const credential = `Credential=${ACCOUNT.accessKeyId}/${scope}`;
  return {
    'x-amz-date': time,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  };
}
