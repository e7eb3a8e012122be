import { gatewayRoutes } from '../../lib/gateway/gateway.ts';
import type { GatewayDeps } from '../../lib/gateway/gateway-deps.ts';
import type { GroupCoordinator } from '../../lib/gateway/groups/group-coordinator.ts';

/** What a gateway offers by ApiVersions, as a table. No handler is run, so that nothing stands behind them. */
export async function kafkaApiTable(): Promise<string> {
  const offered = gatewayRoutes({} as GatewayDeps, {} as GroupCoordinator).map(({ api }) => api);
  const rows = offered
    .toSorted((one, other) => one.key - other.key)
    .map(({ key, name, versions: [oldest, newest] }) => `| ${name} | ${key} | ${oldest}–${newest} |\n`);
  return `| API | key | versions |\n|---|---:|---:|\n${rows.join('')}`;
}
