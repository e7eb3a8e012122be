import { MillraceError } from '../errors.ts';

/** A MESSAGE_TOO_LARGE for records that would decompress to more than `maxBytes`. */
export function tooLarge(maxBytes: number): MillraceError {
  return new MillraceError('MESSAGE_TOO_LARGE', `The records decompress to more than ${maxBytes} bytes`, {
    value: maxBytes,
    hint: 'Raise the bound if the batch is trusted; a small batch that grows this much is an attack.',
  });
}
