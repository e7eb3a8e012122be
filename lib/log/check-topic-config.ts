/** Checks settings of topics that people give: what is wrong with a name is told in full. */
import { MillraceError } from '../errors.ts';
import { nearestName } from '../nearest-name.ts';
import { parseTopicConfig, type TopicConfig, topicConfigDefaults, topicConfigNames } from './topic-config.ts';
import { absentSettingReason } from './topic-config-absent.ts';

/** Checks the name of a setting and returns it. Throws INVALID_CONFIG, which says why a setting of Kafka's is absent, or what the nearest name is. */
export function parseSettingName(name: string): string {
  if (topicConfigDefaults.has(name)) return name;
  const shown = typeof name === 'string' ? JSON.stringify(name.slice(0, 80)) : typeof name;
  const absent = absentSettingReason(name);
  if (absent !== undefined) {
    throw new MillraceError('INVALID_CONFIG', `${shown} is a setting of Kafka's that does not exist here`, {
      value: name,
      hint: `Leave it out. ${absent}`,
    });
  }
  const nearest = typeof name === 'string' ? nearestName(name, topicConfigNames) : undefined;
  throw new MillraceError('INVALID_CONFIG', `there is no topic setting ${shown}`, {
    value: name,
    hint: nearest === undefined ? `Use one of ${topicConfigNames.join(', ')}.` : `Did you mean ${nearest}?`,
  });
}

/** As `parseTopicConfig`, and for an unknown name the hint says the nearest valid one, or why a setting of Kafka's is absent. */
export function checkTopicConfig(overrides: Readonly<Record<string, string>>): TopicConfig {
  for (const name of Object.keys(overrides ?? {})) parseSettingName(name);
  return parseTopicConfig(overrides);
}
