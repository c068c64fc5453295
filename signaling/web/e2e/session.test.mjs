// A group session from token to video: a therapist and three participants, each in a Chromium context of their own; and a session of two
// browsers that have nothing in common but the standards, Chromium and Firefox ESR.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { alcove, encryption, encryptionFlags, startDaemon } from './support/daemon.mjs';
import { startDemo } from './support/demo.mjs';
import { FirefoxPerson, launchFirefox } from './support/firefox.mjs';
import { converse } from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';


// What may reach somebody who waits: their own welcome, their own state, and the beat of the connection.
const welcomeFields = ['sessionId', 'resumeSecret', 'participantId', 'state', 'role', 'permissions', 'pingMs', 'resumeMs', 'waitingResumeMs', 'policy',
  'needs', 'agreement', 'consents', 'helpRaised', 'displayName', 'verifiedName'];
const waitingPermissions = [];

async function assertKnowsNobody(person) {
  const allowed = new Set([...person.answers('hello'), ...person.answers('ping'), ...person.answers('e2ee.key')]);
  const heard = person.frames.filter((f) => !f.sent).map((f) => f.frame);
  assert.ok(heard.length > 0, `${person.name} heard nothing at all: the test looks at nothing`);
  for (const frame of heard) {
    if (allowed.has(frame)) continue;
    assert.equal(frame.type, 'access.changed', `${person.name} heard ${JSON.stringify(frame)}`);
    assert.equal(frame.data.state, 'waiting');
  }
  for (const { data } of person.answers('e2ee.key')) assert.deepEqual(data, {});
  for (const { data } of person.answers('hello')) {
    assert.deepEqual(Object.keys(data).filter((k) => !welcomeFields.includes(k)), []);
    for (const own of ['displayName', 'verifiedName']) assert.ok([undefined, person.name].includes(data[own]), `${person.name} heard the name of another`);
    assert.equal(data.state, 'waiting');
    assert.equal(data.policy.e2ee, encryption);
    assert.deepEqual(data.permissions, waitingPermissions);
  }
  assert.deepEqual(await person.peerStates(), [], `${person.name} waits, but has a PeerConnection`);
}

test('a group session', { timeout: 170_000 }, async (t) => {
  const { daemon, people, enter } = await startDemo(t);
  let lind, mara, jonas, theo, theoAgain;

  await steps(t, { people, daemon: () => daemon }, [
    ['nothing reaches those who wait', async () => {
      // Mara is early: that changes nothing.
      mara = await enter('Mara', await daemon.link('mara', 'Mara'));
      await mara.sees('name-input');
      await mara.audit('name');
      await mara.shot('0-name');
      await mara.fillName();
      await mara.sees('join-button');
      await until('the camera is on', async () => await mara.find('camera-toggle').getAttribute('data-on') === 'true');
      await mara.audit('device check');
      await mara.shot('1-device-check');
      await mara.join();
      await mara.sees('waiting-room');
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host`);
      await lind.join();
      await lind.sees('session');
      jonas = await enter('Jonas', await daemon.link('jonas', 'Jonas'));
      theo = await enter('Theo', await daemon.link('theo', 'Theo'));
      await Promise.all([jonas.join(), theo.join()]);
      await until('the therapist sees three who wait', async () => await lind.find('admit').count() === 3);
      for (const person of [mara, jonas, theo]) {
        await person.sees('waiting-room');
        await assertKnowsNobody(person);
      }
      await mara.audit('waiting room');
      await mara.shot('2-waiting');
      await lind.audit('session of the therapist, with people waiting');
      await lind.shot('3-host-admits');
    }],

    ['one is admitted, the others still know nothing', async () => {
      await lind.find('admit').first().click();
      await mara.sees('session');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      await assertKnowsNobody(jonas);
      await assertKnowsNobody(theo);
    }],

    ['everyone decodes everyone', async () => {
      await lind.find('admit-all').click();
      await Promise.all([jonas.sees('session'), theo.sees('session')]);
      await everyone([lind, mara, jonas, theo]);
      await until('four tiles', async () => await mara.find('tile').count() === 4);
      const lines = Object.keys((await lind.media()).outbound).map((line) => line.at(-1));
      assert.deepEqual(['q', 'h', 'f'].filter((rid) => !lines.includes(rid)), [], 'encodings of the camera are missing');
      await mara.audit('session');
      await mara.shot('session');
      await lind.shot('4-session-host');
    }],

    ['what nobody can see in full is not sent in full', async () => {
      const others = [mara, jonas, theo];
      const size = others[0].page.viewportSize();
      await Promise.all(others.map((p) => p.page.setViewportSize({ width: 640, height: 400 })));
      await until('the tiles are told', () => others.every((p) => {
        const views = p.sent('view.set').at(-1)?.data.views ?? [];
        return views.length === 3 && views.every(({ height }) => height < 200);
      }));
      await until('the largest is not wanted', () => lind.received('encodings.wanted').at(-1)?.rids.includes('f') === false);
      const frames = async () => Object.entries((await lind.media()).outbound).find(([line]) => line.endsWith('f'))[1].frames;
      await until('it is not sent', async () => {
        const before = await frames();
        await pause(500);
        return await frames() === before;
      });
      await mara.receives([lind]);
      await Promise.all(others.map((p) => p.page.setViewportSize(size)));
    }],

    ['a locked room refuses a fifth', async () => {
      await lind.find('lock-toggle').click();
      await until('everybody is told', () => [lind, mara, jonas, theo].every((p) => p.received('room.updated').at(-1)?.locked));
      const noor = await enter('Noor', await daemon.link('noor', 'Noor'));
      await noor.fillName();
      await noor.sees('ending-card');
      assert.equal(await noor.find('ending-card').getAttribute('data-code'), 'room_locked');
      assert.deepEqual(noor.received('roster'), []);
      assert.deepEqual(await noor.peerStates(), []);
      await noor.audit('ending card');
      await noor.shot('5-locked');
      await noor.context.close();
      people.splice(people.indexOf(noor), 1);
    }],

    ['with a fresh token back into the locked room, by the hand of the therapist', async () => {
      theoAgain = await enter('Theo', await daemon.link('theo', 'Theo'));
      await theoAgain.join();
      await theoAgain.sees('waiting-room');
      await assertKnowsNobody(theoAgain);
      await until('marked as returning', () => lind.received('waiting.added').at(-1)?.waiter.returning);
      await lind.shot('8-returning');
      await lind.find('admit').first().click();
      await theoAgain.sees('session');
      await theo.sees('ending-card');
      assert.equal(await theo.find('ending-card').getAttribute('data-code'), 'replaced');
      await everyone([lind, mara, jonas, theoAgain]);
    }],

    ['remove ends media, token and resume secret are dead', async () => {
      const others = [lind, mara, jonas];
      const lines = others.map((p) => Object.values(p.linesOf(theoAgain)));
      const packets = async () => (await Promise.all(others.map((p) => p.media())))
        .map(({ inbound }, i) => lines[i].reduce((sum, mid) => sum + (inbound[mid]?.packets ?? 0), 0));
      await askToRemove(lind, theoAgain);
      await lind.audit('confirmation');
      await lind.shot('9-confirm');
      const before = await packets();
      assert.ok(before.every((n) => n > 0), `media of Theo before: ${before}`);
      await lind.find('confirm').click();
      // The answer comes when the media plane has ended it; what is on its way may still be read.
      await until('the removal is answered', () => lind.answers('mod.remove').at(-1)?.ok);
      let last = [];
      await until('nothing comes any more', async () => {
        const now = await packets();
        const still = now.join() === last.join();
        last = now;
        await pause(500);
        return still;
      });
      await theoAgain.sees('ending-card');
      assert.equal(await theoAgain.find('ending-card').getAttribute('data-code'), 'removed');
      assert.ok((await theoAgain.peerStates()).every((s) => s === 'closed'), 'a PeerConnection is left');
      await theoAgain.shot('10-removed');

      const client = { name: 'e2e', version: '1' };
      const say = (data) => theoAgain.page.evaluate(converse, { id: '1', type: 'hello', data: { ...data, e2ee: 1, client } });
      const { sessionId } = theoAgain.welcome;
      const { token } = theoAgain.sent('hello')[0].data;
      for (const [what, data, code] of [
        ['the secret', { resume: { sessionId, secret: theoAgain.welcome.resumeSecret } }, 'resume_expired'],
        ['the token', { token }, 'invalid_token'],
        ['a fresh token', { token: await daemon.token('theo', 'Theo') }, 'barred'],
      ]) {
        const { answer, code: close } = await say(data);
        assert.equal(answer?.ok, false, `${what} of the removed was accepted`);
        assert.equal(answer.error.code, code, what);
        assert.ok(close >= 4400, `${what}: closed with ${close}`);
      }
    }],

    ['end for all', async () => {
      await lind.find('end-for-all').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      for (const person of [lind, mara, jonas]) {
        await person.sees('ending-card');
        assert.ok((await person.peerStates()).every((s) => s === 'closed'), `${person.name} keeps a PeerConnection`);
      }
      await mara.audit('the session ended');
      await mara.shot('11-ended');
    }],

    ['nobody asked a third party', () => {
      for (const person of people) person.assertSameOrigin(['localhost:8080']);
    }],
  ]);
});

async function everyone(people) {
  await Promise.all(people.map((p) => p.receives(people.filter((other) => other !== p))));
}

// Opens the dialog that removes somebody.
async function askToRemove(host, person) {
  const row = host.page.locator(`[data-testid="person"][data-participant="${person.id}"]`);
  await row.locator('[data-testid="more"]').click();
  await row.locator('[data-testid="remove"]').click();
  await host.sees('confirm');
}

// The interface that run.sh makes: Firefox gathers no loopback candidate beside it.
const mediaAddress = '10.99.0.1';

// `alcove serve` with keys and tokens of its own, as in a clinic.
const config = `
listen: 127.0.0.1:8080
auth: {issuer: https://id.clinic.example, audience: alcove, jwks_file: keys/jwks.json, person_key_file: keys/person.key}
store: {key_file: keys/store.key}
audit: {key_file: keys/audit.key}
media: {listen: ${mediaAddress}}
`;

test('Chromium and Firefox', { timeout: 90_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-e2e-'));
  const file = join(folder, 'alcove.yaml');
  writeFileSync(file, config);
  alcove('keygen', '--out', join(folder, 'keys'));
  const link = (sub, name, role) => alcove('token', '--key', join(folder, 'keys/signing.jwk'), '--config', file, ...encryptionFlags(join(folder, 'keys')), '--room', 'tuesday',
    '--sub', sub, '--name', name, '--role', role, '--url', 'http://localhost:8080/').trim();

  const daemon = await startDaemon(['serve', '--config', file]);
  const [chromium, firefox] = await Promise.all([launch(), launchFirefox()]);
  t.after(async () => {
    await Promise.all([chromium.close(), firefox.close()]);
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  let lind, mara;
  await steps(t, { people, daemon: () => daemon }, [
    ['a participant in Firefox waits', async () => {
      lind = await Person.open(chromium, 'Dr. Lind', link('lind', 'Dr. Lind', 'host'));
      people.push(lind);
      await lind.join();
      await lind.sees('session');
      mara = await FirefoxPerson.open(firefox, 'Mara', link('mara', 'Mara', 'participant'));
      people.push(mara);
      await mara.join();
      await mara.sees('waiting-room');
      assert.deepEqual(await mara.peerStates(), [], 'Mara waits, but has a PeerConnection');
      await mara.shot('firefox-1-waiting');
    }],
    ['each decodes the other', async () => {
      await until('somebody waits', async () => await lind.find('admit').count() === 1);
      await lind.find('admit').click();
      await mara.sees('session');
      const other = { name: 'Mara', id: lind.received('roster').at(-1) && await until('Mara joined', () => lind.received('participant.joined').at(-1)?.participant.id) };
      await Promise.all([lind.receives([other]), mara.receives()]);
      await mara.shot('firefox-2-session');
      await lind.shot('firefox-3-session-of-chromium');
    }],
    ['end for all', async () => {
      await lind.find('end-for-all').click();
      await lind.sees('confirm');
      await lind.find('confirm').click();
      await mara.sees('ending-card');
      lind.assertSameOrigin(['localhost:8080']);
      mara.assertSameOrigin(['localhost:8080']);
    }],
  ]);
});
