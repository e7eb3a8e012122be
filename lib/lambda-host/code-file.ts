const CODE = /\.(?:[cm]?[jt]sx?|json|node|wasm|env)$/;

/** Whether functions are made of such files. Others that change beside a function may be the log of the very process that reloads it, and tells of each reloading there. */
export function isCodeFile(name: string): boolean {
  return CODE.test(name);
}
