/** Stores without AWS, for tests of what is built on Millrace and for programs on one machine. */
export { systemClock, systemRandom } from './clock.ts';
export { type MemoryStoreOptions, memoryStore } from './memory/memory-store.ts';
export { type FileStoreOptions, openFileStore } from './sqlite/sqlite-store.ts';
