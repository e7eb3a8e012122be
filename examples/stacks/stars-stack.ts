/** A function that was written for Lambda's Kafka event source (MSK), moved over as it is: only what calls it has changed. */
import { CfnOutput, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { type IMillrace, StartingPosition, Topic, TopicEventSource } from 'millrace/constructs';
import { exampleFunction } from './example-function.ts';

export class StarsStack extends Stack {
  constructor(scope: Construct, id: string, { millrace, ...props }: StackProps & { millrace: IMillrace }) {
    super(scope, id, props);
    const stars = new Topic(this, 'Stars', {
      millrace,
      topicName: 'stars',
      partitions: 2,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const thank = exampleFunction(this, 'Thank', { name: 'thank-stargazers' });
    // It was: new ManagedKafkaEventSource({ clusterArn, topic: 'stars', batchSize: 100, startingPosition: … })
    thank.addEventSource(
      new TopicEventSource(stars, {
        subscriptionName: 'thanks',
        batchSize: 100,
        startingPosition: StartingPosition.TRIM_HORIZON,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    );
    new CfnOutput(this, 'ThankFunction', { value: thank.functionName });
  }
}
