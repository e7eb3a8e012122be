/** A memory that modules import; `buffer` is another object after each growth. */
export interface ModuleMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What is used of the global `WebAssembly`, which is in TypeScript's library for browsers only. */
declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => ModuleMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/** WebAssembly's unit of memory. */
export const PAGE_BYTES = 64 * 1024;

/** A memory of one page that may grow to `maximumPages`; throws what `WebAssembly` throws where it is missing or forbidden. */
export function createMemory(maximumPages: number): ModuleMemory {
  return new WebAssembly.Memory({ initial: 1, maximum: maximumPages });
}

/** The exports of a module that imports `memory` as `m.m`; the caller knows their types. */
export function instantiate<Exports>(bytes: Uint8Array<ArrayBuffer>, memory: ModuleMemory): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { m: { m: memory } }).exports as Exports;
}
