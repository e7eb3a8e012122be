/** FindCoordinator: which gateway to ask about a group. */
import type { RequestContext } from '../handler.ts';
import { errorCodes, type KafkaErrorName } from '../protocol/error-codes.ts';
import type { findCoordinatorApi } from '../protocol/messages/cluster-messages.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import { type GroupCoordinator, groupOwnerKey, isGroupName } from './group-coordinator.ts';

const GROUP = 0;
const TRANSACTION = 1;
const NO_TRANSACTIONS =
  'Transactions are not supported here. Leave transactional.id unset; idempotence works without it.';
const NO_OTHERS = 'There are groups of consumers alone here, no share groups.';
/** Version from which several keys are asked about at once. */
const BATCH_FROM = 4;

/** Costs no request to the store. */
export async function handleFindCoordinator(
  coordinator: GroupCoordinator,
  request: RequestOf<typeof findCoordinatorApi>,
  { apiVersion }: Pick<RequestContext, 'apiVersion'>,
): Promise<ResponseOf<typeof findCoordinatorApi>> {
  const { keyType } = request;
  const find = (key: string) => {
    if (keyType === TRANSACTION) return noTransactions(apiVersion);
    if (keyType !== GROUP) return refused('UNSUPPORTED_VERSION', NO_OTHERS);
    return coordinatorOf(coordinator, key);
  };
  if (apiVersion >= BATCH_FROM) return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...find(key) })) };
  return find(request.key);
}

function coordinatorOf({ deps: { gateways } }: GroupCoordinator, key: string) {
  if (!isGroupName(key)) return refused('INVALID_GROUP_ID', null);
  if (!gateways.isLive) return refused('COORDINATOR_NOT_AVAILABLE', null);
  const { nodeId, host, port } = gateways.ownerOf(groupOwnerKey(key));
  return { nodeId, host, port, errorCode: errorCodes.NONE };
}

/** So that clients end, and say why: librdkafka, which asks by old versions, asks for ever after other errors, and Java's, by new ones, shows the message of others alone. */
function noTransactions(apiVersion: number) {
  const error = apiVersion >= BATCH_FROM ? 'UNSUPPORTED_VERSION' : 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED';
  return refused(error, NO_TRANSACTIONS);
}

function refused(error: KafkaErrorName, errorMessage: string | null) {
  return { nodeId: -1, host: '', port: -1, errorCode: errorCodes[error], errorMessage };
}
