/** FindCoordinator: which gateway to ask about a group. */
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { findCoordinatorApi } from '../protocol/messages/cluster-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { type GroupCoordinator, groupOwnerKey, isGroupName } from './group-coordinator.ts';

const GROUP = 0;
/** Version from which several keys are asked about at once. */
const BATCH_FROM = 4;

/** Costs no request to the store. */
export async function handleFindCoordinator(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof findCoordinatorApi>,
  { apiVersion }: Pick<RequestContext, 'apiVersion'>,
): Promise<ResponseOf<typeof findCoordinatorApi>> {
  const find = (key: string) => coordinatorOf(coordinator, key, request.keyType);
  if (apiVersion >= BATCH_FROM) return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...find(key) })) };
  return find(request.key);
}

function coordinatorOf({ deps: { gateways } }: GroupCoordinator, key: string, keyType: number) {
  if (keyType !== GROUP) return refused('UNSUPPORTED_VERSION', 'there are no transactions and no share groups here');
  if (!isGroupName(key)) return refused('INVALID_GROUP_ID', null);
  if (!gateways.isLive) return refused('COORDINATOR_NOT_AVAILABLE', null);
  const { nodeId, host, port } = gateways.ownerOf(groupOwnerKey(key));
  return { nodeId, host, port, errorCode: errorCodes.NONE };
}

function refused(error: KafkaErrorName, errorMessage: string | null) {
  return { nodeId: -1, host: '', port: -1, errorCode: errorCodes[error], errorMessage };
}
