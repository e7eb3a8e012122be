import { MillraceError } from '../errors.ts';
import { type AnswerMetadata, type AwsRequest, awsError, repeatedError, wasRepeated } from './aws-errors.ts';

/** What every answer of the SDK has. */
export interface Answer {
  readonly $metadata: AnswerMetadata;
}

/** Through which all requests of a store go: it maps their errors, and ends with the store. */
export class AwsConnection {
  #closed = false;

  /**
   * Sends a request once. `refusal` tells which errors are outcomes. Throws what `aws-errors.ts` makes of the others, and `UnansweredError` for a write that the SDK
   * repeated by itself, whatever came of it.
   */
  async ask<A extends Answer, R = never>(
    request: AwsRequest,
    send: () => Promise<A>,
    refusal: (error: unknown) => R | undefined = () => undefined,
  ): Promise<A | R> {
    if (this.#closed) throw new MillraceError('CLOSED', 'the store is closed', { hint: 'Open it again.' });
    let answer: A;
    try {
      answer = await send();
    } catch (error) {
      if (wasRepeated(request, (error as Partial<Answer>).$metadata)) throw repeatedError(request, error);
      const outcome = refusal(error);
      if (outcome !== undefined) return outcome;
      throw awsError(error, request);
    }
    if (wasRepeated(request, answer.$metadata)) throw repeatedError(request);
    return answer;
  }

  /** Every later request throws CLOSED. */
  close(): void {
    this.#closed = true;
  }
}
