/** Where a subscription begins; it counts when the subscription is made, later `millrace group seek` moves it. */
export class StartingPosition {
  /** At the oldest record: nothing is missed. */
  static readonly TRIM_HORIZON = new StartingPosition('TRIM_HORIZON');
  /** Behind the newest record as it is when the subscription is made. */
  static readonly LATEST = new StartingPosition('LATEST');

  /** At the first record that is not older. */
  static atTimestamp(time: Date): StartingPosition {
    return new StartingPosition(JSON.stringify({ timestampMs: String(time.getTime()) }));
  }

  /** At this offset, the same in each partition. */
  static atOffset(offset: bigint | number): StartingPosition {
    return new StartingPosition(JSON.stringify({ offset: String(offset) }));
  }

  private constructor(text: string) {
    this.text = text;
  }

  /** As the custom resource takes it. */
  readonly text: string;
}
