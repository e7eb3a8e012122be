/** Records over HTTP, for those who have no SDK, or are not to be trusted with the heads of a topic. */
import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import * as apigateway from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpIamAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { badProp, checkInteger } from './bad-prop.ts';
import { checkPlace } from './check-place.ts';
import { given } from './given.ts';
import { allTopicsAccess, delayAccess, produceAccess, readAccess } from './log-access.ts';
import { type FunctionSettings, logFunction } from './log-function.ts';
import { isSameLog } from './log-identity.ts';
import type { IMillrace } from './millrace.ts';
import type { ITopic } from './topic.ts';

/** How records are taken over HTTP. */
export interface ProduceApiProps extends FunctionSettings {
  readonly millrace: IMillrace;
  /**
   * Topics whose records are taken and given.
   *
   * @default - all topics of the log
   */
  readonly topics?: readonly ITopic[];
  /**
   * A function URL costs nothing beside the calls of the function. An HTTP API costs $1.00 per million requests, and has authorizers, domains and throttling.
   *
   * @default 'function-url'
   */
  readonly endpoint?: 'function-url' | 'http-api';
  /**
   * Who may call the function URL. With NONE everybody may write.
   *
   * @default lambda.FunctionUrlAuthType.AWS_IAM
   */
  readonly authType?: lambda.FunctionUrlAuthType;
  /**
   * Who may call the HTTP API. One that is a function tells its callers apart for idempotency keys by `principalId` in its context, see docs/http-api.md.
   *
   * @default - requests signed by IAM (`HttpIamAuthorizer`)
   */
  readonly authorizer?: apigateway.IHttpRouteAuthorizer;
  /**
   * How many requests a second the HTTP API takes, and how many at once above that.
   *
   * @default - 1,000 a second, and a burst of 2,000
   */
  readonly throttle?: apigateway.ThrottleSettings;
  /**
   * What browsers of other origins may do.
   *
   * @default - nothing
   */
  readonly cors?: lambda.FunctionUrlCorsOptions;
  /**
   * MB of the function, 256 to 10,240; more are faster, since they bring more of a processor.
   *
   * @default 512
   */
  readonly memorySize?: number;
}

/**
 * A function behind a URL that takes records and gives them, see docs/http-api.md.
 *
 * @example
 * const api = new ProduceApi(this, 'Api', { millrace, topics: [orders] });
 * api.grantInvoke(shop);
 */
export class ProduceApi extends Construct {
  readonly function: lambda.Function;
  /** Where requests go, without a slash at its end where it is an HTTP API. */
  readonly url: string;
  readonly #grantInvoke: (grantee: iam.IGrantable) => iam.Grant;

  constructor(scope: Construct, id: string, props: ProduceApiProps) {
    super(scope, id);
    checkProps(this, props);
    this.function = makeFunction(this, props);
    const made =
      props.endpoint === 'http-api' ? httpApi(this, this.function, props) : functionUrl(this, this.function, props);
    this.url = made.url;
    this.#grantInvoke = made.grantInvoke;
  }

  /** Lets somebody call it, where requests are signed by IAM. */
  grantInvoke(grantee: iam.IGrantable): iam.Grant {
    return this.#grantInvoke(grantee);
  }
}

/** A line for each request; what is in a record never is. */
const ACCESS_LOG_LINE = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  caller: '$context.identity.caller',
  method: '$context.httpMethod',
  path: '$context.path',
  status: '$context.status',
  latencyMs: '$context.responseLatency',
  error: '$context.error.message',
});

interface Endpoint {
  readonly url: string;
  readonly grantInvoke: (grantee: iam.IGrantable) => iam.Grant;
}

function checkProps(scope: Construct, props: ProduceApiProps): void {
  const { endpoint = 'function-url', authType, authorizer, topics, throttle } = props;
  checkPlace(scope, 'millrace', props.millrace);
  checkInteger(scope, 'memorySize', props.memorySize, { least: 256, most: 10_240 });
  if (endpoint !== 'function-url' && endpoint !== 'http-api') {
    throw badProp(scope, 'endpoint', endpoint, 'Give one of function-url, http-api.');
  }
  if (endpoint === 'http-api' && authType !== undefined) {
    throw badProp(scope, 'authType', authType, 'An HTTP API is protected by the prop authorizer.');
  }
  if (endpoint === 'function-url' && throttle !== undefined) {
    throw badProp(scope, 'throttle', 'given', "A function URL has none: choose the endpoint 'http-api'.");
  }
  if (endpoint === 'function-url' && authorizer !== undefined) {
    throw badProp(scope, 'authorizer', 'given', "A function URL has none: choose the endpoint 'http-api'.");
  }
  if (topics?.length === 0) throw badProp(scope, 'topics', '[]', 'Name one at least, or leave it out for all.');
  const stranger = topics?.find(({ millrace }) => !isSameLog(millrace, props.millrace));
  if (stranger !== undefined) {
    throw badProp(
      scope,
      'topics',
      stranger.node.path,
      'It is a topic of another log: give that one an API of its own.',
    );
  }
  if (authType === lambda.FunctionUrlAuthType.NONE) {
    const text =
      'Everybody who knows the URL may write records, and you pay for them. Leave authType out, or give an HTTP API an authorizer.';
    Annotations.of(scope).addWarningV2('millrace:openProduceApi', text);
  }
}

function makeFunction(scope: Construct, props: ProduceApiProps): lambda.Function {
  const { millrace, topics } = props;
  const access =
    topics?.flatMap((topic) => [
      ...produceAccess(millrace, topic),
      ...delayAccess(millrace, topic),
      ...readAccess(millrace, topic),
    ]) ?? allTopicsAccess(millrace);
  return logFunction(scope, 'Function', {
    name: 'http',
    description: 'Takes and gives records over HTTP',
    memorySize: props.memorySize ?? 512,
    timeout: Duration.seconds(60),
    environment: { MILLRACE_STORE: millrace.connectionString },
    access,
    settings: { ...millrace.functionSettings, ...props },
    deadLetterQueue: undefined,
  });
}

function functionUrl(_: Construct, target: lambda.Function, { authType, cors }: ProduceApiProps): Endpoint {
  const url = target.addFunctionUrl(
    given<lambda.FunctionUrlOptions>({
      authType: authType ?? lambda.FunctionUrlAuthType.AWS_IAM,
      invokeMode: lambda.InvokeMode.BUFFERED,
      cors,
    }),
  );
  return { url: url.url, grantInvoke: (grantee) => url.grantInvokeUrl(grantee) };
}

function httpApi(scope: Construct, target: lambda.Function, { authorizer, cors, throttle }: ProduceApiProps): Endpoint {
  const api = new apigateway.HttpApi(
    scope,
    'Api',
    given<apigateway.HttpApiProps>({
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('Http', target),
      defaultAuthorizer: authorizer ?? new HttpIamAuthorizer(),
      corsPreflight:
        cors &&
        given<apigateway.CorsPreflightOptions>({
          allowOrigins: cors.allowedOrigins,
          allowMethods: cors.allowedMethods?.map(
            (method) => apigateway.CorsHttpMethod[method === lambda.HttpMethod.ALL ? 'ANY' : method],
          ),
          allowHeaders: cors.allowedHeaders,
          exposeHeaders: cors.exposedHeaders,
          allowCredentials: cors.allowCredentials,
          maxAge: cors.maxAge,
        }),
    }),
  );
  const accessLogs = new logs.LogGroup(scope, 'AccessLogs', {
    retention: logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const stage = new apigateway.HttpStage(scope, 'Stage', {
    httpApi: api,
    stageName: '$default',
    autoDeploy: true,
    throttle: throttle ?? { rateLimit: 1_000, burstLimit: 2_000 },
    accessLogSettings: {
      destination: new apigateway.LogGroupLogDestination(accessLogs),
      format: AccessLogFormat.custom(ACCESS_LOG_LINE),
    },
  });
  return {
    url: stage.url,
    grantInvoke: (grantee) =>
      iam.Grant.addToPrincipal({
        grantee,
        actions: ['execute-api:Invoke'],
        resourceArns: [api.arnForExecuteApi()],
      }),
  };
}
