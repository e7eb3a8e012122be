/** What `millrace gateway` tells who watches it, a line each. */
import type { MillraceError } from '../errors.ts';
import { toJson } from './cli-io.ts';

/** Clients are told by codes alone, and what is wrong with the store is the business of who runs the gateway. */
export function storeText(json: boolean, error: MillraceError | null): string {
  if (error === null) return json ? `${toJson({ store: 'answers' })}\n` : 'the store answers again\n';
  const { code, message, hint } = error;
  if (json) return `${toJson({ store: 'fails', code, message, hint })}\n`;
  return `the store fails: ${message} (${code})${hint === undefined ? '' : `. ${hint}`}\n`;
}

/** Requests for records fail; `untoldCount` of them have done so by the same error since it was told last. */
export function failureText(json: boolean, { code, message, hint }: MillraceError, untoldCount: number): string {
  if (json) return `${toJson({ requests: 'fail', code, message, hint, untoldCount })}\n`;
  const more = untoldCount > 0 ? `, and ${untoldCount} more in between` : '';
  return `a request fails${more}: ${message} (${code})${hint === undefined ? '' : `. ${hint}`}\n`;
}

/** A connection was ended for what it sent. */
export function refusedText(json: boolean, clientHost: string, { code, message }: MillraceError): string {
  return json ? `${toJson({ client: clientHost, code, message })}\n` : `closed ${clientHost}: ${message} (${code})\n`;
}
