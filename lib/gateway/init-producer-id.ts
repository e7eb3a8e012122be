/** InitProducerId: an id for an idempotent producer, drawn by lot, so that no gateway has to ask the store, nor another gateway. */
import type { GatewayDeps } from './gateway-deps.ts';
import { type Handler, type Route, route } from './handler.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { initProducerIdApi } from './protocol/messages/log-messages.ts';

const NO_PRODUCER = -1n;
/** 62 bits: positive, and among a billion producers of one partition two share one with a chance of one in ten. */
const ID_BITS = 62;

/** The route of this file. */
export function initProducerIdRoute(deps: GatewayDeps): Route {
  return route(initProducerIdApi, initHandler(deps));
}

function initHandler(deps: GatewayDeps): Handler<typeof initProducerIdApi> {
  return async ({ transactionalId }) => {
    if (transactionalId !== null) {
      // There are no transactions: said where a producer asks for the first time.
      return { errorCode: errorCodes.INVALID_REQUEST, producerId: NO_PRODUCER, producerEpoch: -1 };
    }
    return { errorCode: errorCodes.NONE, producerId: freshProducerId(deps), producerEpoch: 0 };
  };
}

function freshProducerId({ random }: GatewayDeps): bigint {
  const bytes = random.bytes(8);
  const drawn = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return BigInt.asUintN(ID_BITS, drawn);
}
