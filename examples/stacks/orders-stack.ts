/** Orders: a shop produces, a function pulls, what fails is tried again after 10 seconds, a minute and 10 minutes, and then waits among the dead letters. */
import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type IMillrace, Topic, TopicEventSource } from 'millrace/constructs';
import { exampleFunction } from './example-function.ts';

export class OrdersStack extends Stack {
  constructor(scope: Construct, id: string, { millrace, ...props }: StackProps & { millrace: IMillrace }) {
    super(scope, id, props);
    const orders = new Topic(this, 'Orders', {
      millrace,
      topicName: 'orders',
      partitions: 4,
      retentionPeriod: Duration.days(3),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const shop = exampleFunction(this, 'Shop', {
      name: 'take-orders',
      environment: { MILLRACE_STORE: millrace.connectionString },
    });
    orders.grants.produce(shop);
    const bill = exampleFunction(this, 'Bill', { name: 'bill-orders' });
    bill.addEventSource(
      new TopicEventSource(orders, {
        subscriptionName: 'billing',
        mode: 'pull',
        ordering: 'key',
        batchSize: 500,
        retryDelays: [Duration.seconds(10), Duration.minutes(1), Duration.minutes(10)],
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    );
    new CfnOutput(this, 'ShopFunction', { value: shop.functionName });
    new CfnOutput(this, 'BillFunction', { value: bill.functionName });
  }
}
