import assert from 'node:assert/strict';
import test from 'node:test';
import { probeTimeoutMs } from '../../client/params';
import { Session } from '../../client/session';
import { FakeEnv } from '../support/env';

const client = { name: 'test', version: '1' };
const opening = { token: 'a.b.c', displayName: 'Mara', client };

function welcome(secret: string, state = 'admitted'): object {
  return {
    sessionId: 's', resumeSecret: secret, participantId: 'p1', state, role: 'participant', permissions: ['hand.raise'],
    pingMs: 5000, resumeMs: 60000, policy: { name: 'default', recording: 'never', scopes: [] },
    needs: [], agreement: [], consents: [], helpRaised: false,
  };
}

function begin(): { env: FakeEnv; session: Session; ends: string[]; links: string[] } {
  const env = new FakeEnv();
  const session = new Session(env, opening);
  const ends: string[] = [];
  const links: string[] = [];
  session.on('ended', ({ code }) => ends.push(code));
  session.on('link', (link) => links.push(link));
  session.connect();
  return { env, session, ends, links };
}

function enter(secret = 'one'): ReturnType<typeof begin> {
  const all = begin();
  all.env.socket.open();
  all.env.socket.answer('hello', welcome(secret));
  return all;
}

test('says hello with the token, and never keeps it', () => {
  const { env, links } = enter();
  assert.deepEqual(env.socket.last('hello').data, { token: 'a.b.c', displayName: 'Mara', client });
  assert.equal([...env.stored.values()].join().includes('a.b.c'), false);
  assert.deepEqual(links, ['connecting', 'open']);
});

test('a hello without an answer is said again, the same in all but its id', () => {
  const env = new FakeEnv();
  new Session(env, { ...opening, nonce: 'n'.repeat(24), passcode: 'quiet' }).connect();
  env.socket.open();
  const first = env.socket.last('hello').data;
  assert.deepEqual(first, { ...opening, nonce: 'n'.repeat(24), passcode: 'quiet' });
  env.socket.drop();
  env.advance(2_000);
  env.socket.open();
  assert.equal(env.sockets.length, 2);
  assert.deepEqual(env.socket.last('hello').data, first);
});

test('keeps each new secret before the next frame goes out', async () => {
  const { env, session } = enter();
  const raised = session.request('hand.set', { raised: true });
  env.socket.drop();
  env.advance(500);
  env.socket.open();
  assert.deepEqual(env.socket.last('hello').data, { resume: { sessionId: 's', secret: 'one' }, client });
  env.socket.answer('hello', welcome('two'));
  env.socket.answer('hand.set');
  await raised;
  assert.deepEqual(env.log, ['send hello', 'keep one', 'send hand.set', 'send hello', 'keep two', 'send hand.set']);
});

test('sends what was under way again with the same id', async () => {
  const { env, session } = enter();
  const raised = session.request('hand.set', { raised: true });
  const { id } = env.socket.last('hand.set');
  env.socket.drop();
  env.advance(500);
  env.socket.open();
  env.socket.answer('hello', welcome('two'));
  assert.equal(env.socket.last('hand.set').id, id);
  env.socket.answer('hand.set');
  await raised;
});

test('what belongs to its socket is neither repeated nor kept for the next', async () => {
  const { env, session } = enter();
  const ask = (): Promise<unknown>[] => [
    session.request('media.offer', { generation: 1, sdp: 'v=0', tracks: [] }), session.request('consent.withdraw', {}),
    session.request('consent.respond', { scope: 'recording.audio', textHash: 'h', decision: 'granted' }),
  ];
  const before = ask();
  env.socket.drop();
  for (const request of [...before, ...ask()]) await assert.rejects(request, { code: 'closed' });
  env.advance(500);
  env.socket.open();
  env.socket.answer('hello', welcome('two'));
  assert.deepEqual(env.socket.sent.map(({ type }) => type), ['hello']);
});

test('after a resume comes first what the link calls for, then what was under way, then what the welcome calls for; all once', () => {
  const { env, session } = enter();
  const ignore = (request: Promise<unknown>): void => void request.catch(() => undefined);
  session.on('link', (link) => link === 'open' && ignore(session.request('consent.withdraw', {})));
  session.on('welcome', () => ignore(session.request('publication.set', { source: 'camera', muted: true })));
  ignore(session.request('hand.set', { raised: true }));
  env.socket.drop();
  env.advance(500);
  env.socket.open();
  env.socket.answer('hello', welcome('two'));
  assert.deepEqual(env.socket.sent.map(({ type }) => type), ['hello', 'consent.withdraw', 'hand.set', 'publication.set']);
});

test('waits longer each time, and at once when asked', () => {
  const { env, session, links } = enter();
  const waits: number[] = [];
  for (let i = 0; i < 7; i += 1) {
    const before = env.timers.now();
    const dialled = env.sockets.length;
    env.socket.drop();
    while (env.sockets.length === dialled) env.advance(1);
    waits.push(env.timers.now() - before);
  }
  assert.deepEqual(waits, [188, 375, 750, 1500, 3000, 6000, 6000]);
  assert.equal(links.at(-1), 'lost');
  env.socket.drop();
  const dialled = env.sockets.length;
  session.tryNow();
  assert.equal(env.sockets.length, dialled + 1);
  session.tryNow();
  assert.equal(env.sockets.length, dialled + 1, 'one attempt at a time');
});

test('asked to look, it finds a dead connection sooner than by the next ping, and a live one stays', () => {
  const { env, session } = enter();
  session.probe();
  assert.equal(env.socket.sent.filter(({ type }) => type === 'ping').length, 1);
  env.socket.answer('ping');
  env.advance(4_999);
  assert.equal(env.socket.sent.filter(({ type }) => type === 'ping').length, 1, 'the pace of pings is as before');
  env.advance(1);
  session.probe(); // while a ping is under way
  assert.equal(env.socket.sent.filter(({ type }) => type === 'ping').length, 2, 'no second one');
  const dead = env.socket;
  env.advance(probeTimeoutMs - 1);
  assert.equal(env.socket, dead);
  env.advance(1);
  assert.notEqual(env.socket, dead, 'dialled at once');
  session.probe();
  assert.equal(env.sockets.length, 2);
});

test('on another network the connection of the one before is given up at once', () => {
  const { env, session, links } = enter();
  session.networkChanged();
  assert.deepEqual([env.sockets.length, env.sockets[0]!.closedWith, links.at(-1)], [2, 1000, 'lost']);
  session.networkChanged(); // while it connects
  assert.equal(env.sockets.length, 3);
  env.socket.open();
  assert.ok(env.socket.last('hello').data.resume);
  env.socket.answer('hello', welcome('two'));
  assert.equal(links.at(-1), 'open');
  env.advance(60_000);
  session.networkChanged();
  session.networkChanged();
  assert.equal(links.at(-1), 'lost');
});

test('a missing pong is a dead connection', () => {
  const { env } = enter();
  env.advance(5000);
  env.socket.answer('ping');
  env.advance(5000);
  const dead = env.socket;
  assert.equal(dead.sent.filter(({ type }) => type === 'ping').length, 2);
  env.advance(5300);
  assert.notEqual(env.socket, dead);
  assert.equal(dead.closedWith, 1000);
});

test('a refused ping is followed by the next, and one of a lost socket is not', () => {
  const { env } = enter();
  const pings = (): number => env.sockets.flatMap(({ sent }) => sent).filter(({ type }) => type === 'ping').length;
  env.advance(5000);
  for (let sent = 1; sent <= 10; sent += 1) {
    assert.equal(pings(), sent);
    env.socket.refuse('ping', { code: 'rate_limited', message: '', retryable: true, retryAfterMs: 50 });
    env.advance(5000);
  }
  assert.equal(env.sockets.length, 1, 'the socket lives');
  const before = pings();
  env.socket.drop();
  env.advance(60_000);
  assert.equal(pings(), before, 'nobody greeted us');
});

test('a socket that never opens is let go of', () => {
  const { env, ends } = begin();
  env.advance(8200);
  assert.equal(env.sockets.length, 2);
  env.advance(60_000);
  assert.deepEqual(ends, ['unreachable']);
});

test('comes back when the server asks to, not before', () => {
  const { env } = enter();
  env.socket.drop(4503);
  env.advance(250);
  env.socket.open();
  env.socket.refuse('hello', { code: 'draining', message: '', retryable: true, retryAfterMs: 5000 });
  const dialled = env.sockets.length;
  env.advance(4999);
  assert.equal(env.sockets.length, dialled);
  env.advance(1);
  assert.equal(env.sockets.length, dialled + 1);
});

test('a server that restarts is tried every second or two', () => {
  const { env } = enter();
  let before = env.timers.now();
  env.socket.drop(4503);
  const waits: number[] = [];
  for (let i = 0; i < 6; i += 1) {
    const dialled = env.sockets.length;
    while (env.sockets.length === dialled) env.advance(1);
    waits.push(env.timers.now() - before);
    before = env.timers.now();
    env.socket.drop();
  }
  assert.deepEqual(waits, [188, 375, 750, 1500, 1500, 1500]);
});

test('too many messages: resumes after a second', () => {
  const { env } = enter();
  env.socket.drop(4429);
  env.advance(999);
  assert.equal(env.sockets.length, 1);
  env.advance(1);
  assert.equal(env.sockets.length, 2);
});

test('a server that stays silent may have the seat still', () => {
  const { env, session, ends } = enter();
  env.socket.drop();
  env.advance(330_000);
  assert.deepEqual(ends, ['unreachable']);
  assert.equal(session.state, 'ended');
  const again = new Session(env, opening);
  again.connect();
  env.socket.open();
  assert.deepEqual(env.socket.last('hello').data, { resume: { sessionId: 's', secret: 'one' }, client });
});

test('final closes and refusals end the session and forget the seat', () => {
  for (const [code, word] of [[4409, 'replaced'], [4410, 'ended'], [1000, 'left'], [4403, 'denied']] as const) {
    const { env, ends } = enter();
    env.socket.drop(code);
    env.advance(60_000);
    assert.deepEqual(ends, [word]);
    assert.equal(env.sockets.length, 1);
    assert.equal(env.stored.size, 0);
  }
  const { env, ends } = begin();
  env.socket.open();
  env.socket.refuse('hello', { code: 'room_locked', message: '', retryable: true });
  assert.deepEqual(ends, ['room_locked']);
});

test('a request without an answer fails', async () => {
  const { env, session } = enter();
  const raised = session.request('hand.set', { raised: true });
  env.socket.receive({ seq: 1, type: 'speakers', ts: 1, data: { participantIds: [] } });
  env.advance(4000);
  const rejected = assert.rejects(raised, { code: 'timeout' });
  for (let i = 0; i < 2; i += 1) {
    env.advance(4000);
    if (env.socket.sent.some(({ type }) => type === 'ping')) env.socket.answer('ping');
  }
  await rejected;
});

test('nonsense closes the connection', () => {
  const { env, ends } = enter();
  env.socket.onmessage?.({ data: '[]' });
  assert.deepEqual(ends, ['protocol']);
  assert.equal(env.sockets[0]?.closedWith, 4400);
});

test('sent back: whoever waits knows nobody', () => {
  const { env, session } = enter();
  const person = {
    id: 'p2', displayName: 'Jonas', role: 'participant', connected: true, handRaised: false, verified: false, away: false,
    grants: [], taken: [],
    publications: [],
  };
  env.socket.receive({ seq: 1, type: 'roster', ts: 1, data: { participants: [person] } });
  assert.equal(session.roster.length, 1);
  env.socket.receive({ seq: 2, type: 'access.changed', ts: 1, data: { state: 'waiting', reason: 'sent_back', permissions: [] } });
  assert.equal(session.state, 'waiting');
  assert.equal(session.roster.length, 0);
  assert.equal(session.may('hand.raise'), false);
});
