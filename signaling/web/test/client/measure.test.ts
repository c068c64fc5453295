import assert from 'node:assert/strict';
import test from 'node:test';
import { between, findingsOf, lookOf, waysOf, type Measured } from '../../client/check/measure';

const server = (urls: string | string[]) => ({ urls, username: 'u', credential: 'c' });

test('each way that the server has is tried by itself, the direct one first', () => {
  const [udp, tls] = ['turn:a:3478?transport=udp', 'turns:a:443?transport=tcp'];
  assert.deepEqual(waysOf([]), [['udp', {}]]);
  assert.deepEqual(waysOf([server([udp, tls])]), [
    ['udp', {}], ['relayUdp', { iceServers: [server([udp])], iceTransportPolicy: 'relay' }],
    ['relayTcp', { iceServers: [server([tls])], iceTransportPolicy: 'relay' }],
  ]);
  assert.deepEqual(waysOf([server(tls)]).map(([way]) => way), ['udp', 'relayTcp']);
});

const statsOf = (reports: object[]): RTCStatsReport => new Map(reports.map((report, i) => [String(i), report])) as unknown as RTCStatsReport;

test('loss, delay and bandwidth come from two looks at the statistics', () => {
  const look = (at: number, packets: number, lost: number) => lookOf(statsOf([
    { type: 'inbound-rtp', timestamp: at, packetsReceived: packets, packetsLost: lost, bytesReceived: 1000 * packets },
    { type: 'outbound-rtp', timestamp: at, packetsSent: packets + 2 * lost },
    { type: 'remote-inbound-rtp', timestamp: at, packetsLost: 2 * lost },
    { type: 'candidate-pair', timestamp: at, nominated: true, availableOutgoingBitrate: 1_500_000, currentRoundTripTime: 0.05 },
    { type: 'candidate-pair', timestamp: at, nominated: false, availableOutgoingBitrate: 9e9, currentRoundTripTime: 9 },
  ]));
  const found = between(look(1_000, 100, 0), look(6_000, 190, 10));
  assert.deepEqual(found, { roundTripMs: 50, lossUp: 20 / 110, lossDown: 0.1, bitsUp: 1_500_000, bitsDown: 8 * 90_000 / 5 });
  assert.deepEqual(between(look(1, 5, 0), look(1, 5, 0)).lossUp, 0, 'nothing was sent');
});

test('what is found is said, worst first', () => {
  const good: Measured = { ways: {}, best: 'udp', roundTripMs: 40, lossUp: 0, lossDown: 0, bitsUp: 2e6, bitsDown: 2e6 };
  assert.deepEqual(findingsOf(good), []);
  assert.deepEqual(findingsOf({ ...good, best: undefined, bitsUp: 0 }), ['none']);
  assert.deepEqual(findingsOf({ ...good, best: 'relayTcp' }), ['relayOnly']);
  assert.deepEqual(findingsOf({ ...good, best: 'relayUdp', lossDown: 0.05, bitsUp: 1e5, bitsDown: 1e5, roundTripMs: 400 }), ['thinUp', 'thinDown', 'lossy', 'late', 'relayOnly']);
});
