/** Gateways for clients written for Kafka, as containers that Fargate runs. */
import { Annotations, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as cloudmap from 'aws-cdk-lib/aws-servicediscovery';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import { badProp, checkInteger } from './bad-prop.ts';
import { checkPlace } from './check-place.ts';
import type { IMillrace } from './millrace.ts';

/** How gateways are run. */
export interface KafkaGatewayProps {
  readonly millrace: IMillrace;
  /** Where the tasks and their clients are. S3 and DynamoDB are best reached by gateway endpoints, which cost nothing. */
  readonly vpc: ec2.IVpc;
  /** The image that the `Dockerfile` of the project makes, as `ecs.ContainerImage.fromAsset('.')` in a clone, for the same architecture. */
  readonly image: ecs.ContainerImage;
  /**
   * How many gateways there are, 1 to 10, each in another subnet as far as there are subnets. Two are enough for most.
   *
   * @default 2
   */
  readonly gateways?: number;
  /**
   * The name below which each gateway has one of its own, `gateway-1.DOMAIN`, for those in the VPC. Another log in the same VPC needs another one.
   *
   * @default 'millrace.internal'
   */
  readonly domainName?: string;
  /**
   * Subnets with a way to S3, DynamoDB, ECR and CloudWatch Logs: a NAT, endpoints, or public addresses.
   *
   * @default - private subnets with egress
   */
  readonly vpcSubnets?: ec2.SubnetSelection;
  /**
   * Whether tasks have public addresses, in public subnets, for $3.60 a month each. Clients reach them by their private ones all the same.
   *
   * @default false
   */
  readonly assignPublicIp?: boolean;
  /**
   * A cluster that is there already, in the same VPC.
   *
   * @default - one is made, at no charge
   */
  readonly cluster?: ecs.ICluster;
  /**
   * Units of which 1,024 are a processor: 256, 512 or 1,024. A gateway uses one at most.
   *
   * @default 512
   */
  readonly cpu?: number;
  /**
   * MiB, as Fargate has them for the `cpu`; 1,024 at least.
   *
   * @default - 1,024, and 2,048 for a whole processor
   */
  readonly memoryLimitMiB?: number;
  /**
   * Of the image.
   *
   * @default ecs.CpuArchitecture.ARM64
   */
  readonly architecture?: ecs.CpuArchitecture;
  /**
   * Who may connect: a text with a line `name:password` for each. Clients use SASL PLAIN or SCRAM.
   *
   * @default - whoever reaches the port
   */
  readonly users?: ecs.Secret;
  /**
   * Certificate chain and private key (PEM) for `*.DOMAIN`, so that connections are encrypted.
   *
   * @default - nothing is encrypted
   */
  readonly tls?: GatewayTls;
  /**
   * Whether topics are made when clients first use them.
   *
   * @default false
   */
  readonly autoCreateTopics?: boolean;
  /**
   * Of topics that clients make without a number, 1 to 1,000.
   *
   * @default 1
   */
  readonly defaultPartitions?: number;
  /**
   * How long the lines of gateways are kept.
   *
   * @default RetentionDays.ONE_MONTH
   */
  readonly logRetention?: logs.RetentionDays;
}

/** What encrypts connections. */
export interface GatewayTls {
  readonly certificate: ecs.Secret;
  readonly privateKey: ecs.Secret;
}

/** Kafka's. */
const PORT = 9092;
/** A gateway that stops answers what was begun within a minute; Fargate gives two at most. */
const STOP = Duration.seconds(60);
const MEMORY_MIB: Readonly<Record<number, readonly [least: number, most: number]>> = {
  256: [1_024, 2_048],
  512: [1_024, 4_096],
  1024: [2_048, 8_192],
};
const DOMAIN = /^(?=.{1,200}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const PROBE = `require('node:net').connect(${PORT}).on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))`;

/**
 * Gateways by which clients written for Kafka use a log. See docs/kafka-clients.md.
 *
 * Unlike all else of a log they run all the time, and cost it: two of half a processor and 1 GB on Graviton about $28 a month (us-east-1), $0.50 for the names, and $0.36 each for the sign of life that they give.
 *
 * Each has a service and a name of its own, since a Kafka client connects to each gateway by the address that this one tells: behind a load balancer they would all be one. A new version replaces them one after the other.
 *
 * @example
 * const kafka = new KafkaGateway(this, 'Kafka', { millrace, vpc, image: ecs.ContainerImage.fromAsset('.', { platform: Platform.LINUX_ARM64 }) });
 * kafka.connections.allowDefaultPortFrom(shop);
 */
export class KafkaGateway extends Construct implements ec2.IConnectable {
  /** For `bootstrap.servers` of clients: the addresses of all gateways. */
  readonly bootstrapServers: string;
  readonly cluster: ecs.ICluster;
  /** One for each gateway. */
  readonly services: readonly ecs.FargateService[];
  /** What gateways may do: everything with topics, records and groups, whoever their clients are. */
  readonly taskRole: iam.Role;
  /** Who may connect: `allowDefaultPortFrom(…)`. Gateways themselves open connections by HTTPS alone. */
  readonly connections: ec2.Connections;

  constructor(scope: Construct, id: string, props: KafkaGatewayProps) {
    super(scope, id);
    checkProps(this, props);
    const { vpc, millrace } = props;
    this.cluster = props.cluster ?? makeCluster(this, vpc);
    this.taskRole = new iam.Role(this, 'TaskRole', {
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
      description: 'Of the gateways of a Millrace log',
    });
    millrace.grants.gateway(this.taskRole);
    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'Of the gateways of a Millrace log',
      allowAllOutbound: false,
    });
    securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.HTTPS, 'S3, DynamoDB, ECR, Logs, secrets');
    this.connections = new ec2.Connections({ securityGroups: [securityGroup], defaultPort: ec2.Port.tcp(PORT) });
    const names = Array.from({ length: props.gateways ?? 2 }, (_, index) => `gateway-${index + 1}`);
    const domain = domainOf(props);
    const namespace = new cloudmap.PrivateDnsNamespace(this, 'Names', { name: domain, vpc });
    const shared = { ...props, cluster: this.cluster, taskRole: this.taskRole, namespace, securityGroup, domain };
    const executionRole = makeExecutionRole(this);
    const logGroup = new logs.LogGroup(this, 'Logs', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.services = names.map((name, index) => makeGateway(this, { ...shared, name, index, executionRole, logGroup }));
    inTurn(this.services);
    this.bootstrapServers = names.map((name) => `${name}.${domain}:${PORT}`).join(',');
  }
}

const domainOf = ({ domainName = 'millrace.internal' }: KafkaGatewayProps) => domainName;

function memoryOf({ cpu = 512, memoryLimitMiB }: KafkaGatewayProps): number {
  return memoryLimitMiB ?? MEMORY_MIB[cpu]![0];
}

function checkProps(scope: Construct, props: KafkaGatewayProps): void {
  const { cpu = 512, users, tls, cluster, vpc } = props;
  checkPlace(scope, 'millrace', props.millrace);
  checkInteger(scope, 'gateways', props.gateways, { least: 1, most: 10 });
  checkInteger(scope, 'defaultPartitions', props.defaultPartitions, { least: 1, most: 1_000 });
  const domain = domainOf(props);
  if (!DOMAIN.test(domain)) {
    throw badProp(scope, 'domainName', domain, "Give a name of the DNS in small letters, as 'kafka.internal'.");
  }
  const memory = MEMORY_MIB[cpu];
  if (memory === undefined) throw badProp(scope, 'cpu', cpu, 'Give 256, 512 or 1024.');
  const [least, most] = memory;
  checkInteger(scope, 'memoryLimitMiB', props.memoryLimitMiB, { least, most });
  if (memoryOf(props) % 1_024 !== 0)
    throw badProp(scope, 'memoryLimitMiB', memoryOf(props), 'Give a multiple of 1,024.');
  if (cluster !== undefined && cluster.vpc !== vpc) {
    throw badProp(scope, 'cluster', cluster.node.path, 'It is in another VPC than the prop vpc.');
  }
  if (users !== undefined && tls === undefined) {
    const text = 'Passwords of SASL PLAIN can be read on the way to a gateway without the prop tls.';
    Annotations.of(scope).addWarningV2('millrace:gatewayWithoutTls', text);
  }
}

function makeCluster(scope: Construct, vpc: ec2.IVpc): ecs.ICluster {
  const cluster = new ecs.Cluster(scope, 'Cluster', { vpc });
  acknowledge(cluster, {
    'AwsSolutions-ECS4': 'Container Insights have a price for each metric; give a cluster that has them.',
  });
  // Its declaration says of an optional field that it is undefined.
  return cluster as ecs.ICluster;
}

/** What starts a task: it takes the image, the secrets, and writes its lines. */
function makeExecutionRole(scope: Construct): iam.Role {
  const role = new iam.Role(scope, 'ExecutionRole', {
    assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    description: 'Starts the gateways of a Millrace log',
  });
  acknowledge(role, {
    'AwsSolutions-IAM5[Resource::*]': 'ecr:GetAuthorizationToken is about no resource; the image itself is named.',
  });
  return role;
}

/** What one of them is made of. */
interface GatewayParts extends KafkaGatewayProps {
  readonly name: string;
  readonly index: number;
  readonly domain: string;
  readonly cluster: ecs.ICluster;
  readonly namespace: cloudmap.IPrivateDnsNamespace;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly taskRole: iam.IRole;
  readonly executionRole: iam.IRole;
  readonly logGroup: logs.ILogGroup;
}

function makeGateway(scope: Construct, parts: GatewayParts): ecs.FargateService {
  const { name, index, vpc, cluster, namespace, securityGroup, assignPublicIp = false } = parts;
  const wanted = parts.vpcSubnets ?? { subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS };
  const { subnets } = vpc.selectSubnets(wanted);
  return new ecs.FargateService(scope, `Gateway${index + 1}`, {
    cluster,
    taskDefinition: taskOf(scope, parts),
    desiredCount: 1,
    // A name leads to one gateway: the old one ends before the new one begins, and clients go to the others meanwhile.
    minHealthyPercent: 0,
    maxHealthyPercent: 100,
    circuitBreaker: { rollback: true },
    securityGroups: [securityGroup],
    vpcSubnets: { subnets: [subnets[index % subnets.length]!] },
    assignPublicIp,
    cloudMapOptions: { name, cloudMapNamespace: namespace, dnsTtl: Duration.seconds(10) },
  });
}

function taskOf(scope: Construct, parts: GatewayParts): ecs.FargateTaskDefinition {
  const { name, index, image, cpu = 512, architecture = ecs.CpuArchitecture.ARM64, taskRole, executionRole } = parts;
  const task = new ecs.FargateTaskDefinition(scope, `Task${index + 1}`, {
    cpu,
    memoryLimitMiB: memoryOf(parts),
    taskRole,
    executionRole,
    runtimePlatform: { cpuArchitecture: architecture, operatingSystemFamily: ecs.OperatingSystemFamily.LINUX },
  });
  task.addContainer('gateway', {
    image,
    command: commandOf(scope, parts),
    portMappings: [{ containerPort: PORT }],
    logging: ecs.LogDrivers.awsLogs({ logGroup: parts.logGroup, streamPrefix: name }),
    healthCheck: {
      command: ['CMD', 'node', '-e', PROBE],
      interval: Duration.seconds(15),
      timeout: Duration.seconds(5),
      startPeriod: Duration.seconds(30),
    },
    secrets: secretsOf(parts),
    stopTimeout: STOP,
    readonlyRootFilesystem: true,
  });
  return task;
}

function commandOf(scope: Construct, parts: GatewayParts): string[] {
  const { millrace, name, domain, autoCreateTopics = false, defaultPartitions = 1 } = parts;
  return [
    '--store',
    `${millrace.connectionString}&region=${Stack.of(scope).region}`,
    'gateway',
    '--host',
    '0.0.0.0',
    '--port',
    `${PORT}`,
    '--advertise',
    `${name}.${domain}:${PORT}`,
    '--partitions',
    `${defaultPartitions}`,
    ...(autoCreateTopics ? ['--auto-create-topics'] : []),
  ];
}

/** By the names that `millrace gateway` knows. */
function secretsOf({ users, tls }: KafkaGatewayProps): Record<string, ecs.Secret> {
  return {
    ...(users && { MILLRACE_GATEWAY_USERS: users }),
    ...(tls && { MILLRACE_GATEWAY_TLS_CERT: tls.certificate, MILLRACE_GATEWAY_TLS_KEY: tls.privateKey }),
  };
}

/** A deployment replaces one gateway after the other: CloudFormation goes on when a service is steady. */
function inTurn(services: readonly ecs.FargateService[]): void {
  for (const [index, service] of services.entries()) {
    if (index > 0) service.node.addDependency(services[index - 1]!);
  }
}
