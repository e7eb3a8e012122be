import { MillraceError } from '../errors.ts';

/** What a hint can add on a command line: pure. */
function wayOut({ code, value }: MillraceError, store: string, isFromEnvironment: boolean): string | null {
  const origin = isFromEnvironment ? 'MILLRACE_STORE' : '--store';
  switch (code) {
    case 'INVALID_CONNECTION_STRING':
      return isFromEnvironment ? 'It comes from MILLRACE_STORE.' : null;
    case 'UNKNOWN_TOPIC_OR_PARTITION':
      // With a partition as value, the topic was found.
      return typeof value === 'string'
        ? `This is the store ${store}; --store or MILLRACE_STORE names another, topic list shows what is in it.`
        : null;
    case 'OFFSET_OUT_OF_RANGE':
      return 'topic describe shows the offsets of each partition.';
    case 'STORE_READ_ONLY':
      return store.startsWith('file:') && !store.includes('readOnly=')
        ? `Reading alone works with ${origin} '${store}${store.includes('?') ? '&' : '?'}readOnly=true'.`
        : null;
    default:
      return null;
  }
}

/** The same error, its hint with what can be done on the command line; anything but Millrace's errors as it is. */
export function explainError(error: unknown, store: string, isFromEnvironment: boolean): unknown {
  if (!(error instanceof MillraceError)) return error;
  const added = wayOut(error, store, isFromEnvironment);
  if (added === null) return error;
  const { code, message, value, hint, retriable } = error;
  return new MillraceError(code, message, {
    value,
    hint: hint === undefined ? added : `${hint} ${added}`,
    retriable,
    cause: error,
  });
}
