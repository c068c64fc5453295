import assert from 'node:assert/strict';
import test from 'node:test';
import { helpCallsOf } from '../../page/state/people';

test('a call for help is seen in the group and in the waiting room', () => {
  const person = { displayName: 'Mara', role: 'participant' as const, connected: true, handRaised: false, verified: true, away: false, grants: [], taken: [], publications: [] };
  const waiter = { displayName: 'Jonas', since: 0, returning: true, connected: true, verified: true, needs: [] };
  const roster = [{ id: '1', helpRaised: true, ...person }, { id: '2', ...person }];
  const waiting = [{ participantId: '3', helpRaised: true, ...waiter }, { participantId: '4', ...waiter }];
  assert.deepEqual(helpCallsOf(roster, waiting), [{ id: '1', name: 'Mara', here: true }, { id: '3', name: 'Jonas', here: false }]);
});
