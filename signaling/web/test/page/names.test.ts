// The name that the group sees: never the one on file by itself, and changed at any time.
import assert from 'node:assert/strict';
import test from 'node:test';
import { firstName } from '../../page/state/token';
import { openHost, openPage, openSession, openWaiting, token } from '../support/page';

const value = (input: HTMLElement): string => (input as HTMLInputElement).value;

test('the name on file is never suggested; it stands beside the empty field', async (t) => {
  for (const role of ['participant', 'observer', 'host']) {
    const page = await openPage(t, { hash: `#t=${token({ name: 'Mara Hoffmann', role })}` });
    assert.equal(value(page.find('name-input')), '', role);
    assert.match(page.textOf('also-see'), /^Therapists also see: Mara Hoffmann$/);
  }
});

test('the first name is suggested where the policy of the link says so', async (t) => {
  const config = { suggestFirstName: ['group', 'default'] };
  for (const [policy, name] of [['group', 'Mara'], ['other', ''], [undefined, 'Mara']] as const) {
    const page = await openPage(t, { config, hash: `#t=${token({ name: 'Mara Hoffmann', policy })}` });
    assert.equal(value(page.find('name-input')), name, String(policy));
  }
});

test('the first name of a name', () => {
  for (const [name, first] of [['Mara Hoffmann', 'Mara'], ['Hoffmann, Mara', 'Mara'], ['Dr. med. Mara Hoffmann', 'Mara'], ['Mara', 'Mara'], ['', ''], ['  ', '']] as const) {
    assert.equal(firstName(name), first, name);
  }
});

test('in the waiting room the name can be changed, and a refusal is said', async (t) => {
  const page = await openWaiting(t, 'participant', {}, { displayName: 'Mara', verifiedName: 'Mara Hoffmann' });
  assert.match(page.textOf('own-name'), /The group sees you as Mara.*Therapists also see: Mara Hoffmann/);
  await page.click('rename');
  assert.equal(value(page.find('rename-input')), '');
  page.refuse('self.rename', 'bad_request');
  await page.fill('rename-input', 'Robin');
  await page.submit('rename-input');
  assert.match(page.query('dialog')[0]?.textContent ?? '', /This name could not be used/);
  page.accept('self.rename');
  await page.submit('rename-input');
  assert.deepEqual(page.sent('self.rename'), [{ displayName: 'Robin' }, { displayName: 'Robin' }]);
  assert.equal(page.query('dialog').length, 0);
  await page.receive('self.updated', { needs: [], agreement: [], consents: [], helpRaised: false, displayName: 'Robin', verifiedName: 'Mara Hoffmann' });
  assert.match(page.textOf('own-name'), /as Robin/);
});

test('in the session the name is changed beside the devices', async (t) => {
  const page = await openSession(t, {}, { displayName: 'Mara' });
  await page.click('devices');
  await page.click('rename');
  await page.fill('rename-input', 'Robin');
  await page.submit('rename-input');
  assert.deepEqual(page.sent('self.rename'), [{ displayName: 'Robin' }]);
});

test('a therapist changes the name of somebody else', async (t) => {
  const page = await openHost(t);
  await page.receive('access.changed', { state: 'admitted', permissions: [...page.store.permissions.value, 'participant.rename'] });
  await page.click('rename-waiter');
  assert.equal(value(page.find('rename-input')), 'Theo');
  await page.fill('rename-input', 'T.');
  await page.submit('rename-input');
  assert.deepEqual(page.sent('participant.rename'), [{ participantId: 'theo', displayName: 'T.' }]);
});
