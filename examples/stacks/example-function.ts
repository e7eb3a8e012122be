import { fileURLToPath } from 'node:url';
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

/** A function of `examples/functions/`, bundled when the stack is made, as anybody would write one. */
export function exampleFunction(
  scope: Construct,
  id: string,
  {
    name,
    environment = {},
    timeout = Duration.seconds(30),
  }: { name: string; environment?: Record<string, string>; timeout?: Duration },
): NodejsFunction {
  const logGroup = new logs.LogGroup(scope, `${id}Logs`, {
    retention: logs.RetentionDays.ONE_WEEK,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new iam.Role(scope, `${id}Role`, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  const made = new NodejsFunction(scope, id, {
    entry: fileURLToPath(new URL(`../functions/${name}.ts`, import.meta.url)),
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    memorySize: 256,
    timeout,
    role,
    logGroup,
    environment: { NODE_OPTIONS: '--enable-source-maps', ...environment },
    bundling: {
      format: OutputFormat.ESM,
      minify: true,
      sourceMap: true,
      mainFields: ['module', 'main'],
      // The functions bring the SDK that they were tested with.
      externalModules: [],
      // Modules of the older kind ask for others by `require`.
      banner:
        "import{createRequire as createRequireOf}from'node:module';const require=createRequireOf(import.meta.url);",
    },
  });
  Validations.of(made).acknowledge(
    { id: 'Serverless-LambdaTracing', reason: 'Traces cost $5.00 per million; turn them on where you look at them.' },
    { id: 'Serverless-LambdaDLQ', reason: 'What fails goes to the dead letters of the subscription, with its record.' },
  );
  return made;
}
