/** A topic of a log, kept by a custom resource: changing an option never makes it again. */
import {
  CustomResource,
  type Duration,
  type IResource,
  Names,
  RemovalPolicy,
  Resource,
  type Size,
  Token,
} from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { limits } from '../limits.ts';
import { checkTopicConfig, parseSettingName } from '../log/check-topic-config.ts';
import { badProp, checkInteger } from './bad-prop.ts';
import { checkDomain, checkTopicName } from './check-names.ts';
import { checkPlace } from './check-place.ts';
import { checkAsTheLog, checkDuration, checkRemoval, checkSize, checkText } from './check-values.ts';
import type { TopicKeys } from './log-access.ts';
import type { IMillrace } from './millrace.ts';
import { takeName } from './taken-names.ts';
import { TopicGrants } from './topic-grants.ts';

/** A topic, made here or elsewhere. */
export interface ITopic extends IResource, TopicKeys {
  readonly millrace: IMillrace;
  /** Permissions on the topic. */
  readonly grants: TopicGrants;
  /** Appends records. The same as `grants.produce`. */
  grantProduce(grantee: iam.IGrantable): iam.Grant;
  /** Reads records as a member of this group. The same as `grants.consume`. */
  grantConsume(grantee: iam.IGrantable, groupName: string): iam.Grant;
  /** Changes and deletes the topic. The same as `grants.manage`. */
  grantManage(grantee: iam.IGrantable): iam.Grant;
}

/** How a topic is made. */
export interface TopicProps {
  readonly millrace: IMillrace;
  /**
   * 1 to 249 of `a-zA-Z0-9._-`. Another name is another topic.
   *
   * @default - made of the path of the construct
   */
  readonly topicName?: string;
  /**
   * 1 to 100,000. More can be added later, never fewer.
   *
   * @default 1
   */
  readonly partitions?: number;
  /**
   * How long records stay (`retention.ms`).
   *
   * @default Duration.days(7)
   */
  readonly retentionPeriod?: Duration;
  /**
   * The largest record batch (`max.message.bytes`).
   *
   * @default - 1 MiB and its header
   */
  readonly maxMessageSize?: Size;
  /**
   * Largest batch that travels inside the head instead of an object, up to 48 KiB; `Size.bytes(0)`: none does, so that nobody who may produce sees records of others.
   *
   * @default Size.kibibytes(1)
   */
  readonly inlineMaxSize?: Size;
  /**
   * Other settings by Kafka's names, as `{ 'compression.type': 'zstd' }`.
   *
   * @default - none
   */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * Isolation domain. Topics of one domain share objects, and so their readers. It never changes.
   *
   * @default TopicIsolation.SHARED
   */
  readonly isolation?: TopicIsolation;
  /**
   * What becomes of the topic and its records when it is taken out of the stack. What was there before the stack stays in any case.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
}

/** Who shares objects with a topic. */
export class TopicIsolation {
  /** All topics that say nothing else. */
  static readonly SHARED = new TopicIsolation('shared');
  /** The topic alone: who may read another one cannot read an object of this one. A flush to several domains takes a PUT for each. */
  static readonly OWN = new TopicIsolation('own');

  /** All topics of this name: 1 to 64 of `a-z0-9-`. */
  static domain(name: string): TopicIsolation {
    return new TopicIsolation(name);
  }

  private constructor(isolation: string) {
    this.isolation = isolation;
  }

  /** As the log has it. */
  readonly isolation: string;
}

/** What names a topic that was made elsewhere. */
export interface TopicAttributes {
  readonly millrace: IMillrace;
  readonly topicName: string;
  /** The UUID that `topic describe` shows, or the attribute of the topic. */
  readonly topicId: string;
  /** @default 'shared' */
  readonly domain?: string;
}

abstract class TopicBase extends Resource implements ITopic {
  abstract readonly millrace: IMillrace;
  abstract readonly topicName: string;
  abstract readonly topicId: string;
  abstract readonly domain: string;

  get grants(): TopicGrants {
    return new TopicGrants(this.millrace, this);
  }

  grantProduce(grantee: iam.IGrantable): iam.Grant {
    return this.grants.produce(grantee);
  }

  grantConsume(grantee: iam.IGrantable, groupName: string): iam.Grant {
    return this.grants.consume(grantee, groupName);
  }

  grantManage(grantee: iam.IGrantable): iam.Grant {
    return this.grants.manage(grantee);
  }
}

/**
 * A topic. A topic of its name that is there already is taken over, and then never deleted with the stack.
 *
 * @example
 * const orders = new Topic(this, 'Orders', { millrace, topicName: 'orders', partitions: 4, retentionPeriod: Duration.days(3) });
 * orders.grants.produce(shop);
 */
export class Topic extends TopicBase {
  readonly millrace: IMillrace;
  readonly topicName: string;
  readonly topicId: string;
  readonly domain: string;

  constructor(scope: Construct, id: string, props: TopicProps) {
    super(scope, id);
    checkProps(this, props);
    this.millrace = props.millrace;
    checkPlace(this, 'millrace', props.millrace);
    const { isolation } = props.isolation ?? TopicIsolation.SHARED;
    const name = props.topicName ?? Names.uniqueResourceName(this, { maxLength: 200, separator: '-' });
    takeName(this, { log: props.millrace, prop: 'topicName', name });
    const resource = new CustomResource(this, 'Default', {
      serviceToken: props.millrace.providerArn,
      resourceType: 'Custom::MillraceTopic',
      properties: {
        Name: name,
        PartitionCount: props.partitions ?? 1,
        Config: JSON.stringify(configOf(props)),
        Isolation: isolation,
        OnDelete: props.removalPolicy === RemovalPolicy.DESTROY ? 'delete' : 'retain',
      },
    });
    // By its attribute, so that whoever names it waits until it is there.
    this.topicName = resource.getAttString('TopicName');
    this.topicId = resource.getAttString('TopicId');
    this.domain = isolation === TopicIsolation.OWN.isolation ? resource.getAttString('Domain') : isolation;
  }

  /** A topic that was made elsewhere. */
  static fromTopicAttributes(scope: Construct, id: string, attributes: TopicAttributes): ITopic {
    class ImportedTopic extends TopicBase {
      readonly millrace = attributes.millrace;
      readonly topicName = attributes.topicName;
      readonly topicId = attributes.topicId;
      readonly domain = attributes.domain ?? TopicIsolation.SHARED.isolation;
    }
    const topic = new ImportedTopic(scope, id);
    checkTopicName(topic, topic.topicName);
    checkText(topic, 'topicId', topic.topicId, { form: UUID, fix: 'Give the UUID that topic describe shows.' });
    checkDomain(topic, topic.domain);
    return topic;
  }
}

/** What props say, by Kafka's names. */
function configOf(props: TopicProps): Record<string, string> {
  const { retentionPeriod, maxMessageSize, inlineMaxSize, config = {} } = props;
  return {
    ...config,
    ...(retentionPeriod && { 'retention.ms': String(retentionPeriod.toMilliseconds()) }),
    ...(maxMessageSize && { 'max.message.bytes': String(maxMessageSize.toBytes()) }),
    ...(inlineMaxSize && { 'millrace.inline.max.bytes': String(inlineMaxSize.toBytes()) }),
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const PROP_OF: Readonly<Record<string, keyof TopicProps>> = {
  'retention.ms': 'retentionPeriod',
  'max.message.bytes': 'maxMessageSize',
  'millrace.inline.max.bytes': 'inlineMaxSize',
};

function checkProps(scope: Construct, props: TopicProps): void {
  const { topicName, partitions, retentionPeriod, maxMessageSize, inlineMaxSize, isolation, config = {} } = props;
  checkRemoval(scope, props.removalPolicy);
  if (topicName !== undefined) checkTopicName(scope, topicName);
  checkInteger(scope, 'partitions', partitions, { least: 1, most: limits.partitionsPerTopic });
  checkDomain(scope, (isolation ?? TopicIsolation.SHARED).isolation);
  checkDuration(scope, 'retentionPeriod', retentionPeriod, { leastMs: 0, mostMs: Number.MAX_SAFE_INTEGER });
  checkSize(scope, 'maxMessageSize', maxMessageSize, limits.batchBytes);
  checkSize(scope, 'inlineMaxSize', inlineMaxSize, limits.inlineBytesMax);
  for (const [name, value] of Object.entries(config)) {
    const prop = PROP_OF[name];
    if (prop !== undefined && props[prop] !== undefined) {
      throw badProp(
        scope,
        `config['${name}']`,
        value,
        `It is said by the prop ${prop} already: leave out one of them.`,
      );
    }
    checkAsTheLog(scope, `config['${name}']`, value, () =>
      Token.isUnresolved(value) ? parseSettingName(name) : checkTopicConfig({ [name]: value }),
    );
  }
  const known = Object.entries(configOf(props)).filter(([, value]) => !Token.isUnresolved(value));
  checkAsTheLog(scope, 'config', JSON.stringify(config), () => checkTopicConfig(Object.fromEntries(known)));
}
