/**
 * Grants on objects end in wildcards: their names are not known before they are written. cdk-nag finds each of them (`AwsSolutions-IAM5`) and wants a reason; whoever grants something by these constructs has it already.
 */
import { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { acknowledge } from './acknowledge.ts';

const REASON =
  'The wildcard stands for names that are made later: of objects below the prefix or the isolation domain of the log, of schedules in its group. Items are limited by conditions on their keys. See docs/permissions.md.';

/** Gives the reason on the construct that has the policy. A finding has the name of its resource in it, and that of another stack is known late: it is given when all references are. */
export function acknowledgeWildcards(construct: IConstruct, resourceArns: readonly string[]): void {
  const arns = resourceArns.filter((arn) => arn.includes('*'));
  if (arns.length === 0) return;
  construct.node.addValidation({
    validate() {
      for (const arn of arns) {
        acknowledge(construct, {
          [`AwsSolutions-IAM5[Resource::${asFound(Stack.of(construct).resolve(arn))}]`]: REASON,
        });
      }
      return [];
    },
  });
}

/** A reference as cdk-nag writes it: `<LogicalId.Attribute>`, the name of an import, and joins in full. */
function asFound(reference: unknown): string {
  if (typeof reference === 'string') return reference.replaceAll('${', '<').replaceAll('}', '>');
  const { Ref, ...functions } = reference as Record<string, unknown>;
  if (typeof Ref === 'string') return `<${Ref}>`;
  const { 'Fn::Join': join, 'Fn::GetAtt': attribute, 'Fn::ImportValue': imported } = functions;
  if (Array.isArray(join)) return (join[1] as unknown[]).map(asFound).join(String(join[0]));
  if (Array.isArray(attribute)) return `<${attribute.map(asFound).join('.')}>`;
  return imported === undefined ? JSON.stringify(reference) : asFound(imported);
}
