/** One change of a source file. */
export interface Mutant {
  readonly name: string;
  /** Below the root of the project. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** The test that notices it, where a simulation needs too many seeds. */
  readonly test?: string;
}
