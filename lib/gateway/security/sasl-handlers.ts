/**
 * SaslHandshake and SaslAuthenticate: a client says who it is before it may ask anything. Source: KIP-43, KIP-152.
 *
 * Always true: until a client has said who it is, it may ask for nothing but the versions of APIs and to be let in; who fails is told so, and the connection ends.
 */
import type { Random } from '../../clock.ts';
import { MillraceError } from '../../errors.ts';
import { type ConnectionContext, type Handler, type Route, route } from '../handler.ts';
import { errorCodes } from '../protocol/error-codes.ts';
import { apiVersionsApi } from '../protocol/messages/cluster-messages.ts';
import { saslAuthenticateApi, saslHandshakeApi } from '../protocol/messages/sasl-messages.ts';
import type { Api } from '../protocol/schema.ts';
import type { Doorkeeper } from '../server/dispatcher.ts';
import type { Credentials } from './credentials.ts';
import {
  finishScram,
  parseScramFirst,
  type ScramFirst,
  type ScramKeys,
  type ScramMechanism,
  scramServerFirst,
} from './scram.ts';

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
type Mechanism = (typeof MECHANISMS)[number];

/** How far a connection is. */
type Stage =
  | { readonly kind: 'chosen'; readonly mechanism: Mechanism }
  | { readonly kind: 'challenged'; readonly keys: ScramKeys; readonly first: ScramFirst; readonly serverFirst: string }
  | { readonly kind: 'known'; readonly user: string };

const OPEN_TO_STRANGERS: readonly Api[] = [apiVersionsApi, saslHandshakeApi, saslAuthenticateApi];
/** Tokens of the oldest version travel without headers of requests. */
const FIRST_VERSION_WITH_HEADERS = 1;
const NONCE_BYTES = 18;
const KNOWN = 'The client has said who it is.';
const FAILED = 'Authentication failed: wrong user or password.';

/** What whoever runs the gateway is told. */
const REASONS = {
  wrong: 'a login failed: wrong user or password',
  mechanism: `a login by a mechanism that is none of ${MECHANISMS.join(', ')}`,
  early: 'a login without SaslHandshake',
  twice: 'a login with SaslHandshake twice',
  old: 'a login by SaslHandshake version 0, from before Kafka 1.0',
} as const;

/** See the module comment. */
export class SaslDoor implements Doorkeeper {
  readonly #credentials: Credentials;
  readonly #random: Random;
  readonly #stages = new WeakMap<ConnectionContext, Stage>();

  constructor(credentials: Credentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /** The routes of this file. */
  get routes(): readonly Route[] {
    return [route(saslHandshakeApi, this.#handshake), route(saslAuthenticateApi, this.#authenticate)];
  }

  isKnown(connection: ConnectionContext): boolean {
    return this.#stages.get(connection)?.kind === 'known';
  }

  refuse(connection: ConnectionContext, api: Api): MillraceError | null {
    if (this.isKnown(connection) || OPEN_TO_STRANGERS.includes(api)) return null;
    return new MillraceError('INVALID_REQUEST', `${api.name} was asked before the client has said who it is`, {
      hint: 'Set security.protocol and sasl.mechanism of the client.',
    });
  }

  readonly #handshake: Handler<typeof saslHandshakeApi> = async ({ mechanism }, { connection, apiVersion }) => {
    const chosen = MECHANISMS.find((one) => one === mechanism);
    // Sessions have no end here, so nobody has to say again who it is.
    if (this.isKnown(connection)) return { errorCode: errorCodes.ILLEGAL_SASL_STATE, mechanisms: MECHANISMS };
    if (this.#stages.has(connection))
      return this.#end(connection, { errorCode: errorCodes.ILLEGAL_SASL_STATE, mechanisms: MECHANISMS }, REASONS.twice);
    if (apiVersion < FIRST_VERSION_WITH_HEADERS) {
      return this.#end(connection, { errorCode: errorCodes.UNSUPPORTED_VERSION, mechanisms: MECHANISMS }, REASONS.old);
    }
    if (chosen === undefined) {
      const answer = { errorCode: errorCodes.UNSUPPORTED_SASL_MECHANISM, mechanisms: MECHANISMS };
      return this.#end(connection, answer, REASONS.mechanism);
    }
    this.#stages.set(connection, { kind: 'chosen', mechanism: chosen });
    return { errorCode: errorCodes.NONE, mechanisms: MECHANISMS };
  };

  readonly #authenticate: Handler<typeof saslAuthenticateApi> = async ({ authBytes }, { connection }) => {
    const stage = this.#stages.get(connection);
    if (stage?.kind === 'known') return { errorCode: errorCodes.ILLEGAL_SASL_STATE, errorMessage: KNOWN };
    const message = Buffer.from(authBytes).toString('utf8');
    const answer = stage === undefined ? null : this.#step(connection, stage, message);
    if (answer !== null) return { errorCode: errorCodes.NONE, authBytes: Buffer.from(answer) };
    const isIllegal = stage === undefined;
    const errorCode = isIllegal ? errorCodes.ILLEGAL_SASL_STATE : errorCodes.SASL_AUTHENTICATION_FAILED;
    this.#stages.delete(connection);
    const errorMessage = isIllegal ? 'Ask by SaslHandshake first.' : FAILED;
    return this.#end(connection, { errorCode, errorMessage }, isIllegal ? REASONS.early : REASONS.wrong);
  };

  /** What the client is answered, null when it has failed. */
  #step(connection: ConnectionContext, stage: Exclude<Stage, { kind: 'known' }>, message: string): string | null {
    if (stage.kind === 'challenged') {
      const answer = finishScram(stage.keys, stage.first, stage.serverFirst, message);
      if (answer !== null) this.#stages.set(connection, { kind: 'known', user: stage.first.user });
      return answer;
    }
    return stage.mechanism === 'PLAIN'
      ? this.#plain(connection, message)
      : this.#challenge(connection, stage.mechanism, message);
  }

  /** `[authorization id] NUL user NUL password`: RFC 4616. */
  #plain(connection: ConnectionContext, message: string): string | null {
    const [authorizationId, user, password, ...more] = message.split('\0');
    if (user === undefined || password === undefined || more.length > 0) return null;
    const isSame = authorizationId === '' || authorizationId === user;
    if (!isSame || !this.#credentials.matches(user, password)) return null;
    this.#stages.set(connection, { kind: 'known', user });
    return '';
  }

  #challenge(connection: ConnectionContext, mechanism: ScramMechanism, message: string): string | null {
    const first = parseScramFirst(message);
    if (first === null) return null;
    const keys = this.#credentials.keys(mechanism, first.user);
    const nonce = `${first.clientNonce}${Buffer.from(this.#random.bytes(NONCE_BYTES)).toString('base64url')}`;
    const serverFirst = scramServerFirst(keys, nonce);
    this.#stages.set(connection, { kind: 'challenged', keys, first, serverFirst });
    return serverFirst;
  }

  #end<T>(connection: ConnectionContext, answer: T, reason: string): T {
    connection.endAfterAnswer(new MillraceError('ACCESS_DENIED', reason));
    return answer;
  }
}
