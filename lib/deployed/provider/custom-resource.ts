/**
 * Custom resources of CloudFormation: a request comes as an event, and the answer is put to a URL that comes with it. Source: "Custom resource request and response reference" in the CloudFormation user guide.
 *
 * An answer is sent for every request, or the stack would wait for an hour. A resource whose creation failed without having made anything has a physical id of its own, by which its deletion in the rollback is known to be nothing.
 */
import { asMillraceError, MillraceError } from '../../errors.ts';

/** A request, as far as it is used. */
export interface ResourceEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly LogicalResourceId: string;
  readonly ResourceType: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: Readonly<Record<string, unknown>>;
  readonly OldResourceProperties?: Readonly<Record<string, unknown>>;
}

/** What a resource is after a request. */
export interface ResourceState {
  /** Another one than before makes CloudFormation delete the one before, once nothing needs it. */
  readonly physicalId: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** What can be done about the resources of one type. Each may be called again for the same request, and comes to the same. */
export interface ResourceKind {
  create(properties: ResourceProperties): Promise<ResourceState>;
  update(physicalId: string, properties: ResourceProperties): Promise<ResourceState>;
  /** One that is not there is deleted already. */
  delete(physicalId: string, properties: ResourceProperties): Promise<void>;
}

/** By their types; a call is about one of them, and loads no other. */
export type ResourceKinds = Readonly<Record<string, () => Promise<ResourceKind>>>;

/** Where an answer goes. */
export type Respond = (url: string, body: string) => Promise<void>;

/** Of a resource whose creation failed. */
const NOTHING = 'nothing:';
/** CloudFormation: an answer of 4,096 bytes at most. */
const MAX_REASON_CHARACTERS = 1_500;

/** Carries out a request and answers it. Throws what answering throws: then Lambda calls again. */
export async function answerResource(event: ResourceEvent, kinds: ResourceKinds, respond: Respond): Promise<void> {
  const { StackId, RequestId, LogicalResourceId, ResponseURL } = event;
  const common = { StackId, RequestId, LogicalResourceId };
  try {
    const { physicalId, attributes } = await carryOut(event, kinds);
    const answer = { ...common, Status: 'SUCCESS', PhysicalResourceId: physicalId, Data: attributes };
    await respond(ResponseURL, JSON.stringify(answer));
  } catch (error) {
    const { code, message, hint = '' } = asMillraceError(error);
    const Reason = `${code}: ${message}. ${hint}`.slice(0, MAX_REASON_CHARACTERS);
    const PhysicalResourceId = event.PhysicalResourceId ?? `${NOTHING}${LogicalResourceId}`;
    await respond(ResponseURL, JSON.stringify({ ...common, Status: 'FAILED', PhysicalResourceId, Reason }));
  }
}

async function carryOut(event: ResourceEvent, kinds: ResourceKinds): Promise<ResourceState> {
  const { RequestType, ResourceType, PhysicalResourceId = '' } = event;
  // Nothing was made, so nothing is to be known of its properties.
  if (RequestType === 'Delete' && PhysicalResourceId.startsWith(NOTHING)) return nothing(PhysicalResourceId);
  const loadKind = kinds[ResourceType];
  if (loadKind === undefined) {
    throw new MillraceError('INVALID_REQUEST', `there is no resource ${ResourceType}`, {
      value: ResourceType,
      hint: `There are ${Object.keys(kinds).join(' and ')}.`,
    });
  }
  const kind = await loadKind();
  const owner = `${event.StackId} ${event.LogicalResourceId}`;
  const properties = new ResourceProperties(event.ResourceProperties, owner);
  if (RequestType === 'Create') return kind.create(properties);
  if (RequestType === 'Update') return kind.update(PhysicalResourceId, properties);
  await kind.delete(PhysicalResourceId, properties);
  return nothing(PhysicalResourceId);
}

function nothing(physicalId: string): ResourceState {
  return { physicalId, attributes: {} };
}

/** The properties of a resource; CloudFormation makes texts of numbers and of true and false. */
export class ResourceProperties {
  /** Which resource of which stack has them. */
  readonly owner: string;
  readonly #given: Readonly<Record<string, unknown>>;

  constructor(given: Readonly<Record<string, unknown>>, owner: string) {
    this.owner = owner;
    this.#given = given;
  }

  /** Throws INVALID_REQUEST when it is missing or no text. */
  text(name: string): string {
    const value = this.optionalText(name);
    if (value !== undefined) return value;
    throw bad(name, value, 'Give it.');
  }

  optionalText(name: string): string | undefined {
    const value = this.#given[name];
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string') return value;
    throw bad(name, value, 'Give a text.');
  }

  integer(name: string, absent: number): number {
    const value = this.#given[name];
    if (value === undefined) return absent;
    const number = Number(value);
    if (Number.isInteger(number)) return number;
    throw bad(name, value, 'Give an integer.');
  }

  /** An object as JSON; an empty one where there is none. */
  json(name: string): Readonly<Record<string, unknown>> {
    const text = this.optionalText(name) ?? '{}';
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return value as Readonly<Record<string, unknown>>;
      }
    } catch {
      // Told below.
    }
    throw bad(name, text, 'Give an object as JSON text.');
  }

  oneOf<T extends string>(name: string, values: readonly [absent: T, ...others: T[]]): T {
    const value = this.optionalText(name) ?? values[0];
    const found = values.find((one) => one === value);
    if (found !== undefined) return found;
    throw bad(name, value, `Give one of ${values.join(', ')}.`);
  }
}

function bad(name: string, value: unknown, hint: string): MillraceError {
  const shown = value === undefined ? 'is missing' : `cannot be ${JSON.stringify(value)}`;
  return new MillraceError('INVALID_REQUEST', `the property ${name} ${shown}`, { value, hint });
}
