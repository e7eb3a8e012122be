import { systemRandom } from '../../lib/clock.ts';
import { gatewayRoutes } from '../../lib/gateway/gateway.ts';
import type { GatewayDeps } from '../../lib/gateway/gateway-deps.ts';
import type { GroupCoordinator } from '../../lib/gateway/groups/group-coordinator.ts';
import { Credentials } from '../../lib/gateway/security/credentials.ts';
import { SaslDoor } from '../../lib/gateway/security/sasl-handlers.ts';
import { knownDifferences } from '../clients/known-differences.ts';

/** What a gateway offers by ApiVersions, as a table. No handler is run, so that nothing stands behind them. */
export async function kafkaApiTable(): Promise<string> {
  const door = new SaslDoor(new Credentials(new Map(), systemRandom), systemRandom);
  const offered = gatewayRoutes({} as GatewayDeps, {} as GroupCoordinator, door).map(({ api }) => api);
  const rows = offered
    .toSorted((one, other) => one.key - other.key)
    .map(({ key, name, versions: [oldest, newest] }) => `| ${name} | ${key} | ${oldest}–${newest} |\n`);
  return `| API | key | versions |\n|---|---:|---:|\n${rows.join('')}`;
}

/** Where a gateway answers otherwise than Kafka's broker, as a table: what the tests with a real broker know of. */
export async function kafkaDifferencesTable(): Promise<string> {
  const shown = (answer: string) =>
    answer.replace(/; (open|closed)$/, (_, state) => (state === 'open' ? '' : ', closed'));
  const short = (answer: string) =>
    shown(answer.startsWith('the connection was closed') ? 'no answer; closed' : answer);
  const rows = knownDifferences.map(
    ({ name, ours, kafkas, why }) => `| ${name} | ${short(ours)} | ${short(kafkas)} | ${why} |\n`,
  );
  return `| | a gateway | Kafka 4.3.1 | why |\n|---|---|---|---|\n${rows.join('')}`;
}
