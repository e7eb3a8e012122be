/** The port to functions. */

/** What came of a call. */
export type InvokeAnswer =
  /** It returned: JSON, or '' for nothing. */
  | { readonly kind: 'returned'; readonly payload: string }
  /** It threw, ran out of time or memory, or its process ended. */
  | { readonly kind: 'failed'; readonly errorType: string; readonly errorMessage: string; readonly stack: string }
  /** It was not called: too many calls run. */
  | { readonly kind: 'throttled' }
  /** It was not called: there is none of that name, or it cannot be called. */
  | { readonly kind: 'missing'; readonly error: string };

/** Calls functions. */
export interface FunctionInvoker {
  /** Calls a function and waits for what it returns. Throws `UnansweredError` when the call may have been made but nothing came back. */
  invoke(target: string, payload: string): Promise<InvokeAnswer>;
}
