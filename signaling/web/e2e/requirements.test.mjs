// The room of the demo whose policy asks for everything: agreement, passcode, identity, consent, help and side rooms.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDemo } from './support/demo.mjs';
import { steps } from './support/steps.mjs';
import { until } from './support/wait.mjs';

const passcode = 'quiet-alcove';

async function begin(t) {
  const { daemon, people, enter: open } = await startDemo(t);
  const enter = async (name, role, policy) => {
    const person = await open(name, await daemon.guarded(name, role, policy));
    await person.join();
    return person;
  };
  return { daemon, people, enter };
}

// The two answers of a question look alike: same size, same style, same distance.
async function assertSameStyle(person, one, other) {
  const [a, b] = await Promise.all([one, other].map((id) => person.find(id).evaluate((button) => {
    const { width, height, top } = button.getBoundingClientRect();
    const { color, backgroundColor, borderColor, fontWeight, fontSize } = getComputedStyle(button);
    return { width: Math.round(width), height: Math.round(height), top: Math.round(top), color, backgroundColor, borderColor, fontWeight, fontSize };
  })));
  assert.deepEqual(a, b);
}

const focused = (person) => person.page.evaluate(() => document.activeElement?.tagName);
const row = (host, person) => host.page.locator(`[data-testid="person"][data-participant="${person.id}"]`);

test('agreement, passcode, identity, consent, help, side room', { timeout: 240_000 }, async (t) => {
  const { daemon, people, enter } = await begin(t);
  let lind, mara, jonas;
  await steps(t, { people, daemon: () => daemon }, [
    ['the agreement comes before the door, and closing it is a no', async () => {
      lind = await enter('Dr. Lind', 'host', 'care');
      await lind.sees('session');
      await until('the therapist knows of the end', () => lind.received('room.updated').at(-1)?.endsFor === 'idle');
      for (const id of ['time-left', 'extend']) assert.equal(await lind.find(id).count(), 0, `who is alone is shown ${id}`);
      mara = await enter('Mara', 'participant', 'care');
      await mara.sees('agree');
      assert.equal(await focused(mara), 'H2');
      await assertSameStyle(mara, 'agree', 'disagree');
      await mara.audit('agreement');
      await mara.shot('care-1-agreement');
      await mara.page.keyboard.press('Escape');
      await mara.sees('todo');
      assert.deepEqual(mara.sent('agreement.acknowledge'), [], 'escape was taken for a yes');
      await mara.audit('waiting room with things to do');
      await mara.shot('care-2-todo');
    }],
    ['the passcode, wrong and right', async () => {
      await mara.find('passcode').fill('something else');
      await mara.find('passcode-enter').click();
      await until('it says so', async () => (await mara.page.getByText('That is not the passcode').count()) === 1);
      await mara.find('passcode').fill(passcode);
      await mara.page.keyboard.press('Enter');
      await until('it is done', async () => await mara.find('passcode').count() === 0);
      await until('the keyboard goes on at the head', async () => await focused(mara) === 'H1');
      await until('it is said', async () => await mara.find('announcer').innerText() === 'The passcode is right.');
    }],
    ['agreeing, by keyboard', async () => {
      await mara.tabTo('read-agreement');
      await mara.page.keyboard.press('Enter');
      await mara.sees('agree');
      await mara.tabTo('agree');
      await mara.page.keyboard.press('Enter');
      await until('it is told', () => mara.received('self.updated').at(-1)?.needs.join() === 'verification');
      assert.equal(await mara.find('agree').count(), 0);
      assert.equal(await focused(mara), 'H1', 'the keyboard is lost with the button that opened the dialog');
      assert.equal(mara.received('roster').length, 0, 'Mara is not in, but was told who is');
    }],
    ['nobody is in before a therapist knows who it is', async () => {
      assert.equal(await lind.find('admit').innerText(), 'Verify and admit');
      await lind.find('verify-waiter').click();
      await until('marked', async () => await lind.find('verify-waiter').getAttribute('aria-pressed') === 'true');
      await lind.shot('care-3-verified');
      await lind.find('admit').click();
      await mara.sees('session');
      assert.equal(await row(lind, mara).getByText('identity verified').count(), 1);
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      jonas = await enter('Jonas', 'participant', 'care');
      await jonas.sees('agree');
      await jonas.find('agree').click();
      await until('the page behind is free', async () => await jonas.find('agree').count() === 0);
      await jonas.find('passcode').fill(passcode);
      await jonas.find('passcode-enter').click();
      await until('the therapist can mark', async () => await lind.find('verify-waiter').count() === 1);
      await lind.find('verify-waiter').click();
      await until('nothing is missing', () => lind.received('waiting.updated').at(-1)?.waiter.needs.length === 0);
      await lind.find('admit').click();
      await jonas.sees('session');
    }],
    ['the state of lock and recording, and the time, stand in the header', async () => {
      for (const person of [lind, mara]) {
        assert.equal(await person.find('recording').getAttribute('data-state'), 'off');
        assert.match(await person.find('time-left').innerText(), /^(49|50) min left$/);
      }
      const before = lind.received('room.updated').at(-1).endsAt;
      await lind.find('extend').click();
      await until('a quarter of an hour more', () => mara.received('room.updated').at(-1).endsAt === before + 15 * 60_000);
      await until('it is shown', async () => /^6[45] min left$/.test(await mara.find('time-left').innerText()));
    }],
    ['consent: everyone is asked, closing is no answer, a no stays a secret', async () => {
      await lind.find('record').click();
      for (const person of [lind, mara, jonas]) await person.sees('consent-yes');
      await assertSameStyle(mara, 'consent-yes', 'consent-no');
      assert.equal(await focused(mara), 'H2');
      await mara.audit('consent');
      await mara.shot('care-4-consent');
      await lind.find('consent-yes').click();
      await jonas.find('consent-yes').click();
      await mara.page.keyboard.press('Escape');
      await mara.sees('consent-answer');
      assert.deepEqual(mara.sent('consent.respond'), [], 'escape was taken for an answer');
      assert.equal(await jonas.find('recording').getAttribute('data-state'), 'asking');
      await mara.find('consent-answer').click();
      await mara.find('consent-no').click();
      await until('answered', () => mara.answers('consent.respond').length === 2);
      assert.equal(await jonas.find('recording').getAttribute('data-state'), 'asking');
      const told = jonas.received('self.updated').flatMap(({ consents }) => consents).map(({ decision }) => decision);
      assert.ok(!told.includes('refused'), 'Jonas was told of a refusal');
      await lind.find('record').click();
      await until('the asking is over', async () => await mara.find('recording').getAttribute('data-state') === 'off');
    }],
    ['help: the therapist sees it, nobody else', async () => {
      await mara.tabTo('help');
      await mara.page.keyboard.press('Enter');
      await lind.sees('help-alert');
      assert.equal(await lind.find('help-alert').getAttribute('role'), 'alert');
      await lind.audit('help asked for');
      await lind.shot('care-5-help');
      await until('Mara sees that they know', async () => (await mara.find('help').innerText()).includes('Therapists know'));
      assert.equal(await jonas.find('help-alert').count(), 0);
      assert.equal(jonas.received('help.raised').length, 0);
      assert.ok(!JSON.stringify(jonas.received('participant.updated')).includes('helpRaised'), 'Jonas was told');
    }],
    ['a side room and back', async () => {
      await lind.find('help-side-room').click();
      await lind.find('confirm').click();
      for (const person of [lind, mara]) await person.sees('side-room');
      await until('two are there', async () => await mara.find('tile').count() === 2);
      await until('Jonas sees that they are away, not why', () => jonas.received('participant.updated').some(({ participant }) => participant.id === mara.id && participant.away));
      await until('Jonas receives nobody', () => jonas.received('slot.map').at(-1)?.slots.length === 0);
      await Promise.all([mara.receives([lind]), lind.receives([mara])]);
      await mara.audit('side room');
      await mara.shot('care-6-side-room');
      await jonas.shot('care-7-away');
      await mara.find('side-room-leave').click();
      await until('everyone is together', async () => await mara.find('tile').count() === 3);
      await Promise.all([jonas.receives([lind, mara]), mara.receives([jonas])]);
      await lind.find('help-done').click();
      await until('the call is answered', async () => await lind.find('help-alert').count() === 0);
      await until('Mara may call again', async () => (await mara.find('help').innerText()).includes('Only therapists see it'));
    }],
    ['the agreement is shown again to everyone', async () => {
      await lind.find('remind').click();
      for (const person of [lind, mara, jonas]) await person.sees('reminder-close');
      assert.equal(await mara.page.getByText('What is said here stays here').count(), 1);
      await mara.audit('reminder');
      await mara.shot('care-13-reminder');
      for (const person of [lind, mara, jonas]) await person.page.keyboard.press('Escape');
      for (const person of [lind, mara, jonas]) await until('it is closed', async () => await person.find('reminder-close').count() === 0);
      assert.equal(mara.sent('agreement.acknowledge').length, 1, 'it was asked again');
    }],
    ['the therapist takes camera and microphone, and gives them back', async () => {
      await row(lind, jonas).getByTestId('more').click();
      for (const [source, control] of [['camera', 'camera-toggle'], ['microphone', 'mic-toggle']]) {
        const muted = () => mara.received('participant.updated').findLast(({ participant }) => participant.id === jonas.id)
          ?.participant.publications.find((p) => p.source === source)?.muted;
        const device = () => jonas.page.evaluate((kind) => window.__alcove.store[kind].track.value !== null, source);
        const grant = row(lind, jonas).getByTestId(`grant-${source}`);
        assert.equal(await grant.getAttribute('data-on'), 'true');
        await grant.click();
        await until('it is taken', async () => await grant.getAttribute('data-on') === 'false');
        await until('Jonas has no control for it', async () => await jonas.find(control).count() === 0);
        await until('the others see it muted', muted);
        assert.equal(await device(), false, `the ${source} goes on`);
        assert.equal(await jonas.page.getByText(`took your ${source} away`).count(), 1);
        await jonas.audit(`${source} taken`);
        if (source === 'camera') await jonas.shot('care-10-taken');
        await grant.click();
        await jonas.sees(control);
        assert.equal(await device(), false, `the ${source} started by itself`);
        await jonas.find(control).click();
        await until('Jonas sends again', () => muted() === false);
      }
      await lind.audit('permissions of a person');
      await lind.shot('care-11-permissions');
      await mara.receives([jonas]);
      const grant = row(lind, jonas).getByTestId('grant-screen');
      assert.equal(await grant.getAttribute('data-on'), 'false');
      await grant.click();
      await until('Jonas may share', () => jonas.page.evaluate(() => window.__alcove.store.may('publish.screen')));
      await grant.click();
      await until('and may not', () => jonas.page.evaluate(() => !window.__alcove.store.may('publish.screen')));
      await row(lind, jonas).getByTestId('more').click();
    }],
    ['everyone says yes: the state stands first, and one takes it back', async () => {
      await lind.find('record').click();
      // Mara said no before: it stands until she answers anew.
      await until('everyone is asked', async () => await mara.find('recording').getAttribute('data-state') === 'asking');
      await mara.find('answer-again').click();
      await mara.sees('consent-yes');
      await mara.find('consent-yes').click();
      for (const person of [lind, mara, jonas]) {
        await until(`${person.name} sees the recording`, async () => await person.find('recording').getAttribute('data-state') === 'on');
        await person.sees('recording-banner');
      }
      await jonas.audit('recording');
      await jonas.shot('care-9-recording');
      await jonas.find('withdraw').click();
      await until('it stops for all', async () => await mara.find('recording').getAttribute('data-state') === 'paused');
      await until('nothing of Jonas stands', () => jonas.received('self.updated').at(-1).consents.every(({ decision }) => decision === 'withdrawn'));
      await lind.find('record').click();
      await until('it is off', async () => await mara.find('recording').getAttribute('data-state') === 'off');
    }],
    ['who is sent back takes back the yes there', async () => {
      await until('both stand', () => mara.received('self.updated').at(-1).consents.map(({ decision }) => decision).join() === 'granted,granted');
      await row(lind, mara).getByTestId('more').click();
      await row(lind, mara).getByTestId('send-back').click();
      await mara.sees('waiting-room');
      await mara.sees('withdraw');
      await mara.audit('sent back, with a yes that stands');
      await mara.shot('care-14-sent-back');
      await mara.tabTo('withdraw');
      await mara.page.keyboard.press('Enter');
      await until('nothing of Mara stands', () => mara.received('self.updated').at(-1).consents.every(({ decision }) => decision !== 'granted'));
      await until('the button is gone', async () => await mara.find('withdraw').count() === 0);
      await until('the keyboard goes on at the head', async () => await focused(mara) === 'H1');
      await until('it is said', async () => await mara.page.getByText('You took back your yes').count() === 1);
    }],
    ['who leaves with a yes that stands is told whom to ask', async () => {
      await mara.find('leave').click();
      await mara.sees('ending-card');
      assert.equal(await mara.find('left-yes').count(), 0, 'Mara took it back');
      await lind.find('leave').click();
      await lind.find('leave-alone').click();
      await lind.find('confirm').click();
      await lind.sees('ending-card');
      await lind.sees('left-yes');
      await lind.audit('left with a yes');
      await lind.shot('care-15-left');
    }],
  ]);
});

test('the end comes with a warning, and a therapist may move it', { timeout: 60_000 }, async (t) => {
  const { daemon, people, enter } = await begin(t);
  let lind, mara;
  await steps(t, { people, daemon: () => daemon }, [
    ['everyone is warned', async () => {
      lind = await enter('Dr. Lind', 'host', 'short');
      await lind.sees('session');
      mara = await enter('Mara', 'participant', 'short');
      await mara.sees('waiting-room');
      await lind.sees('admit');
      await lind.find('admit').click();
      await mara.sees('session');
      await lind.sees('warning', 15_000);
      await lind.audit('warning');
      await lind.shot('care-8-warning');
      assert.equal(await mara.find('extend-banner').count(), 0, 'Mara could extend');
    }],
    ['and more time is given', async () => {
      await lind.find('extend-banner').click();
      await until('the warning goes', async () => await lind.find('warning').count() === 0);
      await until('the time is shown', async () => /^2\d min left$/.test(await mara.find('time-left').innerText()));
    }],
  ]);
});

test('a passcode that therapists enter too, with one link', { timeout: 90_000 }, async (t) => {
  const { daemon, people, enter } = await begin(t);
  let lind;
  await steps(t, { people, daemon: () => daemon }, [
    ['the door asks for it', async () => {
      lind = await enter('Dr. Lind', 'host', 'guarded');
      await lind.sees('passcode');
      assert.equal(await lind.find('ending-card').getAttribute('data-code'), 'passcode_wrong');
      assert.deepEqual(await lind.peerStates(), []);
      await lind.audit('passcode at the door');
      await lind.shot('care-12-door');
    }],
    ['a wrong one', async () => {
      await lind.find('passcode').fill('something else');
      await lind.find('passcode-enter').click();
      await until('it says so', async () => (await lind.page.getByText('That is not the passcode').count()) === 1);
    }],
    ['the right one, and the devices are as they were set', async () => {
      await lind.find('passcode').fill(passcode);
      await lind.page.keyboard.press('Enter');
      await lind.sees('session');
      const hellos = lind.sent('hello').map(({ data }) => data);
      assert.equal(hellos.length, 3);
      assert.equal(new Set(hellos.map(({ token, nonce }) => `${token} ${nonce}`)).size, 1, 'not one token');
      assert.equal(await lind.find('camera-toggle').getAttribute('data-on'), 'true');
    }],
  ]);
});
