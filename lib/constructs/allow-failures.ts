/** Who may send to a destination outside of the log. By its own policy where that is ours to change, since that of the pump's role would hold no more than some twenty-five destinations; else by a policy of the roles. */
import * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IDependable } from 'constructs';
import { type Access, policyOf } from './access.ts';
import type { OutsideDestination } from './failure-destination.ts';

const KEY_ACTIONS = ['kms:Decrypt', 'kms:GenerateDataKey'] as const;

/** Lets `senders` send, and `checker` look whether it is there. Returns what has to exist before either does. */
export function allowFailures(
  scope: Construct,
  destination: OutsideDestination,
  { senders, checker }: { readonly senders: readonly iam.IRole[]; readonly checker: iam.IRole },
): readonly IDependable[] {
  const sending = allow(scope, 'Failures', { ...destination, accesses: destination.send, roles: senders });
  const checking = allow(scope, 'FailuresCheck', { ...destination, accesses: destination.check, roles: [checker] });
  return [...sending, ...checking, ...allowKey(scope, destination, senders)];
}

function allow(
  scope: Construct,
  id: string,
  of: Pick<OutsideDestination, 'holder'> & {
    readonly accesses: readonly Access[];
    readonly roles: readonly iam.IRole[];
  },
): readonly IDependable[] {
  const { holder, accesses, roles } = of;
  const added = accesses.map(({ actions, resourceArns }) =>
    holder.addToResourcePolicy(
      new iam.PolicyStatement({
        actions: [...actions],
        resources: [...resourceArns],
        principals: roles.map(({ roleArn }) => new iam.ArnPrincipal(roleArn)),
      }),
    ),
  );
  const dependables = added.flatMap(({ policyDependable }) => policyDependable ?? []);
  if (added.every(({ statementAdded }) => statementAdded)) return dependables;
  return [...dependables, policyOf(scope, id, { roles, accesses })];
}

function allowKey(scope: Construct, { key }: OutsideDestination, roles: readonly iam.IRole[]): readonly IDependable[] {
  if (key === undefined) return [];
  const grants = roles.map(({ roleArn }) => key.grant(new iam.ArnPrincipal(roleArn), ...KEY_ACTIONS));
  if (grants.every(({ success }) => success)) return [key];
  const accesses = [{ actions: KEY_ACTIONS, resourceArns: [key.keyArn] }];
  return [policyOf(scope, 'FailuresKey', { roles, accesses })];
}
