/** Bytes of an object. */
export interface ObjectRange {
  readonly key: string;
  readonly position: number;
  readonly lengthBytes: number;
}

/** A GET that whoever has it may make until it expires, for these bytes and no others; `headers` have to be sent as they are. */
export interface RangeLink {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Lets bytes of objects be read by those who have no right to the store. */
export interface RangeLinks {
  /** Nothing is sent: whether the object is there shows when the link is used. Throws ACCESS_DENIED without credentials. */
  link(range: ObjectRange, options: { readonly expiresSeconds: number }): Promise<RangeLink>;
}
