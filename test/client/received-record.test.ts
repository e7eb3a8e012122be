import { describe, expect, it } from 'vitest';
import { openStage, readAll, TOPIC } from './client-stage.ts';

describe('a received record', () => {
  it('gives back text as it was sent, a byte order mark included', async () => {
    const stage = await openStage();
    const marked = '\uFEFFtext';
    await stage.millrace.producer().send({ topic: TOPIC, key: marked, value: marked, headers: { h: marked } });
    const [record] = await readAll(stage);
    expect([record!.text(), record!.keyText(), record!.headerText('h')]).toEqual([marked, marked, marked]);
  });

  it('tells null from empty and from absent', async () => {
    const stage = await openStage();
    await stage.millrace.producer().send({ topic: TOPIC, key: '', value: null, headers: { none: null, empty: '' } });
    const [record] = await readAll(stage);
    expect([record!.keyText(), record!.text(), record!.json()]).toEqual(['', null, null]);
    expect(['none', 'empty', 'absent'].map((name) => record!.headerText(name))).toEqual([null, '', undefined]);
  });

  it('says where the value is that is no JSON', async () => {
    const stage = await openStage();
    await stage.millrace.producer().send({ topic: TOPIC, value: '{' });
    const [record] = await readAll(stage);
    expect(() => record!.json()).toThrow(expect.objectContaining({ code: 'INVALID_RECORD', value: '{' }));
  });
});
