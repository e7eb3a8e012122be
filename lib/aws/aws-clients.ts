import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';

/** Where the services are. */
export interface AwsPlace {
  /** Default: AWS_REGION, or the profile's. */
  readonly region?: string | undefined;
  /** URL of an emulator or a private endpoint, for both services. Default: AWS's, or AWS_ENDPOINT_URL. */
  readonly endpoint?: string | undefined;
}

/** The SDK never repeats a request by itself: it cannot know which may be repeated. The protocol does. */
const ATTEMPTS = 1;
const CONNECT_MS = 2_000;
/** An answer of DynamoDB takes milliseconds; one that takes this long is lost. */
const DYNAMO_ANSWER_MS = 5_000;
/** SQS and SNS answer in milliseconds, too; a batch of them may take longer. */
const ANSWER_MS = 10_000;
/** Silence on a connection to S3. The whole of a large object may take longer. */
const S3_SILENCE_MS = 10_000;
/** Requests in flight to one service. */
const SOCKETS = 128;

const agents = {
  httpAgent: { keepAlive: true, maxSockets: SOCKETS },
  httpsAgent: { keepAlive: true, maxSockets: SOCKETS },
};

function placeConfig({ region, endpoint }: AwsPlace) {
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: ATTEMPTS,
  };
}

/** A client of a service that is asked seldom. */
export function clientConfig(place: AwsPlace) {
  const requestHandler = {
    ...agents,
    connectionTimeout: CONNECT_MS,
    requestTimeout: ANSWER_MS,
    throwOnRequestTimeout: true,
    socketTimeout: ANSWER_MS,
  };
  return { ...placeConfig(place), requestHandler };
}

/** A client of S3 as a store needs it: no hidden repetitions, time limits, connections that are kept. */
export function s3Client(place: AwsPlace): S3Client {
  return new S3Client({
    ...placeConfig(place),
    // Emulators have no name for each bucket.
    forcePathStyle: place.endpoint !== undefined,
    // With `Expect: 100-continue` the SDK opens a new connection for each object of 2 MiB or more.
    expectContinueHeader: false,
    requestHandler: { ...agents, connectionTimeout: CONNECT_MS, socketTimeout: S3_SILENCE_MS },
  });
}

/** A client of DynamoDB as a store needs it. */
export function dynamoClient(place: AwsPlace): DynamoDBClient {
  return new DynamoDBClient({
    ...placeConfig(place),
    requestHandler: {
      ...agents,
      connectionTimeout: CONNECT_MS,
      requestTimeout: DYNAMO_ANSWER_MS,
      throwOnRequestTimeout: true,
      socketTimeout: DYNAMO_ANSWER_MS,
    },
  });
}
