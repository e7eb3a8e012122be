/**
 * Attribute names in expressions. `next`, `start`, `end`, `count`, `level`, `state` and many more are reserved words of DynamoDB, so an expression never
 * says a bare name: it says `#next`, and the request explains the aliases it uses. Source: "Reserved words in DynamoDB" in the developer guide.
 */

const ALIAS = /#([A-Za-z]\w*)/g;

/** `ExpressionAttributeNames` for these expressions: `#name` stands for the attribute `name`. */
export function aliases(...expressions: readonly string[]): Record<string, string> {
  const names: Record<string, string> = {};
  for (const expression of expressions) {
    for (const [alias, name] of expression.matchAll(ALIAS)) names[alias] = name!;
  }
  return names;
}

/** Joins the named clauses of a condition: all must hold. */
export function allOf(...clauses: readonly string[]): string {
  return clauses.map((clause) => `(${clause})`).join(' AND ');
}

/** Joins the named clauses of a condition: one must hold. */
export function anyOf(...clauses: readonly string[]): string {
  return clauses.map((clause) => `(${clause})`).join(' OR ');
}
