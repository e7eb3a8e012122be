import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { type Access, grantAll } from './access.ts';
import { acknowledge } from './acknowledge.ts';
import { badProp } from './bad-prop.ts';
import { type FunctionName, functionCode } from './function-code.ts';

/** What all functions of a deployment have in common. */
export interface FunctionSettings {
  /**
   * Node.js 24 or 22.
   *
   * @default lambda.Runtime.NODEJS_24_X
   */
  readonly runtime?: lambda.Runtime;
  /**
   * Graviton is a fifth cheaper; the bundles run on both.
   *
   * @default lambda.Architecture.ARM_64
   */
  readonly architecture?: lambda.Architecture;
  /**
   * How long the lines of functions are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;
  /**
   * X-Ray traces: $5.00 per million that are recorded, the first 100,000 of a month free.
   *
   * @default lambda.Tracing.DISABLED
   */
  readonly tracing?: lambda.Tracing;
  /**
   * Folder with the built functions, each in a folder of its name.
   *
   * @default - the one of the package; in a clone `dist/lambdas`
   */
  readonly functionsDirectory?: string;
}

/** How one of them is. */
export interface LogFunctionOptions {
  readonly name: FunctionName;
  readonly description: string;
  readonly memorySize: number;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  readonly access: readonly Access[];
  readonly settings: FunctionSettings;
  /** Takes what an asynchronous call could not do; undefined where all calls are synchronous. */
  readonly deadLetterQueue: IQueue | undefined;
}

const RUNTIMES = [lambda.Runtime.NODEJS_24_X.name, lambda.Runtime.NODEJS_22_X.name];

function runtimeOf(scope: Construct, { runtime = lambda.Runtime.NODEJS_24_X }: FunctionSettings): lambda.Runtime {
  if (RUNTIMES.includes(runtime.name)) return runtime;
  throw badProp(scope, 'runtime', runtime.name, `Give one of ${RUNTIMES.join(', ')}.`);
}

/** A function with a role of its own that may do what it has to, and nothing else. */
export function logFunction(scope: Construct, id: string, options: LogFunctionOptions): lambda.Function {
  const { name, description, memorySize, timeout, environment, access, settings, deadLetterQueue } = options;
  const logGroup = new logs.LogGroup(scope, `${id}Logs`, {
    retention: settings.logRetention ?? logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new iam.Role(scope, `${id}Role`, {
    assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
    description: `Of the Millrace function ${name}`,
  });
  logGroup.grantWrite(role);
  if (access.length > 0) grantAll(role, access);
  const made = new lambda.Function(scope, id, {
    description,
    runtime: runtimeOf(scope, settings),
    architecture: settings.architecture ?? lambda.Architecture.ARM_64,
    handler: 'index.handler',
    code: functionCode(scope, name, settings.functionsDirectory),
    role,
    memorySize,
    timeout,
    logGroup,
    // Metrics are lines that CloudWatch takes from the log as they are.
    loggingFormat: lambda.LoggingFormat.TEXT,
    tracing: settings.tracing ?? lambda.Tracing.DISABLED,
    environment: { ...environment },
    ...(deadLetterQueue && { deadLetterQueue }),
  });
  acknowledgeFunction(made, settings, deadLetterQueue !== undefined);
  return made;
}

function acknowledgeFunction(
  made: lambda.Function,
  { tracing, runtime }: FunctionSettings,
  hasDeadLetters: boolean,
): void {
  acknowledge(made, {
    ...((tracing ?? lambda.Tracing.DISABLED) === lambda.Tracing.DISABLED && {
      'Serverless-LambdaTracing': 'Traces are an option with a price: the prop tracing.',
    }),
    ...(!hasDeadLetters && {
      'Serverless-LambdaDLQ': 'It is called synchronously alone: who calls is told what went wrong.',
    }),
    ...(runtime === lambda.Runtime.NODEJS_22_X && {
      'AwsSolutions-L1': 'Node.js 22 was asked for by the prop runtime; it is maintained until April 2027.',
    }),
  });
}
