import type { ReceivedFrame } from './frame-reader.ts';

/** A request whose memory is another's once nobody looks at its bytes any more: who answers it, and whoever says so beside that. */
export class HeldFrame {
  readonly #frame: ReceivedFrame;
  /** The one who answers is the first. */
  #holders = 1;
  #isAbandoned = false;

  constructor(frame: ReceivedFrame) {
    this.#frame = frame;
  }

  /** Somebody else looks at it until the result is called. */
  hold(): () => void {
    this.#holders += 1;
    let isHeld = true;
    return () => {
      if (isHeld) this.letGo();
      isHeld = false;
    };
  }

  /** It was answered, or whoever held it is done. */
  letGo(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    if (this.#isAbandoned) this.#frame.release();
    else this.#frame.recycle();
  }

  /** Whoever was to answer has failed: nobody knows who looks at it, and its memory is not used again. */
  abandon(): void {
    this.#isAbandoned = true;
    this.letGo();
  }
}
