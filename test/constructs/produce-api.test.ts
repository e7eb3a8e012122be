import { type App, Duration, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Millrace, ProduceApi, type ProduceApiProps, Topic } from 'millrace/constructs';
import { describe, expect, it } from 'vitest';
import { ENV, emptyFunctions, LOG_ATTRIBUTES, newLog, newStack, statementsIn } from './stack-with-log.ts';

function withApi(props: Omit<ProduceApiProps, 'millrace'> = {}) {
  const stack = newStack();
  const millrace = newLog(stack);
  const api = new ProduceApi(stack, 'Api', { millrace, ...props });
  return { stack, api, template: Template.fromStack(stack) };
}

describe('records over HTTP', () => {
  it('are taken by a function URL that wants signed requests', () => {
    const { template } = withApi();
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM', InvokeMode: 'BUFFERED' });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'Takes and gives records over HTTP',
      MemorySize: 512,
      Timeout: 60,
      Environment: { Variables: { MILLRACE_STORE: Match.anyValue() } },
    });
  });

  it('are taken by an HTTP API, with a line in a log for each request', () => {
    const { template } = withApi({ endpoint: 'http-api' });
    template.hasResourceProperties('AWS::ApiGatewayV2::Route', {
      RouteKey: '$default',
      AuthorizationType: 'AWS_IAM',
    });
    template.hasResourceProperties('AWS::ApiGatewayV2::Integration', { PayloadFormatVersion: '2.0' });
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AccessLogSettings: { Format: Match.stringLikeRegexp('requestId') },
      DefaultRouteSettings: { ThrottlingRateLimit: 1_000, ThrottlingBurstLimit: 2_000 },
    });
    template.resourceCountIs('AWS::Lambda::Url', 0);
  });

  it('are taken for all topics, or for those that are named', () => {
    const keysOf = (stack: ReturnType<typeof newStack>) =>
      statementsIn(stack, /^ApiFunctionRole/)
        .flatMap(({ Condition }) => Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? [])
        .map(String);
    expect(keysOf(withApi().stack)).toEqual(['T#*', 'P#*', 'DUE#*', 'D#*']);
    const stack = newStack();
    const millrace = newLog(stack);
    new ProduceApi(stack, 'Api', { millrace, topics: [new Topic(stack, 'Orders', { millrace })] });
    const keys = keysOf(stack);
    expect(keys).toContainEqual(expect.stringMatching(/^P#\$\{Orders\.TopicId\}#\*$/));
    expect(keys).not.toContain('P#*');
  });

  it('can be sent from pages of other origins', () => {
    const cors = {
      allowedOrigins: ['https://shop.example'],
      allowedMethods: [lambda.HttpMethod.POST],
      maxAge: Duration.hours(1),
    };
    withApi({ cors }).template.hasResourceProperties('AWS::Lambda::Url', {
      Cors: { AllowOrigins: ['https://shop.example'], AllowMethods: ['POST'], MaxAge: 3600 },
    });
    withApi({ cors, endpoint: 'http-api' }).template.hasResourceProperties('AWS::ApiGatewayV2::Api', {
      CorsConfiguration: { AllowOrigins: ['https://shop.example'], AllowMethods: ['POST'], MaxAge: 3600 },
    });
  });

  it.each<[ProduceApiProps['endpoint'], string]>([
    ['function-url', 'lambda:InvokeFunctionUrl'],
    ['http-api', 'execute-api:Invoke'],
  ])('can be sent by whoever may invoke the %s', (endpoint, action) => {
    const stack = newStack();
    const api = new ProduceApi(stack, 'Api', { millrace: newLog(stack), endpoint: endpoint! });
    const shop = new iam.Role(stack, 'Shop', { assumedBy: new iam.AccountRootPrincipal() });
    expect(api.grantInvoke(shop).success).toBe(true);
    expect(statementsIn(stack, /^Shop/).flatMap(({ Action }) => Action)).toContain(action);
  });

  it('are taken from everybody only with a warning', () => {
    const { stack } = withApi({ authType: lambda.FunctionUrlAuthType.NONE });
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('Everybody who knows the URL'));
  });
});

describe('wrong props of an API', () => {
  it.each<[Omit<ProduceApiProps, 'millrace'>, RegExp]>([
    [{ memorySize: 128 }, /memorySize cannot be 128/],
    [{ endpoint: 'alb' as 'http-api' }, /endpoint cannot be "alb"\. Give one of function-url, http-api/],
    [{ endpoint: 'http-api', authType: lambda.FunctionUrlAuthType.AWS_IAM }, /protected by the prop authorizer/],
    [{ authorizer: new HttpNoneAuthorizer() }, /choose the endpoint 'http-api'/],
    [{ throttle: { rateLimit: 1 } }, /choose the endpoint 'http-api'/],
    [{ topics: [] }, /Name one at least/],
  ])('are refused: %o', (props, message) => {
    const stack = newStack();
    expect(() => new ProduceApi(stack, 'Api', { millrace: newLog(stack), ...props })).toThrow(message);
  });

  it('are refused: a log in another region', () => {
    const stack = newStack();
    const elsewhere = new Stack(stack.node.root as App, 'Elsewhere', { env: { ...ENV, region: 'us-east-1' } });
    expect(() => new ProduceApi(elsewhere, 'Api', { millrace: newLog(stack) })).toThrow(/used in us-east-1/);
  });

  it('are refused: a topic of another log', () => {
    const stack = newStack();
    const topic = new Topic(stack, 'Orders', { millrace: newLog(newStack('Other', stack.node.root as never)) });
    expect(() => new ProduceApi(stack, 'Api', { millrace: newLog(stack), topics: [topic] })).toThrow(/another log/);
  });

  it('are not: a topic whose log was imported a second time', () => {
    const stack = newStack();
    const imported = (id: string) => Millrace.fromMillraceAttributes(stack, id, LOG_ATTRIBUTES);
    const topic = new Topic(stack, 'Orders', { millrace: imported('Log') });
    const functionsDirectory = emptyFunctions();
    const again = { millrace: imported('Again'), topics: [topic], functionsDirectory };
    expect(() => new ProduceApi(stack, 'Api', again)).not.toThrow();
  });
});
