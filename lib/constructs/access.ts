/**
 * What somebody may do, as data: the same access goes into the policy of a grantee, or into a policy of its own where two stacks would otherwise need each other.
 *
 * Access to items is limited by their partition keys (`dynamodb:LeadingKeys`), see docs/formats.md. A request that names no key is refused.
 */
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge-wildcards.ts';

/** One statement. */
export interface Access {
  readonly actions: readonly string[];
  readonly resourceArns: readonly string[];
  readonly conditions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Actions on items that change nothing. */
export const READ_ITEMS = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'] as const;
/** All actions on items that Millrace knows; a transaction is allowed by those of its items. */
export const ALL_ITEMS = [
  ...READ_ITEMS,
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:ConditionCheckItem',
] as const;

/** Access to the items of a table under these partition keys; `*` stands for anything. */
export function itemsUnder(tableArn: string, leadingKeys: readonly string[], actions: readonly string[]): Access {
  return {
    actions,
    resourceArns: [tableArn],
    conditions: {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': leadingKeys },
      // Of a request that names no key all keys are allowed.
      Null: { 'dynamodb:LeadingKeys': 'false' },
    },
  };
}

/** A name as it stands in a condition: what IAM would read as a wildcard or a variable stands for itself. */
export function literal(name: string): string {
  return name.replace(/[$*?]/g, (character) => `\${${character}}`);
}

/** Gives all of it. */
export function grantAll(grantee: iam.IGrantable, accesses: readonly Access[]): iam.Grant {
  const grants = accesses.map(({ actions, resourceArns, conditions }) =>
    iam.Grant.addToPrincipal({
      grantee,
      actions: [...actions],
      resourceArns: [...resourceArns],
      ...(conditions && { conditions: { ...conditions } }),
    }),
  );
  const { grantPrincipal } = grantee;
  if (Construct.isConstruct(grantPrincipal)) acknowledgeWildcards(grantPrincipal, arnsOf(accesses));
  return grants.reduce((all, grant) => all.combine(grant));
}

/** Gives all of it by a policy of its own. */
export function policyOf(
  scope: Construct,
  id: string,
  { roles, accesses }: { readonly roles: readonly iam.IRole[]; readonly accesses: readonly Access[] },
): iam.Policy {
  const statements = accesses.map(
    ({ actions, resourceArns, conditions }) =>
      new iam.PolicyStatement({
        actions: [...actions],
        resources: [...resourceArns],
        ...(conditions && { conditions: { ...conditions } }),
      }),
  );
  const policy = new iam.Policy(scope, id, { roles: [...roles], statements });
  acknowledgeWildcards(policy, arnsOf(accesses));
  return policy;
}

const arnsOf = (accesses: readonly Access[]) => accesses.flatMap(({ resourceArns }) => resourceArns);
