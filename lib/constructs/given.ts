/** The properties of an object that were given: the CDK tells an absent property from one that is undefined. */
export function given<T extends object>(all: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as T;
}
