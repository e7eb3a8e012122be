import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { apis } from '../../lib/gateway/protocol/apis.ts';
import { type FieldPlan, fieldPlans } from '../../lib/gateway/protocol/field-plan.ts';
import { requestCodec, responseCodec } from '../../lib/gateway/protocol/frames.ts';
import type { Api, Fields } from '../../lib/gateway/protocol/schema.ts';
import { WireWriter } from '../../lib/gateway/protocol/wire-writer.ts';
import { runJava } from '../../tools/kafka/kafka-jars.ts';
import { messageArbitrary, messageCases } from '../gateway/protocol/message-arbitrary.ts';

const SET_UP_TIMEOUT_MS = 300_000;
const SAMPLES = 4;

/** A field in Kafka's own definitions. */
interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: string;
  readonly nullableVersions?: string;
  readonly taggedVersions?: string;
  readonly tag?: number;
  readonly default?: string | number | boolean | null;
  readonly fields?: readonly KafkaField[];
}

interface KafkaMessage {
  readonly apiKey: number;
  readonly validVersions: string;
  readonly flexibleVersions: string;
  readonly latestVersionUnstable?: boolean;
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly KafkaField[] }[];
}

type Range = readonly [number, number];

/** `4+`, `4-8`, `4` or `none`, as far as an API has versions of it. */
function clip(text: string | undefined, [oldest, newest]: Range): Range | null {
  if (text === undefined || text === 'none') return null;
  const [from = '', to = text.endsWith('+') ? String(newest) : from] = text.replace('+', '').split('-');
  const range: Range = [Math.max(Number(from), oldest), Math.min(Number(to), newest)];
  return range[0] > range[1] ? null : range;
}

const primitive = /^(bool|u?int(8|16|32)|int64|float64|string|uuid|bytes|records)$/;

/** A field as both sides can say it. */
interface Described {
  readonly name: string;
  readonly type: string;
  readonly versions: Range;
  readonly nullable: Range | null;
  readonly tag: number | null;
  readonly standard: string | null;
  readonly fields: readonly Described[];
}

function describeKafka(fields: readonly KafkaField[], message: KafkaMessage, versions: Range): readonly Described[] {
  return fields.flatMap((field): Described[] => {
    const range = clip(field.versions, versions);
    if (range === null) return [];
    const element = field.type.replace('[]', '');
    const isStruct = !primitive.test(element);
    const common = message.commonStructs?.find(({ name }) => name === element)?.fields;
    const inner = isStruct ? (field.fields ?? common)! : [];
    const text = field.default === undefined ? null : String(field.default);
    const standard = text?.startsWith('0x') ? String(BigInt(text)) : text;
    return [
      {
        name: field.name[0]!.toLowerCase() + field.name.slice(1),
        type: isStruct ? field.type.replace(element, 'struct') : field.type,
        versions: range,
        nullable: clip(field.nullableVersions, range),
        tag: field.tag ?? null,
        standard: ['', '0', 'false', null].includes(standard) ? null : standard,
        fields: describeKafka(inner, message, versions),
      },
    ];
  });
}

function describeOurs(fields: Fields, versions: Range): readonly Described[] {
  return fieldPlans(fields).map((plan: FieldPlan) => {
    const { type, isArray } = plan;
    const clipped = (range: Range): Range => [Math.max(range[0], versions[0]), Math.min(range[1], versions[1])];
    const element = type.kind === 'struct' ? 'struct' : type.name;
    return {
      name: plan.name,
      type: isArray ? `[]${element}` : element,
      versions: clipped(plan.versions),
      nullable: plan.nullable === null ? null : clipped(plan.nullable),
      tag: plan.tag,
      standard: plan.standard,
      fields: type.kind === 'struct' ? describeOurs(type.fields, versions) : [],
    };
  });
}

const definitions = new Map<string, KafkaMessage>();

beforeAll(async () => {
  const names = apis.flatMap(({ name }) => [`${name}Request`, `${name}Response`]);
  const lines = (await runJava('MessageBytes', ['definitions', ...names])).trimEnd().split('\n');
  for (const [index, name] of names.entries()) definitions.set(name, JSON.parse(lines[index]!) as KafkaMessage);
}, SET_UP_TIMEOUT_MS);

describe("Kafka's own definitions", () => {
  it.each(apis.map((api) => ({ api, name: api.name })))('of $name say what our table says', ({ api }: { api: Api }) => {
    const request = definitions.get(`${api.name}Request`)!;
    const response = definitions.get(`${api.name}Response`)!;
    const valid = clip(request.validVersions, [0, 1_000])!;
    // A version that is still being made is not offered by Kafka either.
    const newest = request.latestVersionUnstable ? valid[1] - 1 : valid[1];
    expect({ key: api.key, versions: api.versions }).toEqual({ key: request.apiKey, versions: [valid[0], newest] });
    const flexible = clip(request.flexibleVersions, api.versions);
    expect(api.flexibleFrom).toBe(flexible?.[0] ?? null);
    expect(describeOurs(api.request, api.versions)).toEqual(describeKafka(request.fields, request, api.versions));
    expect(describeOurs(api.response, api.versions)).toEqual(describeKafka(response.fields, response, api.versions));
  });
});

describe("Kafka's own classes", () => {
  it('read what we write, and write the same bytes', async () => {
    const lines = messageCases(apis).flatMap(({ api, version, direction }) => {
      const of = { api, version };
      const codec = direction === 'request' ? requestCodec(of) : responseCodec(of);
      return fc
        .sample(messageArbitrary(api[direction], version), { numRuns: SAMPLES, seed: version })
        .map((message) => {
          const writer = new WireWriter();
          codec.write(writer, message as never);
          const bytes = Buffer.concat(writer.pieces()).toString('base64');
          return {
            name: `${api.name} ${direction} ${version}`,
            line: `${api.key} ${direction} ${version} ${bytes}`,
            bytes,
          };
        });
    });
    const output = await runJava('MessageBytes', ['read'], `${lines.map(({ line }) => line).join('\n')}\n`);
    const rewritten = output.trimEnd().split('\n');
    expect(rewritten).toHaveLength(lines.length);
    const differing = lines.flatMap(({ name, bytes }, index) =>
      rewritten[index] === bytes ? [] : [`${name}: ${bytes} became ${rewritten[index]}`],
    );
    expect(differing).toEqual([]);
  });
});
