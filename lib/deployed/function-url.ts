/** Requests as Lambda's function URLs and HTTP APIs hand them over (payload format 2.0). Source: "Invoking Lambda function URLs" in the Lambda developer guide. */
import type { HttpRequest, HttpResponse } from '../http/http-message.ts';

/** What is used of such an event. */
export interface FunctionUrlEvent {
  readonly rawPath: string;
  readonly rawQueryString?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
  readonly requestContext: {
    readonly http: { readonly method: string };
    readonly stage?: string;
    readonly authorizer?: EventAuthorizer;
  };
}

/** Who was let in: by a signature, by a token, or by a function. */
interface EventAuthorizer {
  /** A role's id and the name of a session, or the id of a user. */
  readonly iam?: { readonly userId?: string };
  readonly jwt?: { readonly claims?: { readonly iss?: string; readonly sub?: string } };
  /** The context that the function gave. What stands in it is its own affair, and may be another with each token: of use is what it calls the caller by. */
  readonly lambda?: { readonly principalId?: unknown } | null;
}

/** What is answered. */
export interface FunctionUrlAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: false;
}

/** The request of an event. */
export function requestOf({
  rawPath,
  rawQueryString = '',
  headers = {},
  body = '',
  isBase64Encoded = false,
  requestContext: { http, stage = '$default', authorizer = {} },
}: FunctionUrlEvent): HttpRequest {
  // An HTTP API puts the name of a stage before the path, if it has one.
  const prefix = `/${stage}/`;
  const path = stage !== '$default' && rawPath.startsWith(prefix) ? rawPath.slice(prefix.length - 1) : rawPath;
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    method: http.method,
    path,
    query: new URLSearchParams(rawQueryString),
    headers: Object.fromEntries(named) as HttpRequest['headers'],
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    caller: callerOf(authorizer),
  };
}

/** Sessions of a role are one caller: whoever asks again may be another process of the same program. */
function callerOf({ iam, jwt, lambda }: EventAuthorizer): string {
  const claims = jwt?.claims;
  const principal = lambda?.principalId;
  const byFunction = typeof principal === 'string' || typeof principal === 'number' ? [`${principal}`] : [];
  return JSON.stringify([iam?.userId?.split(':')[0] ?? '', claims?.iss ?? '', claims?.sub ?? '', ...byFunction]);
}

/** The answer to it. */
export function answerOf({ status, headers, body }: HttpResponse): FunctionUrlAnswer {
  return { statusCode: status, headers, body, isBase64Encoded: false };
}
