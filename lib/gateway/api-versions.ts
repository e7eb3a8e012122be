/** ApiVersions: which APIs and versions there are. */
import type { Handler, Route } from './handler.ts';
import { errorCodes } from './protocol/error-codes.ts';
import { encodeResponse } from './protocol/frames.ts';
import { apiVersionsApi } from './protocol/messages/cluster-messages.ts';
import { produceApi } from './protocol/messages/log-messages.ts';

/** Kafka's rule for the name and the version of a client. */
const SOFTWARE_PATTERN = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/;
const FIRST_VERSION_WITH_SOFTWARE = 3;

/** librdkafka takes a broker without Produce version 0 for one that cannot compress (KAFKA-18659): Kafka 4 names it too, and refuses it when it is used. */
const PRODUCE_SHOWN_FROM = 0;

/** A range that a client may choose from. */
export interface OfferedVersions {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** What is offered by some routes, in the order of their keys. */
export function offeredVersions(routes: readonly Route[]): readonly OfferedVersions[] {
  return routes
    .map(({ api }) => {
      const minVersion = api.key === produceApi.key ? PRODUCE_SHOWN_FROM : api.versions[0];
      return { apiKey: api.key, minVersion, maxVersion: api.versions[1] };
    })
    .toSorted((one, other) => one.apiKey - other.apiKey);
}

/** The handler for what all routes together offer; no feature is named, since none of them is there. */
export function apiVersionsHandler(apiKeys: readonly OfferedVersions[]): Handler<typeof apiVersionsApi> {
  return async ({ clientSoftwareName, clientSoftwareVersion }, { connection, apiVersion }) => {
    if (apiVersion >= FIRST_VERSION_WITH_SOFTWARE) {
      const isNamed = SOFTWARE_PATTERN.test(clientSoftwareName) && SOFTWARE_PATTERN.test(clientSoftwareVersion);
      if (!isNamed) return { errorCode: errorCodes.INVALID_REQUEST };
      connection.introduce(clientSoftwareName, clientSoftwareVersion);
    }
    return { errorCode: errorCodes.NONE, apiKeys };
  };
}

/** To a version that is newer than ours: version 0, which every client can read, with the versions of ApiVersions itself (KIP-511). */
export function answerUnknownVersion(correlationId: number): readonly Uint8Array[] {
  const [minVersion, maxVersion] = apiVersionsApi.versions;
  return encodeResponse({ api: apiVersionsApi, version: 0 }, correlationId, {
    errorCode: errorCodes.UNSUPPORTED_VERSION,
    apiKeys: [{ apiKey: apiVersionsApi.key, minVersion, maxVersion }],
  });
}
