// The frames that the server's tests check too: what it sends must be read whole, what we send must come out the same.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { decodeAnswer, decodeFrame, encodeRequest } from '../../client/wire/codec';
import { events, requests, type RequestType } from '../../client/wire/protocol';

interface Golden {
  type: string;
  from: 'client' | 'server';
  frames: { note: string; frame: Record<string, unknown> }[];
}

const folder = join(process.env.ALCOVE_WEB ?? '', '../wire/testdata/messages');
const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
const read = (name: string): Golden => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Golden;
const isRequest = (type: string): type is RequestType => Object.hasOwn(requests, type);

// Leaves out what a newer minor version added: the shapes keep only what they know.
function known(value: unknown, model: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(model)) return value.map((item, i) => known(item, model[i]));
  if (typeof value !== 'object' || value === null || typeof model !== 'object' || model === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name in model)
    .map(([name, item]) => [name, known(item, (model as Record<string, unknown>)[name])]));
}

test('golden frames exist for every message of the client', () => {
  assert.ok(files.length > 40, `${files.length} files in ${folder}`);
  const from = (side: string): Set<string> => new Set(files.map(read).filter((g) => g.from === side).map((g) => g.type));
  const asked = from('client');
  for (const type of Object.keys(requests)) assert.ok(asked.has(type), `no golden request ${type}`);
  const told = from('server');
  for (const type of Object.keys(events)) assert.ok(told.has(type), `no golden event ${type}`);
});

for (const name of files) {
  const golden = read(name);
  for (const { note, frame } of golden.frames) {
    test(`${name}: ${note}`, () => (golden.from === 'client' ? sends(golden.type, frame) : reads(golden.type, frame)));
  }
}

function sends(type: string, frame: Record<string, unknown>): void {
  assert.ok(isRequest(type), `unknown request ${type}`);
  const data = requests[type][0](frame.data ?? {}, 'data');
  const sent: unknown = JSON.parse(encodeRequest(String(frame.id), type, data as never));
  assert.deepEqual(sent, { ...frame, data: known(frame.data ?? {}, data) });
}

function reads(type: string, frame: Record<string, unknown>): void {
  const decoded = decodeFrame(JSON.stringify(frame));
  if (decoded.kind === 'event') {
    assert.equal(decoded.type, type);
    assert.deepEqual(decoded.data, known(frame.data ?? {}, decoded.data));
    return;
  }
  assert.equal(decoded.kind, 'answer');
  if (decoded.kind !== 'answer') return;
  assert.equal(decoded.id, frame.id);
  if (!decoded.ok) return assert.deepEqual(decoded.error, frame.error);
  assert.ok(isRequest(type), `unknown request ${type}`);
  assert.deepEqual(decodeAnswer(type, decoded.data), known(frame.data ?? {}, decodeAnswer(type, decoded.data)));
}

test('what is no frame is refused', () => {
  for (const raw of ['', '7', 'null', '[]', '{}', '{"id":7,"ok":true}', '{"seq":1,"type":"roster","ts":1,"data":{}}']) {
    assert.throws(() => decodeFrame(raw), raw);
  }
  assert.deepEqual(decodeFrame('{"seq":1,"type":"token.refresh","ts":1,"data":{}}'), { kind: 'unknown', type: 'token.refresh' });
});
