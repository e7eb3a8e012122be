/** A request of HTTP, as whatever serves it hands it over. */
export interface HttpRequest {
  readonly method: string;
  /** As it was sent, without the query: escapes are still there. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** Who asks, as far as whoever serves it knows; the same for all that one may ask by. Default: nobody knows. */
  readonly caller?: string;
}

/** Its answer; the body is JSON. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Offsets and times as numbers while those are exact, else as texts. */
function exact(_: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : `${value}`;
}

/** An answer of JSON that nobody keeps. */
export function jsonResponse(
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const own = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { status, headers: { ...own, ...headers }, body: JSON.stringify(body, exact) };
}
