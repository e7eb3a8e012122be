/**
 * What somebody may do, as data: the same access goes into the policy of a grantee, or into a policy of its own where two stacks would otherwise need each other.
 *
 * Access to items is limited by their partition keys (`dynamodb:LeadingKeys`), see docs/formats.md. A request that names no key is refused.
 */
import { Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { MillraceError } from '../errors.ts';
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
  if (Token.isUnresolved(name)) {
    const hint = 'Give a name that is known at synthesis.';
    throw new MillraceError('INVALID_CONFIG', `a name that stands in a condition cannot be a token. ${hint}`, {
      value: name,
      hint,
    });
  }
  return name.replace(/[$*?]/g, (character) => `\${${character}}`);
}

/** Gives all of it. */
export function grantAll(grantee: iam.IGrantable, accesses: readonly Access[]): iam.Grant {
  const grants = merged(accesses).map(({ actions, resourceArns, conditions }) =>
    iam.Grant.addToPrincipal({
      grantee,
      actions: [...actions],
      resourceArns: [...resourceArns],
      ...(conditions && { conditions: { ...conditions } }),
    }),
  );
  const { grantPrincipal } = grantee;
  if (Construct.isConstruct(grantPrincipal)) acknowledgeWildcards(grantPrincipal, arnsOf(accesses));
  if (grants.every(({ success }) => success)) return grants.reduce((all, grant) => all.combine(grant));
  const hint = 'Make a role that it may assume, and grant to that.';
  throw new MillraceError(
    'INVALID_CONFIG',
    `nothing can be granted to ${grantPrincipal}: it has no policy here. ${hint}`,
    { value: grantPrincipal, hint },
  );
}

/** Gives all of it by a policy of its own: a managed one, since the inline ones of a role share 10,240 characters. */
export function policyOf(
  scope: Construct,
  id: string,
  { roles, accesses }: { readonly roles: readonly iam.IRole[]; readonly accesses: readonly Access[] },
): iam.ManagedPolicy {
  const statements = merged(accesses).map(
    ({ actions, resourceArns, conditions }) =>
      new iam.PolicyStatement({
        actions: [...actions],
        resources: [...resourceArns],
        ...(conditions && { conditions: { ...conditions } }),
      }),
  );
  const policy = new iam.ManagedPolicy(scope, id, { roles: [...roles], statements });
  acknowledgeWildcards(policy, arnsOf(accesses));
  return policy;
}

/** Those of the same actions in one statement: on items of one table, or on other resources without a condition. */
function merged(accesses: readonly Access[]): readonly Access[] {
  const groups = Map.groupBy(accesses, ({ actions, resourceArns, conditions }) =>
    JSON.stringify([actions, keysOf(conditions) === null ? conditions : resourceArns]),
  );
  return [...groups.values()].map((group) => {
    const [first] = group as [Access];
    const keys = group.flatMap((access) => keysOf(access.conditions) ?? []);
    if (keys.length > 0) return itemsUnder(first.resourceArns[0]!, [...new Set(keys)], first.actions);
    return { ...first, resourceArns: [...new Set(group.flatMap(({ resourceArns }) => resourceArns))] };
  });
}

/** The partition keys to which an access is limited; null where it is not one to items. */
function keysOf(conditions: Access['conditions'] | undefined): readonly string[] | null {
  const keys = conditions?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
  return (keys as readonly string[] | undefined) ?? null;
}

const arnsOf = (accesses: readonly Access[]) => accesses.flatMap(({ resourceArns }) => resourceArns);
