/** The app of the end-to-end suite. Context: `version` of the functions, `batchSize` of both subscriptions, `pullEndpoint` where the function that pulls finds AWS. */
import { fileURLToPath } from 'node:url';
import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Millrace, ProduceApi, Topic, TopicEventSource } from '../../lib/constructs/index.ts';

const app = new App();
const setting = (name: string, absent: string) => String(app.node.tryGetContext(name) ?? absent);
const version = setting('version', '1');
const batchSize = Number(setting('batchSize', '50'));
const pullEndpoint = setting('pullEndpoint', '');
const removalPolicy = RemovalPolicy.DESTROY;
const { CDK_DEFAULT_ACCOUNT: account = '', CDK_DEFAULT_REGION: region = '' } = process.env;
const env = { env: { account, region } };

const log = new Stack(app, 'EndToEndLog', env);
const millrace = new Millrace(log, 'Millrace', { removalPolicy });
const api = new ProduceApi(log, 'Api', { millrace, authType: lambda.FunctionUrlAuthType.NONE });

const consumers = new Stack(app, 'EndToEndConsumers', env);
const orders = new Topic(consumers, 'Orders', { millrace, topicName: 'orders', partitions: 4, removalPolicy });
const seen = new Topic(consumers, 'Seen', { millrace, topicName: 'seen', removalPolicy });

function consumer(id: string, handler: string, environment: Record<string, string> = {}): NodejsFunction {
  const made = new NodejsFunction(consumers, id, {
    entry: fileURLToPath(new URL('end-to-end-functions.ts', import.meta.url)),
    handler,
    runtime: lambda.Runtime.NODEJS_24_X,
    memorySize: 512,
    timeout: Duration.seconds(30),
    environment: { MILLRACE_STORE: millrace.connectionString, VERSION: version, ...environment },
    bundling: {
      format: OutputFormat.ESM,
      mainFields: ['module', 'main'],
      externalModules: [],
      banner:
        "import{createRequire as createRequireOf}from'node:module';const require=createRequireOf(import.meta.url);",
    },
  });
  seen.grants.produce(made);
  return made;
}

consumer('Pushed', 'pushed').addEventSource(
  new TopicEventSource(orders, {
    subscriptionName: 'pushing',
    batchSize,
    retryAttempts: 0,
    retryDelays: [Duration.seconds(2)],
    removalPolicy,
  }),
);
consumer('Pulled', 'pulled', pullEndpoint === '' ? {} : { AWS_ENDPOINT_URL: pullEndpoint }).addEventSource(
  new TopicEventSource(orders, {
    subscriptionName: 'pulling',
    mode: 'pull',
    batchSize,
    retryAttempts: 1,
    removalPolicy,
  }),
);
new CfnOutput(log, 'Url', { value: api.url });
new CfnOutput(log, 'Store', { value: millrace.connectionString });
