/**
 * The record of a control batch: it ends a transaction. Source: KIP-98, Kafka's `ControlRecordType` and `EndTransactionMarker`.
 *
 * | part  | field             | type | meaning                                       |
 * |-------|-------------------|------|-----------------------------------------------|
 * | key   | version           | i16  | 0; a later one may append fields              |
 * |       | type              | i16  | 0 ABORT, 1 COMMIT; others belong to the broker |
 * | value | version           | i16  | 0; a later one may append fields              |
 * |       | coordinator epoch | i32  | of the transaction coordinator                |
 */
import { MillraceError } from '../errors.ts';
import { corruptMessage } from './corrupt-message.ts';
import type { RecordData } from './record.ts';

/** How a transaction of a producer ended. */
export interface ControlRecord {
  readonly type: 'ABORT' | 'COMMIT';
  readonly coordinatorEpoch: number;
}

const ABORT = 0;
const COMMIT = 1;
const KEY_BYTES = 4;
const VALUE_BYTES = 6;

/** The record for an ABORT or COMMIT marker; it stands alone in a batch with `control` and `transactional` set. */
export function encodeControlRecord(marker: ControlRecord, timestampMs: bigint): RecordData {
  const key = new Uint8Array(KEY_BYTES);
  key[3] = marker.type === 'COMMIT' ? COMMIT : ABORT;
  const value = new Uint8Array(VALUE_BYTES);
  new DataView(value.buffer).setInt32(2, marker.coordinatorEpoch);
  return { key, value, headers: [], timestampMs };
}

function fields(bytes: Uint8Array | null, length: number, name: string): DataView {
  if (bytes === null || bytes.length < length)
    throw corruptMessage(`A control record's ${name} is too short`, bytes?.length ?? 0, `its ${name}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getInt16(0);
  if (version < 0) throw corruptMessage(`A control record's ${name} has the version ${version}`, 0, `its ${name}`);
  return view;
}

/** Reads a control record; throws CORRUPT_MESSAGE, and UNSUPPORTED_FORMAT for a type that is no transaction marker. */
export function decodeControlRecord(record: Pick<RecordData, 'key' | 'value'>): ControlRecord {
  const type = fields(record.key, KEY_BYTES, 'key').getInt16(2);
  if (type !== ABORT && type !== COMMIT) {
    throw new MillraceError('UNSUPPORTED_FORMAT', `The control record's type ${type} is no transaction marker`, {
      value: type,
    });
  }
  const coordinatorEpoch = fields(record.value, VALUE_BYTES, 'value').getInt32(2);
  return { type: type === COMMIT ? 'COMMIT' : 'ABORT', coordinatorEpoch };
}
