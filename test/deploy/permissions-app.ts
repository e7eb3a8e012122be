/** A log with three topics, and a role for each kind of program: what `permissions.deploy.test.ts` deploys. */
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import { Millrace, outputsOf, Topic, TopicIsolation } from 'millrace/constructs';

const app = new App();
const stack = new Stack(app, 'Permissions', { env: { account: '000000000000', region: 'us-east-1' } });
const millrace = new Millrace(stack, 'Millrace', { removalPolicy: RemovalPolicy.DESTROY, objectPrefix: 'logs' });
const topic = (id: string, topicName: string, isolation: TopicIsolation) =>
  new Topic(stack, id, { millrace, topicName, partitions: 1, isolation });
const orders = topic('Orders', 'orders', TopicIsolation.SHARED);
const returns = topic('Returns', 'returns', TopicIsolation.SHARED);
const salaries = topic('Salaries', 'salaries', TopicIsolation.OWN);

const grants: Readonly<Record<string, (role: iam.Role) => unknown>> = {
  Producer: (role) => orders.grants.produce(role),
  Consumer: (role) => orders.grants.consume(role, 'billing'),
  Reader: (role) => salaries.grants.read(role),
  Delayer: (role) => orders.grants.produceDelayed(role),
  TopicManager: (role) => returns.grants.manage(role),
  Gateway: (role) => millrace.grants.gateway(role),
  Operator: (role) => millrace.grants.manage(role),
};
for (const [name, grant] of Object.entries(grants)) {
  const role = new iam.Role(stack, name, { assumedBy: new iam.AccountRootPrincipal() });
  grant(role);
  new CfnOutput(stack, `${name}Role`, { value: role.roleArn });
}
for (const [name, value] of Object.entries({
  ...outputsOf(millrace),
  OrdersId: orders.topicId,
  ReturnsId: returns.topicId,
  SalariesId: salaries.topicId,
  SalariesDomain: salaries.domain,
})) {
  new CfnOutput(stack, name, { value });
}
