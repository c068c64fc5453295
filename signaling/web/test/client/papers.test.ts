import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Encrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption';
import { maxTextLength } from '../../client/papers/chat';
import { pieceBytes } from '../../client/papers/http';
import { keyTimeoutMs } from '../../client/papers/mailbox';
import { Papers } from '../../client/papers/papers';
import { maySend } from '../../client/papers/policy';
import { AgeSealing } from '../../client/papers/sealing';
import type { Bytes } from '../../client/e2ee/bytes';
import type { Participant, Reach, Role, Welcome } from '../../client/wire/protocol';
import { FakeFileServer, problem } from '../support/file-server';

// A group whose application messages arrive at once, at those that the sender names; what passes the server is in `wire`.
class Group {
  readonly server = new FakeFileServer();
  readonly members = new Map<string, Member>();
  readonly wire: string[] = [];
  reach: Reach = 'hosts';
  // The server is the attacker's: it delivers to whom it likes.
  deliverToAll = false;
  // And holds messages back: those of these kinds, for good or until `release`.
  held: string[] = [];
  readonly #undelivered: (() => void)[] = [];

  constructor() {
    this.server.changed = () => {
      for (const { papers } of this.members.values()) void papers.files.refresh();
    };
  }

  join(id: string, role: Role = 'participant', clinicHashes?: readonly string[]): Member {
    const member = new Member(this, id, role, clinicHashes);
    this.members.set(id, member);
    for (const { papers } of this.members.values()) papers.onRoster(this.roster());
    return member;
  }

  roster(): Participant[] {
    return [...this.members.values()].map(({ id, role }) => ({
      id, displayName: `${id}'s name`, role, connected: true, handRaised: false, verified: false, away: false, grants: [], taken: [], publications: [],
    }));
  }

  async send(from: string, content: string, to?: readonly string[]): Promise<void> {
    this.wire.push(content);
    const deliver = (): void => {
      for (const [id, { papers }] of this.members) if (id !== from && (this.deliverToAll || !to || to.includes(id))) papers.onMessage(from, content);
    };
    if (this.held.includes((JSON.parse(content) as { kind: string }).kind)) this.#undelivered.push(deliver);
    else deliver();
  }

  release(): void {
    this.held = [];
    for (const deliver of this.#undelivered.splice(0)) deliver();
  }
}

// Remembers the keys of files, which each recipient has.
class KnownSealing extends AgeSealing {
  readonly keys: string[] = [];

  override async sealFile(plain: Bytes): ReturnType<AgeSealing['sealFile']> {
    const sealed = await super.sealFile(plain);
    this.keys.push(sealed.key);
    return sealed;
  }
}

class Member {
  papers: Papers;
  sealing = new KnownSealing();
  silent: boolean | string = false; // of everything, or of this kind

  constructor(readonly group: Group, readonly id: string, readonly role: Role, readonly clinicHashes?: readonly string[]) {
    this.papers = this.load();
  }

  // A page that is loaded anew has another mail key.
  load(): Papers {
    const { group, id } = this;
    const sealing = (this.sealing = new KnownSealing());
    this.papers = new Papers({ sealing: () => sealing, fetch: group.server.fetch }, {
      timers: { set: (run, ms) => setTimeout(run, ms === keyTimeoutMs ? 300 : Math.min(ms, 5)), clear: (timer) => clearTimeout(timer as never), now: () => performance.now() },
      channel: {
        send: async (content, to) => {
          if (this.silent === (JSON.parse(content) as { kind: string }).kind) throw new Error('not sent');
          if (this.silent !== true) await group.send(id, content, to);
        },
      },
      request: async (type, data) => group.server.request(id, type, data as Record<string, unknown>) as never,
      self: () => id, roster: () => group.roster(), clinicHashes: this.clinicHashes, onChat: () => undefined, onFiles: () => undefined,
    });
    this.papers.onWelcome({ policy: { name: 'p', recording: 'never', scopes: [], chat: group.reach } } as unknown as Welcome);
    this.papers.onRoster(group.roster());
    return this.papers;
  }

  texts(): string[] {
    return this.papers.chat.messages.filter(({ own }) => !own).map(({ name, text }) => `${name}: ${text}`);
  }
}

async function until(what: string, done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000 && !done(); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(done(), what);
}

function group(reach: Reach = 'hosts'): { g: Group; host: Member; ann: Member; ben: Member } {
  const g = new Group();
  g.reach = reach;
  return { g, host: g.join('host', 'host'), ann: g.join('ann'), ben: g.join('ben') };
}

const secret = 'the known word marzipan';
const content = new TextEncoder().encode(secret.repeat(20_000));

function draft(to: string[], more: object = {}): Parameters<Papers['files']['send']>[0] {
  return { name: `${secret}.txt`, type: 'text/plain', content, note: 'read this', to, ...more };
}

test('who may send to whom is the rule of the server', () => {
  const hosts = ['host', 'co'];
  const cases: [Reach, Role, string[] | 'all', boolean][] = [
    ['off', 'host', 'all', false], ['hosts', 'host', 'all', true], ['hosts', 'cohost', ['ann'], true],
    ['hosts', 'participant', 'all', false], ['hosts', 'participant', ['host'], true], ['hosts', 'participant', ['ben'], false], ['hosts', 'participant', ['ben', 'host', 'co'], false],
    ['all', 'participant', 'all', true], ['all', 'participant', ['ben'], false], ['all', 'participant', ['ben', 'host'], false], ['all', 'participant', ['ben', 'host', 'co'], true],
    ['all', 'observer', 'all', false],
  ];
  for (const [reach, role, to, want] of cases) assert.equal(maySend(reach, role, to, hosts), want, `${reach}, ${role} to ${String(to)}`);
});

test('a message to all arrives at all who are there, and not at who comes later', async () => {
  const { g, host, ann, ben } = group();
  await host.papers.chat.send('Good morning', 'all');
  const late = g.join('late');
  await until('arrived', () => ann.texts().length === 1 && ben.texts().length === 1);
  assert.deepEqual(ann.texts(), ["host's name: Good morning"]);
  assert.deepEqual(late.texts(), []);
  assert.equal(host.papers.chat.messages[0]!.state, 'sent');
});

test('a message to one is sealed for that one, and opened by nobody else even if the server delivers it', async () => {
  const { g, host, ann, ben } = group();
  g.deliverToAll = true;
  await host.papers.chat.send(secret, ['ann']);
  await until('arrived', () => ann.texts().length === 1);
  assert.deepEqual([ann.texts(), ben.texts()], [[`host's name: ${secret}`], []]);
  // Not even who says that it was for them.
  const blob = JSON.parse(g.wire.at(-1)!) as { sealed: string };
  ben.papers.onMessage('host', JSON.stringify({ kind: 'chat', id: 'again', to: ['ben'], sealed: blob.sealed }));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(ben.texts(), []);
  assert.ok(!g.wire.some((content) => content.includes(secret)));
});

test('what the policy forbids is not shown, whoever sends it', async () => {
  const { ann, ben, host } = group('hosts');
  for (const message of [{ kind: 'chat', id: '1', text: 'psst' }, { kind: 'chat', id: '2' }, { kind: 'other', id: '3', text: 'x' }, 'no JSON']) {
    ben.papers.onMessage('ann', typeof message === 'string' ? message : JSON.stringify(message));
  }
  ben.papers.onMessage('stranger', JSON.stringify({ kind: 'chat', id: '4', text: 'hello' }));
  ben.papers.onMessage('host', JSON.stringify({ kind: 'chat', id: '5', text: 'x'.repeat(maxTextLength + 5) }));
  ben.papers.onMessage('host', JSON.stringify({ kind: 'chat', id: '5', text: 'twice' }));
  assert.deepEqual(ben.papers.chat.messages.map(({ text }) => text.length), [maxTextLength]);
  await ann.papers.chat.send('for the hosts', ['host']);
  await until('arrived', () => host.texts().length === 1);
});

test('a message that nobody takes says so, and can be sent again', async () => {
  const { host, ann } = group();
  ann.silent = true;
  await host.papers.chat.send('hello', ['ann']);
  assert.equal(host.papers.chat.messages[0]!.state, 'failed');
  ann.silent = false;
  await host.papers.chat.retry(host.papers.chat.messages[0]!.id);
  await until('arrived', () => ann.texts().length === 1);
  assert.equal(host.papers.chat.messages[0]!.state, 'sent');
  const late = host.papers.chat.send('on its way', 'all');
  host.papers.chat.clear();
  await late;
  assert.deepEqual(host.papers.chat.messages, [], 'what is answered after the end comes back');
});

test('a file arrives at the chosen, with its name and note, and the server has none of it in clear', async () => {
  const { g, host, ann, ben } = group();
  await host.papers.files.send(draft(['ann']));
  assert.equal(host.papers.files.papers[0]!.state, 'sent');
  await until('ready', () => ann.papers.files.papers[0]?.state === 'ready');
  const paper = ann.papers.files.papers[0]!;
  assert.deepEqual([paper.name, paper.note, paper.fromName, paper.size], [`${secret}.txt`, 'read this', "host's name", content.length]);
  const opened = await ann.papers.files.open(paper.id);
  assert.deepEqual(Buffer.from(opened.content).compare(content), 0);
  assert.deepEqual(ben.papers.files.papers, []);
  for (const { sealed, content: stored } of g.server.files.values()) {
    assert.ok(!Buffer.from(stored).includes('marzipan') && !Buffer.from(sealed, 'base64').includes('marzipan'));
  }
  // The server shows everything to another: nothing opens.
  const [file] = g.server.files.values();
  file!.to.push('ben');
  await ben.papers.files.refresh();
  await until('refused', () => ben.papers.files.papers[0]?.state === 'unreadable');
});

test('an upload goes on after a lost connection, and sends nothing twice', async () => {
  const { g, host, ann } = group();
  let patches = 0;
  g.server.intercept = (method) => (method === 'PATCH' && ++patches === 2 ? 'cut' : method === 'HEAD' && patches < 4 && ++patches ? 'cut' : undefined);
  const progress: number[] = [];
  const sending = host.papers.files.send(draft(['ann']));
  const watching = setInterval(() => progress.push(host.papers.files.papers[0]?.progress ?? 0), 1);
  await sending;
  clearInterval(watching);
  assert.equal(host.papers.files.papers[0]!.state, 'sent');
  assert.deepEqual(progress, [...progress].sort((a, b) => a - b));
  const sent = g.server.requests.filter((request) => request.startsWith('PATCH')).length;
  const [file] = g.server.files.values();
  assert.equal(sent, Math.ceil(file!.size / pieceBytes) + 1, 'the one that was cut is the only one sent again');
  await until('ready', () => ann.papers.files.papers[0]?.state === 'ready');
});

test('a daemon that was started anew gets the file from the beginning', async () => {
  const { g, host, ann } = group();
  let once = true;
  g.server.intercept = (method) => {
    if (method !== 'PATCH' || !once) return undefined;
    once = false;
    g.server.files.clear();
    return undefined;
  };
  await host.papers.files.send(draft(['ann']));
  assert.equal(host.papers.files.papers.length, 1);
  assert.equal(host.papers.files.papers[0]!.state, 'sent');
  await until('ready', () => ann.papers.files.papers[0]?.state === 'ready');
});

test('refusals say why', async () => {
  for (const [status, code] of [[507, 'storage_full'], [413, 'file_too_large'], [410, 'room_ended']] as const) {
    const { g, host } = group();
    g.server.intercept = (method) => (method === 'PATCH' ? problem(status, code) : undefined);
    await host.papers.files.send(draft(['ann']));
    assert.deepEqual([host.papers.files.papers[0]!.state, host.papers.files.papers[0]!.problem], ['failed', code]);
  }
  const { host, ann } = group();
  await host.papers.files.send({ ...draft(['ann']), content: new Uint8Array(26 * 1024 * 1024) });
  assert.equal(host.papers.files.papers[0]!.problem, 'file_too_large');
  ann.silent = true;
  await host.papers.files.send(draft(['ann']));
  assert.equal(host.papers.files.papers[1]!.problem, 'no_mail_key');
});

test('what is timed for the end waits until then, and is opened on the last screen', async () => {
  const { g, host, ann } = group();
  await host.papers.files.send(draft(['ann'], { afterSession: true }));
  await until('told', () => ann.papers.files.papers[0]?.state === 'waiting');
  assert.equal(ann.papers.files.papers[0]!.name, '');
  await assert.rejects(ann.papers.files.open(ann.papers.files.papers[0]!.id));
  const ending = ann.papers.files.onEnded();
  await new Promise((resolve) => setTimeout(resolve, 20));
  g.server.ended = true;
  await ending;
  assert.equal(ann.papers.files.papers[0]!.state, 'ready');
  assert.equal((await ann.papers.files.open(ann.papers.files.papers[0]!.id)).content.length, content.length);
});

test('what was opened stays when the server deletes it at the end', async () => {
  const { g, host, ann } = group();
  await host.papers.files.send(draft(['ann']));
  await until('fetched', () => g.server.requests.filter((request) => /GET .*file1$/.test(request)).length === 1);
  await until('ready', () => ann.papers.files.papers[0]?.state === 'ready');
  g.server.ended = true;
  g.server.files.clear();
  await ann.papers.files.onEnded();
  assert.equal((await ann.papers.files.open('file1')).content.length, content.length);
});

test('withdrawing and replacing take the file from the others', async () => {
  const { host, ann } = group();
  await host.papers.files.send(draft(['ann']));
  await until('ready', () => ann.papers.files.papers.length === 1);
  const [first] = host.papers.files.papers;
  await host.papers.files.send(draft(['ann'], { replaces: first!.id, name: 'second.txt' }));
  await until('replaced', () => ann.papers.files.papers.length === 1 && ann.papers.files.papers[0]!.name === 'second.txt');
  assert.deepEqual(host.papers.files.papers.map(({ name }) => name), ['second.txt']);
  await host.papers.files.withdraw(host.papers.files.papers[0]!.id);
  await until('withdrawn', () => ann.papers.files.papers.length === 0);
  assert.deepEqual(host.papers.files.papers, []);
});

test('an upload that is stopped disappears', async () => {
  const { g, host } = group();
  g.server.intercept = (method) => (method === 'PATCH' ? 'cut' : undefined);
  const sending = host.papers.files.send(draft(['ann']));
  await until('begun', () => host.papers.files.papers[0]?.state === 'uploading');
  await host.papers.files.withdraw(host.papers.files.papers[0]!.id);
  await sending;
  assert.deepEqual([host.papers.files.papers, [...g.server.files]], [[], []]);
});

test('a page that was loaded anew gets what is sent after, and says so of what was sent before', async () => {
  const { host, ann } = group();
  await host.papers.files.send(draft(['ann']));
  await until('ready', () => ann.papers.files.papers[0]?.state === 'ready');
  ann.load();
  await ann.papers.files.refresh();
  await until('unreadable', () => ann.papers.files.papers[0]?.state === 'unreadable');
  await host.papers.files.send(draft(['ann'], { name: 'new.txt' }));
  await until('ready', () => ann.papers.files.papers.some(({ name, state }) => name === 'new.txt' && state === 'ready'));
});

// What is shown of the one file that somebody was sent.
function shown({ papers }: Member): [state: string | undefined, confirmed: boolean | undefined, sender: string | undefined, name: string | undefined] {
  const [paper] = papers.files.papers;
  return [paper?.state, paper?.confirmed, paper?.fromName, paper?.name];
}
const refused = (state: string): ReturnType<typeof shown> => [state, false, '', ''];

// Of the announcement of the newest file.
function announced(g: Group): { id: string; digest: string } {
  return JSON.parse(g.wire.filter((content) => content.includes('"file"')).at(-1)!) as { id: string; digest: string };
}

test('the server cannot say that somebody else sent a file', async () => {
  const { g, host, ann } = group();
  g.server.changed = () => undefined;
  await host.papers.files.send(draft(['ann', 'ben']));
  const [file] = g.server.files.values();
  file!.from = 'ben';
  await ann.papers.files.refresh();
  await until('refused', () => ann.papers.files.papers[0]?.state === 'unconfirmed');
  assert.deepEqual(shown(ann), refused('unconfirmed'));
  await assert.rejects(ann.papers.files.open('file1'), { code: 'target_not_found' });
  // Not with Ben's help either.
  ann.papers.onMessage('ben', JSON.stringify({ kind: 'file', ...announced(g) }));
  await until('refused', () => ann.papers.files.papers[0]?.state === 'changed');
  assert.deepEqual(shown(ann), refused('changed'));
  await assert.rejects(ann.papers.files.open('file1'), { code: 'target_not_found' });
});

test('the server cannot pass one file of a sender off as another', async () => {
  const { g, host, ann } = group();
  g.server.changed = () => undefined;
  await host.papers.files.send(draft(['ann']));
  await host.papers.files.send(draft(['ann'], { name: 'second.txt' }));
  const [first, second] = [...g.server.files.values()];
  [first!.sealed, first!.content, second!.sealed, second!.content] = [second!.sealed, second!.content, first!.sealed, first!.content];
  await ann.papers.files.refresh();
  assert.deepEqual(ann.papers.files.papers.map(({ state, name }) => [state, name]), [['changed', ''], ['changed', '']]);
});

test('another recipient, who has the key too, cannot put other content into a file', async () => {
  const { g, host, ann, ben } = group();
  g.server.changed = () => undefined;
  await host.papers.files.send(draft(['ann', 'ben']));
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(host.sealing.keys[0]!));
  const [file] = g.server.files.values();
  const honest = file!.content;
  file!.content = await encrypter.encrypt(new TextEncoder().encode('something else'));
  await ann.papers.files.refresh();
  await until('fetched', () => ann.papers.files.papers[0]?.problem === 'changed');
  await assert.rejects(ann.papers.files.open('file1'), { code: 'changed' });
  file!.content = honest;
  assert.equal((await ann.papers.files.open('file1')).content.length, content.length);
  assert.equal(ann.papers.files.papers[0]!.problem, '');
  await ben.papers.files.refresh();
  assert.deepEqual(shown(ben), ['ready', true, "host's name", `${secret}.txt`]);
});

test('a file that is listed before it is announced waits, and shows its sender with the announcement', async () => {
  const { g, host, ann } = group();
  g.held = ['file', 'file.ask'];
  await host.papers.files.send(draft(['ann']));
  await until('listed', () => ann.papers.files.papers.length === 1);
  assert.deepEqual(shown(ann), refused('waiting'));
  await until('nobody answered', () => ann.papers.files.papers[0]?.state === 'unconfirmed');
  assert.deepEqual(shown(ann), refused('unconfirmed'));
  g.release();
  await until('ready', () => ann.papers.files.papers[0]?.state === 'ready');
  assert.deepEqual(shown(ann), ['ready', true, "host's name", `${secret}.txt`]);
});

test('who missed the announcement asks its sender, who answers recipients alone', async () => {
  const { g, host, ann, ben } = group();
  g.held = ['file'];
  await host.papers.files.send(draft(['ann'], { afterSession: true }));
  g.held = [];
  await until('asked', () => ann.papers.files.papers[0]?.confirmed === true);
  assert.deepEqual(shown(ann), ['waiting', true, "host's name", '']);
  const before = g.wire.length;
  host.papers.onMessage('ben', JSON.stringify({ kind: 'file.ask', id: 'file1' }));
  host.papers.onMessage('ann', JSON.stringify({ kind: 'file.ask', id: 'file2' }));
  assert.equal(g.wire.length, before);
  assert.deepEqual(ben.papers.files.papers, []);
  g.server.ended = true;
  await ann.papers.files.onEnded();
  assert.deepEqual(shown(ann), ['ready', true, "host's name", `${secret}.txt`]);
});

test('what is timed and was announced by nobody stays closed at the end', async () => {
  const { g, host, ann } = group();
  g.held = ['file', 'file.ask'];
  await host.papers.files.send(draft(['ann'], { afterSession: true }));
  await until('refused', () => ann.papers.files.papers[0]?.state === 'unconfirmed');
  g.server.ended = true;
  await ann.papers.files.onEnded();
  assert.deepEqual(shown(ann), refused('unconfirmed'));
});

test('a file that cannot be announced is not sent, and nothing of it stays at the server', async () => {
  const { g, host, ann } = group();
  host.silent = 'file';
  await host.papers.files.send(draft(['ann']));
  assert.deepEqual([host.papers.files.papers[0]!.state, host.papers.files.papers[0]!.problem], ['failed', 'not_announced']);
  assert.deepEqual([[...g.server.files], ann.papers.files.papers], [[], []]);
});

test('a page that was loaded anew learns who sent what waits, and cannot open it', async () => {
  const { g, host, ann } = group();
  await host.papers.files.send(draft(['ann'], { afterSession: true }));
  await until('announced', () => ann.papers.files.papers[0]?.confirmed === true);
  ann.load();
  await ann.papers.files.refresh();
  await until('announced again', () => ann.papers.files.papers[0]?.confirmed === true);
  g.server.ended = true;
  await ann.papers.files.onEnded();
  assert.deepEqual(shown(ann), ['unreadable', true, "host's name", '']);
});

test('journals are sealed to the clinic of the own link, and to no other', async () => {
  const g = new Group();
  const clinic = await generateHybridIdentity();
  g.server.clinic = [await identityToRecipient(clinic)];
  const hash = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(g.server.clinic[0]))).toString('hex');
  const ann = g.join('ann', 'participant', [hash]);
  await ann.papers.files.writeClinic('journal', 'Ann', secret);
  const [file] = g.server.files.values();
  assert.ok(file!.complete && file!.clinic === 'journal' && !Buffer.from(file!.content).includes('marzipan'));
  const { Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addIdentity(clinic);
  const paper = JSON.parse(await decrypter.decrypt(file!.content, 'text')) as { kind: string; text: string; from: string };
  assert.deepEqual([paper.kind, paper.text, paper.from], ['journal', secret, 'Ann']);
  const other = g.join('ben', 'participant', ['00'.repeat(32)]);
  await assert.rejects(other.papers.files.writeClinic('journal', 'Ben', secret), { code: 'recipients' });
  assert.equal(g.server.files.size, 1);
});

test('without recipients in the own link a card or a journal is sealed to nobody', async () => {
  const g = new Group();
  g.server.clinic = [await identityToRecipient(await generateHybridIdentity())];
  const links: [string, readonly string[] | undefined][] = [['ann', undefined], ['ben', []]];
  for (const [id, named] of links) {
    const { papers } = g.join(id, 'participant', named);
    for (const kind of ['card', 'journal'] as const) await assert.rejects(papers.files.writeClinic(kind, id, secret), { code: 'recipients_unnamed' });
  }
  assert.equal(g.server.files.size, 0);
});
