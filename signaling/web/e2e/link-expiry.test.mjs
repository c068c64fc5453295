// A link expires after two minutes. A device check that takes longer must not make it unusable.
import assert from 'node:assert/strict';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDaemon } from './support/daemon.mjs';
import { converse } from './support/in-page.mjs';
import { launch, Person } from './support/person.mjs';
import { steps } from './support/steps.mjs';
import { pause, until } from './support/wait.mjs';

const leewayS = 30; // auth.Leeway: the server takes a token for so long after its end
const client = { name: 'e2e', version: '1' };
const nowS = () => Math.floor(Date.now() / 1000);

// The token signed anew, with another end.
function endingAt(token, exp, folder) {
  const jwk = JSON.parse(readFileSync(join(folder, 'signing.jwk'), 'utf8'));
  const [header, body] = token.split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url'));
  const changed = { ...claims, iat: exp - 60, exp, jti: randomUUID() };
  const signed = `${header}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
  return `${signed}.${sign(null, Buffer.from(signed), createPrivateKey({ key: jwk, format: 'jwk' })).toString('base64url')}`;
}

test('a slow device check', { timeout: 180_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-slow-'));
  const daemon = await startDaemon(['dev', '--data', folder, '--admin', '127.0.0.1:9091']);
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const people = [];
  const enter = async (name, url) => {
    const person = await Person.open(browser, name, url);
    people.push(person);
    return person;
  };
  const link = (sub, name) => daemon.link(sub, name, daemon.origin, 'participant', 'code');
  const short = async (sub, exp) => endingAt(await daemon.token(sub, sub), exp, folder);
  const waits = (person) => lind.page.locator(`[data-testid="waiter"][data-participant="${person.id}"]`);
  const row = (person) => lind.page.locator(`[data-testid="person"][data-participant="${person.id}"]`);
  const silent = async (person) => {
    assert.deepEqual(await person.peerStates(), [], `${person.name} has not joined, but has a PeerConnection`);
    for (const type of ['media.offer', 'publication.set']) assert.deepEqual(person.sent(type), []);
  };
  let lind, mara, jonas, theo;

  await steps(t, { people, daemon: () => daemon }, [
    ['goes on after the link is dead', async () => {
      lind = await enter('Dr. Lind', `${daemon.origin}/dev/host?level=code`); // tokens that are signed anew fit no secret
      await lind.join();
      await lind.sees('session');
      mara = await enter('Mara', 'about:blank'); // a browser may take its time to start, the link does not
      const exp = nowS() - leewayS + 6;
      const other = await short('another', exp);
      await mara.page.goto(`${daemon.origin}/#t=${await short('mara', exp)}`);
      await mara.fillName();
      await mara.sees('join-button');
      await pause(Math.max(0, (exp + leewayS + 1) * 1000 - Date.now()));
      const { answer } = await mara.page.evaluate(converse, { id: '1', type: 'hello', data: { token: other, client } });
      assert.equal(answer.error?.code, 'invalid_token', 'the tokens live: the test shows nothing');
      await mara.join();
      await mara.sees('waiting-room');
      await waits(mara).getByTestId('admit').click();
      await mara.sees('session');
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
    }],

    ['the therapist sees who still checks, and may let them in: nothing flows before they join', async () => {
      jonas = await enter('Jonas', await link('jonas', 'Jonas'));
      await jonas.fillName();
      await until('Jonas waits', () => jonas.welcome && waits(jonas).count());
      assert.equal(await lind.page.getByText('may still be checking').count(), 1);
      await jonas.sees('join-button');
      await lind.shot('slow-1-host');
      await waits(jonas).getByTestId('admit').click();
      await jonas.sees('let-in');
      await jonas.audit('let in during the device check');
      await jonas.shot('slow-2-let-in');
      await until('the therapist sees that he gets ready', async () => await row(jonas).getByText('Getting ready').count() === 1);
      await lind.shot('slow-3-getting-ready');
      assert.ok(jonas.received('media.ready').length > 0, 'there was nothing to hold back');
      await silent(jonas);
      assert.equal(await jonas.find('tile').count(), 0);
    }],

    ['a reload during the check resumes the seat, with the devices as they were set', async () => {
      const seat = jonas.id;
      const on = () => jonas.find('camera-toggle').getAttribute('data-on');
      await until('the camera is on', async () => await on() === 'true');
      await jonas.find('camera-toggle').click();
      await jonas.page.reload();
      await jonas.sees('let-in');
      assert.ok(jonas.sent('hello').at(-1).data.resume);
      assert.equal(jonas.id, seat, 'another seat');
      assert.equal(await on(), 'false', 'the camera started by itself');
      await silent(jonas);
      await jonas.find('camera-toggle').click();
      await jonas.join();
      await jonas.sees('session');
      await Promise.all([jonas.receives([lind, mara]), lind.receives([jonas])]);
      assert.equal(await row(jonas).getByText('Getting ready').count(), 0);
    }],

    ['the link opened twice: elsewhere it is used, in the same tab it leads back', async () => {
      const theos = await link('theo', 'Theo');
      theo = await enter('Theo', theos);
      await theo.fillName();
      await theo.sees('join-button');
      const seat = theo.id;
      const twin = await enter('Theo', theos);
      await twin.fillName();
      await twin.sees('ending-card');
      assert.equal(await twin.find('ending-card').getAttribute('data-code'), 'invalid_token');
      assert.equal(await twin.page.getByText('open in another window').count(), 1);
      await theo.page.goto('about:blank');
      await theo.page.goto(theos);
      await theo.sees('join-button');
      assert.ok(theo.sent('hello').at(-1).data.resume);
      assert.equal(theo.id, seat, 'another seat');
    }],

    ['words of the therapist come to the check, and so does a no', async () => {
      await waits(theo).getByLabel('Message Theo').click();
      await lind.page.getByRole('dialog').getByRole('textbox').fill('One minute, please.');
      await lind.page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
      await until('Theo reads it', async () => await theo.page.getByText('One minute, please.').isVisible());
      await theo.shot('slow-4-message');
      await theo.page.getByText('Write back').click();
      await theo.page.getByRole('dialog').getByRole('textbox').fill('Thank you.');
      await theo.page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
      await until('the therapist reads it', async () => await waits(theo).getByText('Thank you.').count() === 1);
      await theo.sees('join-button'); // to write is not to go on
      await waits(theo).getByTestId('deny').click();
      await lind.find('confirm').click();
      await theo.sees('ending-card', 20_000); // it can be undone for ten
      assert.equal(await theo.find('ending-card').getAttribute('data-code'), 'denied');
    }],

    ['leaving during the check frees the place', async () => {
      const noor = await enter('Noor', await link('noor', 'Noor'));
      await noor.fillName();
      await noor.sees('join-button');
      await until('Noor waits', () => waits(noor).count());
      await noor.find('leave').click();
      await noor.sees('ending-card');
      await until('Noor waits no more', async () => await waits(noor).count() === 0);
    }],

    ['before the seat is taken, the page says in time that the link ends', async () => {
      const late = await enter('Late', 'about:blank');
      await late.page.goto(`${daemon.origin}/#t=${await short('late', nowS() + 6)}`);
      await late.sees('link-soon');
      await late.audit('the link ends soon');
      await late.shot('slow-5-soon');
      await late.sees('link-over');
      await late.shot('slow-6-over');
      await late.page.setViewportSize({ width: 390, height: 800 });
      await late.shot('slow-7-over-phone');
    }],
  ]);
});
