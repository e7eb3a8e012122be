import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secrets from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { KafkaGateway, type KafkaGatewayProps } from 'millrace/constructs';
import { afterAll, describe, expect, it } from 'vitest';
import { prices } from '../../lib/prices.ts';
import { readDocument, tableBelow } from '../docs/markdown.ts';
import { flatten, newLog, newStack, statementsIn } from './stack-with-log.ts';

const outdir = mkdtempSync(join(tmpdir(), 'millrace-gateway-'));
afterAll(() => rmSync(outdir, { recursive: true }));

type Options = Partial<Omit<KafkaGatewayProps, 'millrace' | 'vpc'>>;
type Stack = ReturnType<typeof newStack>;

const image = ecs.ContainerImage.fromRegistry('millrace-gateway:1');

/** A network that is there already: what it costs and logs is its owner's. */
const networkIn = (stack: Stack, id = 'Vpc') =>
  ec2.Vpc.fromVpcAttributes(stack, id, {
    vpcId: `vpc-0000000${id.length}`,
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
    privateSubnetIds: ['subnet-0000000a', 'subnet-0000000b'],
    publicSubnetIds: ['subnet-0000000c', 'subnet-0000000d'],
  });

const secretIn = (stack: Stack, id: string, field?: string) =>
  ecs.Secret.fromSecretsManager(new secrets.Secret(stack, id) as secrets.ISecret, field);

function served(options: (stack: Stack) => Options = () => ({})) {
  const stack = newStack();
  const vpc = networkIn(stack);
  const millrace = newLog(stack);
  const gateway = new KafkaGateway(stack, 'Kafka', { millrace, vpc, image, ...options(stack) });
  return { stack, vpc, gateway, template: () => Template.fromStack(stack) };
}

interface Container {
  readonly Command: readonly unknown[];
  readonly Secrets?: readonly { readonly Name: string; readonly ValueFrom: unknown }[];
  readonly [field: string]: unknown;
}

const containersOf = (template: Template) =>
  Object.values(template.findResources('AWS::ECS::TaskDefinition')).map(
    ({ Properties }) => Properties.ContainerDefinitions[0] as Container,
  );

/** What follows a flag on the command line of a gateway. */
const given = ({ Command }: Container, flag: string) => flatten(Command[Command.indexOf(flag) + 1]);

describe('gateways on Fargate', () => {
  it('are two, each with a service, a subnet, and a name that it tells its clients', () => {
    const { gateway, template } = served();
    const made = template();
    const services = made.findResources('AWS::ECS::Service');
    expect(Object.values(services).map(({ Properties }) => Properties)).toMatchObject(
      ['subnet-0000000a', 'subnet-0000000b'].map((subnet) => ({
        DesiredCount: 1,
        LaunchType: 'FARGATE',
        DeploymentConfiguration: {
          MinimumHealthyPercent: 0,
          MaximumPercent: 100,
          DeploymentCircuitBreaker: { Enable: true, Rollback: true },
        },
        NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'DISABLED', Subnets: [subnet] } },
      })),
    );
    const names = Object.values(made.findResources('AWS::ServiceDiscovery::Service'));
    expect(names.map(({ Properties }) => Properties)).toMatchObject(
      ['gateway-1', 'gateway-2'].map((Name) => ({ Name, DnsConfig: { DnsRecords: [{ TTL: 10, Type: 'A' }] } })),
    );
    made.hasResourceProperties('AWS::ServiceDiscovery::PrivateDnsNamespace', { Name: 'millrace.internal' });
    const advertised = containersOf(made).map((one) => given(one, '--advertise'));
    expect(advertised).toEqual(['gateway-1.millrace.internal:9092', 'gateway-2.millrace.internal:9092']);
    expect(gateway.bootstrapServers).toBe(advertised.join(','));
  });

  it('are replaced one after the other', () => {
    const services = Object.entries(
      served(() => ({ gateways: 3 }))
        .template()
        .findResources('AWS::ECS::Service'),
    );
    expect(services).toHaveLength(3);
    for (const [index, [, { DependsOn }]] of services.entries()) {
      const others = services.map(([id]) => id).filter((id) => DependsOn?.includes(id));
      expect(others).toEqual(index === 0 ? [] : [services[index - 1]![0]]);
    }
  });

  it('serve the log, may stop in peace, and are looked at', () => {
    const { template } = served();
    const [container] = containersOf(template());
    expect(container).toMatchObject({
      Image: 'millrace-gateway:1',
      PortMappings: [{ ContainerPort: 9092 }],
      StopTimeout: 60,
      ReadonlyRootFilesystem: true,
      HealthCheck: { Command: ['CMD', 'node', '-e', expect.stringContaining('connect(9092)')], Interval: 15 },
    });
    expect(container!.Secrets).toBeUndefined();
    expect(container!.Environment).toBeUndefined();
    expect(given(container!, '--store')).toMatch(
      /^aws:\?bucket=.*&table=.*&groups=.*&delays=true&region=eu-central-1$/,
    );
    expect(given(container!, '--host')).toBe('0.0.0.0');
    expect(given(container!, '--partitions')).toBe('1');
    expect(container!.Command).not.toContain('--auto-create-topics');
    template().hasResourceProperties('AWS::ECS::TaskDefinition', {
      Cpu: '512',
      Memory: '1024',
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    });
    template().hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  });

  it('are what their props say', () => {
    const { template } = served((stack) => ({
      gateways: 1,
      domainName: 'kafka.shop',
      vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
      assignPublicIp: true,
      cpu: 1_024,
      architecture: ecs.CpuArchitecture.X86_64,
      users: secretIn(stack, 'Users'),
      tls: { certificate: secretIn(stack, 'Tls', 'cert'), privateKey: secretIn(stack, 'Key') },
      autoCreateTopics: true,
      defaultPartitions: 4,
      logRetention: logs.RetentionDays.ONE_WEEK,
    }));
    const made = template();
    made.hasResourceProperties('AWS::ECS::Service', {
      NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'ENABLED', Subnets: ['subnet-0000000c'] } },
    });
    made.hasResourceProperties('AWS::ECS::TaskDefinition', {
      Cpu: '1024',
      Memory: '2048',
      RuntimePlatform: { CpuArchitecture: 'X86_64' },
    });
    made.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    const [container] = containersOf(made);
    expect(given(container!, '--advertise')).toBe('gateway-1.kafka.shop:9092');
    expect(given(container!, '--partitions')).toBe('4');
    expect(container!.Command).toContain('--auto-create-topics');
    expect(
      container!.Secrets!.map(({ Name, ValueFrom }) => [
        Name,
        String(flatten(ValueFrom)).replace(/[0-9A-F]{8}|[${}]/g, ''),
      ]),
    ).toEqual([
      ['MILLRACE_GATEWAY_USERS', 'Users'],
      ['MILLRACE_GATEWAY_TLS_CERT', 'Tls:cert::'],
      ['MILLRACE_GATEWAY_TLS_KEY', 'Key'],
    ]);
  });

  it('have more memory where that is wanted, and a cluster that is there', () => {
    const { template } = served((stack) => ({
      memoryLimitMiB: 4_096,
      cluster: new ecs.Cluster(stack, 'Own', {
        vpc: stack.node.findChild('Vpc') as unknown as ec2.IVpc,
      }) as ecs.ICluster,
    }));
    template().hasResourceProperties('AWS::ECS::TaskDefinition', { Memory: '4096' });
    template().resourceCountIs('AWS::ECS::Cluster', 1);
    template().hasResourceProperties('AWS::ECS::Service', { Cluster: { Ref: Match.stringLikeRegexp('^Own') } });
  });

  it('let in whom they are told to, and open connections by HTTPS alone', () => {
    const { stack, vpc, gateway, template } = served();
    gateway.connections.allowDefaultPortFrom(new ec2.SecurityGroup(stack, 'Shop', { vpc }));
    template().hasResourceProperties('AWS::EC2::SecurityGroup', {
      GroupDescription: 'Of the gateways of a Millrace log',
      SecurityGroupEgress: [
        { CidrIp: '0.0.0.0/0', FromPort: 443, ToPort: 443, IpProtocol: 'tcp', Description: Match.anyValue() },
      ],
      SecurityGroupIngress: Match.absent(),
    });
    template().hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      FromPort: 9092,
      ToPort: 9092,
      IpProtocol: 'tcp',
    });
  });

  it('may do what clients ask for, and neither delete objects nor touch jobs, subscriptions and delayed records', () => {
    const statements = statementsIn(served().stack, /^KafkaTaskRole/);
    const keys = statements.flatMap(
      ({ Condition }) => Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? [],
    );
    expect(keys).toEqual(['T#*', 'TOPICS', 'P#*', 'S#*', 'G', 'G#*', 'GROUPS']);
    const actions = statements.flatMap(({ Action }) => Action);
    expect(actions).toEqual(
      expect.arrayContaining(['s3:GetObject', 's3:PutObject', 's3:ListBucket', 'dynamodb:UpdateItem']),
    );
    expect(actions).not.toContain('s3:DeleteObject');
  });

  it('read their secrets by the role that starts them, and not by the one that they have', () => {
    const { stack } = served((of) => ({ users: secretIn(of, 'Users') }));
    const readers = (role: RegExp) => statementsIn(stack, role).flatMap(({ Action }) => Action);
    expect(readers(/^KafkaExecutionRole/)).toContain('secretsmanager:GetSecretValue');
    expect(readers(/^KafkaTaskRole/)).not.toContain('secretsmanager:GetSecretValue');
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('can be read on the way'));
  });

  it('cost what the document says', () => {
    const [container] = Object.values(served().template().findResources('AWS::ECS::TaskDefinition'));
    const { Cpu, Memory } = container!.Properties;
    const hour = (Number(Cpu) / 1_024) * prices.fargateArmCpuHour + (Number(Memory) / 1_024) * prices.fargateArmGbHour;
    const rows = tableBelow(readDocument('docs/kafka-clients.md').text, '## On AWS').map((row) =>
      Object.values(row).at(-1),
    );
    const beats = (30 * 86_400 * (prices.dynamoWriteUnitPerMillion + prices.dynamoReadUnitPerMillion / 2)) / 5 / 1e6;
    expect(rows.map(Number)).toEqual(
      [2 * 720 * hour, prices.hostedZoneMonth, 2 * beats].map((one) => Number(one.toFixed(2))),
    );
  });

  it('break no rule of cdk-nag that has no reason beside it', () => {
    const app = new App({ outdir, analyticsReporting: false });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    const stack = newStack('Gateways', app);
    new KafkaGateway(stack, 'Kafka', { millrace: newLog(stack), vpc: networkIn(stack), image });
    expect(() => app.synth()).not.toThrow();
    const { pluginReports } = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8'));
    expect(pluginReports.flatMap(({ violations }: { violations: unknown[] }) => violations)).toEqual([]);
  });
});

describe('wrong props of gateways', () => {
  it.each<[Options, RegExp]>([
    [{ gateways: 0 }, /gateways cannot be 0/],
    [{ gateways: 11 }, /gateways cannot be 11/],
    [{ domainName: 'Kafka' }, /domainName cannot be "Kafka"/],
    [{ domainName: 'kafka.' }, /domainName cannot be/],
    [{ cpu: 2_048 }, /cpu cannot be 2048\. Give 256, 512 or 1024/],
    [{ cpu: 1_024, memoryLimitMiB: 1_024 }, /memoryLimitMiB cannot be 1024/],
    [{ memoryLimitMiB: 1_500 }, /Give a multiple of 1,024/],
    [{ defaultPartitions: 0 }, /defaultPartitions cannot be 0/],
  ])('are refused: %o', (options, message) => {
    expect(() => served(() => options)).toThrow(message);
  });

  it('are refused: a cluster in another VPC', () => {
    const options = (stack: Stack) => ({
      cluster: new ecs.Cluster(stack, 'Own', { vpc: networkIn(stack, 'Other') }) as ecs.ICluster,
    });
    expect(() => served(options)).toThrow(/another VPC/);
  });
});
