/** DescribeConfigs, AlterConfigs and IncrementalAlterConfigs: of topics; a gateway's own settings are given where it is started. */
import { MillraceError } from '../errors.ts';
import { alterTopic } from '../log/alter-topic.ts';
import { checkTopicConfig } from '../log/check-topic-config.ts';
import { describeTopicConfig } from '../log/describe-topic-config.ts';
import { mapInParallel } from '../log/in-parallel.ts';
import type { Topic } from '../log/topic.ts';
import {
  CONFIG_SOURCE,
  describedSetting,
  droppableSettings,
  minInsyncReplicas,
  RESOURCE_TYPE,
} from './config-description.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { type Handler, type Route, route } from './handler.ts';
import { answeredError, kafkaError, NO_ERROR } from './kafka-error.ts';
import { alterConfigsApi, describeConfigsApi, incrementalAlterConfigsApi } from './protocol/messages/topic-messages.ts';

/** Kafka's `AlterConfigOp.OpType`. */
const OPERATION = { set: 0, delete: 1, append: 2, subtract: 3 } as const;

/** Resources of one request that are worked on at once. */
const PARALLEL = 16;

interface Change {
  readonly name: string;
  readonly value: string | null;
  readonly configOperation: number;
}

/** The routes of this file. */
export function configRoutes(deps: GatewayDeps): readonly Route[] {
  return [
    route(describeConfigsApi, describeHandler(deps)),
    route(alterConfigsApi, alterHandler(deps)),
    route(incrementalAlterConfigsApi, incrementalHandler(deps)),
  ];
}

function describeHandler({ topics, cluster }: GatewayDeps): Handler<typeof describeConfigsApi> {
  return async ({ resources, includeSynonyms, includeDocumentation }) => {
    const results = await mapInParallel(
      resources,
      PARALLEL,
      async ({ resourceType, resourceName, configurationKeys }) => {
        try {
          const all = await settingsOf(resourceType, resourceName);
          const shown = all.filter(({ name }) => configurationKeys === null || configurationKeys.includes(name));
          const configs = shown.map((setting) => ({
            ...setting,
            synonyms: includeSynonyms ? setting.synonyms : [],
            documentation: includeDocumentation ? setting.documentation : null,
          }));
          return { ...NO_ERROR, resourceType, resourceName, configs };
        } catch (error) {
          return { ...kafkaError(error), resourceType, resourceName };
        }
      },
    );
    return { results };
  };

  async function settingsOf(resourceType: number, resourceName: string) {
    if (resourceType === RESOURCE_TYPE.topic) {
      const { config } = await topics.read(resourceName);
      return [...describeTopicConfig(config).map(describedSetting), minInsyncReplicas];
    }
    if (resourceType === RESOURCE_TYPE.broker) return brokerSettings(resourceName);
    if (resourceType === RESOURCE_TYPE.brokerLogger) return [];
    throw noSuchResource(resourceType);
  }

  function brokerSettings(resourceName: string) {
    const isKnown = resourceName === '' || cluster.live.some(({ nodeId }) => String(nodeId) === resourceName);
    if (!isKnown) {
      throw new MillraceError('INVALID_REQUEST', `there is no broker ${resourceName}`, { value: resourceName });
    }
    // Tools look for these: how topics are made, and which broker it is.
    const { autoCreateTopics, partitionCount } = topics.defaults;
    const values = {
      'auto.create.topics.enable': String(autoCreateTopics),
      'num.partitions': String(partitionCount),
      'default.replication.factor': '1',
      'min.insync.replicas': '1',
      ...(resourceName !== '' && { 'node.id': resourceName, 'broker.id': resourceName }),
    };
    return Object.entries(values).map(([name, value]) => ({
      ...describedSetting({
        name,
        value,
        isDefault: true,
        doc: 'Given when the gateway is started.',
      }),
      readOnly: true,
      configSource: CONFIG_SOURCE.static,
    }));
  }
}

const RESOURCE_NAMES: ReadonlyMap<number, string> = new Map([
  [RESOURCE_TYPE.broker, 'a broker'],
  [RESOURCE_TYPE.brokerLogger, 'the log of a broker'],
  [RESOURCE_TYPE.clientMetrics, 'the metrics of clients'],
  [RESOURCE_TYPE.group, 'a group'],
]);

function noSuchResource(resourceType: number): MillraceError {
  const name = RESOURCE_NAMES.get(resourceType) ?? `a resource of type ${resourceType}`;
  return new MillraceError('INVALID_REQUEST', `settings of ${name} cannot be changed or shown here`, {
    value: resourceType,
    hint: 'Topics have settings; those of a gateway are given when it is started.',
  });
}

function requireTopic(resourceType: number): void {
  if (resourceType !== RESOURCE_TYPE.topic) throw noSuchResource(resourceType);
}

/** AlterConfigs replaces all settings: what is not named gets its default. */
function alterHandler(deps: GatewayDeps): Handler<typeof alterConfigsApi> {
  return async ({ resources, validateOnly }) => {
    const responses = await mapInParallel(resources, PARALLEL, async ({ resourceType, resourceName, configs }) => {
      const answer = await answeredError(async () => {
        requireTopic(resourceType);
        const topic = await deps.topics.read(resourceName);
        const changes = droppableSettings(configs).map((one) => ({ ...one, configOperation: OPERATION.set }));
        const named = new Set(changes.map(({ name }) => name));
        const others = Object.keys(topic.config).filter((name) => !named.has(name));
        const unset = others.map((name) => ({ name, value: null, configOperation: OPERATION.delete }));
        await alter(deps, topic, [...changes, ...unset], validateOnly);
      });
      return { ...answer, resourceType, resourceName };
    });
    return { responses };
  };
}

function incrementalHandler(deps: GatewayDeps): Handler<typeof incrementalAlterConfigsApi> {
  return async ({ resources, validateOnly }) => {
    const responses = await mapInParallel(resources, PARALLEL, async ({ resourceType, resourceName, configs }) => {
      const answer = await answeredError(async () => {
        requireTopic(resourceType);
        const topic = await deps.topics.read(resourceName);
        await alter(deps, topic, droppableSettings(configs), validateOnly);
      });
      return { ...answer, resourceType, resourceName };
    });
    return { responses };
  };
}

async function alter(
  deps: GatewayDeps,
  topic: Topic,
  changes: readonly Change[],
  validateOnly: boolean,
): Promise<void> {
  if (changes.length === 0) return;
  const set: Record<string, string> = {};
  const unset: string[] = [];
  for (const change of changes) {
    const value = valueAfter(topic, change);
    if (value === null) unset.push(change.name);
    else set[change.name] = value;
  }
  if (validateOnly) checkTopicConfig({ ...topic.config, ...set });
  else {
    await alterTopic(deps, topic.name, { set, unset });
    await deps.topics.changed(topic.name);
  }
}

/** Null: the default is to be valid again. Throws INVALID_CONFIG. */
function valueAfter(topic: Topic, { name, value, configOperation }: Change): string | null {
  switch (configOperation) {
    case OPERATION.set:
      return value;
    case OPERATION.delete:
      return null;
    case OPERATION.append:
    case OPERATION.subtract: {
      const now = describeTopicConfig(topic.config).find((setting) => setting.name === name)?.value ?? '';
      const items = new Set(now.split(',').filter((item) => item !== ''));
      for (const item of (value ?? '').split(',')) {
        if (configOperation === OPERATION.append) items.add(item.trim());
        else items.delete(item.trim());
      }
      return [...items].join(',');
    }
    default:
      throw new MillraceError('INVALID_REQUEST', `there is no operation ${configOperation} on a setting`, {
        value: configOperation,
        hint: 'Set, delete, append or subtract.',
      });
  }
}
