// Every time and limit of the client, with its reason.

// A host's act is answered when the media plane obeys, at most 2 s by design; the rest is for a slow network.
export const requestTimeoutMs = 10_000;
// A WebSocket handshake that takes longer will not carry a conversation either.
export const connectTimeoutMs = 8_000;
// The first attempt comes at once: most breaks are a changed network, over when we notice them.
export const backoffFirstMs = 250;
export const backoffMaxMs = 8_000;
// Of a server that restarts: seats shall be taken again within 5 s, media included.
export const backoffRestartMs = 2_000;
// Seats are kept for a minute, from the restart of a restarted daemon on. After five minutes a new link is the honest answer.
export const giveUpResumeMs = 300_000;
// Somebody who just pressed a button should not look at a waiting page for long.
export const giveUpFirstMs = 20_000;
// Told by the protocol, close code 4429.
export const tooManyPauseMs = 1_000;
// After `rate_limited` without `retryAfterMs`: 20 more messages may be sent by then.
export const pacePauseMs = 1_000;
// Of an unanswered `leave`: the person wants to go now.
export const leaveTimeoutMs = 2_000;
// The wall clock and the monotonic one drift by less between two pings, and a session does not end by seconds.
export const clockStepMs = 2_000;

// How long a connection has after the server answered its ICE restart: one round trip of ICE, and the relay's handshake.
export const restartGraceMs = 4_000;
// A connection is there within a second, over a slow line and the relay within five. Then something that ICE does not see is in the way.
export const connectMs = 12_000;
// One through the relay has twice what browsers give one that fails: Chromium never says so where the relay does not answer.
export const relayedMs = 30_000;
// A path through which nothing came for so long is dead: of the reports that come every second two are missing.
export const pathSilentMs = 2_500;
// How often that is looked at while nobody is heard.
export const pathIntervalMs = 500;
// An answer of a server that is there comes within a second, even over a slow line. Who is on another network should not wait for longer.
export const probeTimeoutMs = 1_500;
export const offerRetryMs = 1_000;
export const offerAttempts = 5;
// Offers of new connections that are refused with a code that is final: one may have met a change of role or of the group.
export const finalRefusals = 2;
// Of a server that refused so many; the person sees that nothing gets through.
export const offerLaterMs = 15_000;

// The least pixels of a picture of which Chromium makes two and three encodings of a simulcast: 480 x 270 and 960 x 540.
export const simulcastPixels = [480 * 270, 960 * 540] as const;
// A camera that gives larger pictures than before is sent in all sizes for so long, or the server would not learn that there are more:
// it asks for nothing that did not come.
export const sendAllMs = 3_000;

// Large enough for all three.
export const camera = { width: 960, height: 540, frameRate: 24, maxBitrate: 900_000 } as const;
export const screen = { frameRate: 15, maxBitrate: 1_500_000 } as const;

// Sound, in bit/s, where a server says nothing.
export const soundBits = 32_000;
// Of a way up below this, sound at 32 kbit/s with its headers takes more than half. It is wide again well above, so that it does not flap.
export const thinUplinkBits = 100_000;
export const wideUplinkBits = 160_000;
// Looks in a row: an estimate begins low, and dips for a moment.
export const thinUplinkSamples = 3;
export const wideUplinkSamples = 5;
// Sound over a thin way up, in bit/s: speech stays clear (RFC 7587, section 3.1.1).
export const thinSoundBits = 20_000;

// Of the check of the connection: how long a way may take to connect, how long the browser's estimate may grow, and how long is measured. Three
// ways and one measurement fit into the time that the server gives.
export const checkConnectMs = 7_000;
export const checkSettleMs = 4_000;
export const checkMeasureMs = 5_000;

// How often the statistics of a connection are looked at. Server and browser report once a second.
export const statsIntervalMs = 2_000;
// So many looks in a row must find the same wrong before the connection is made anew: reports get lost, and a key frame takes its time.
export const badSamples = 3;
// A browser calls a connection whose path is cut disconnected after at most so long.
export const disconnectedAfterMs = 8_000;
// No reports come over a path that is cut, either. ICE is to notice first: its restart keeps the connection.
export const unreportedSamples = 1 + disconnectedAfterMs / statsIntervalMs;
// A busy machine may decode nothing for some seconds; another connection does not make it faster.
export const undecodedSamples = 6;
// After a connection that was made anew because of what was seen, the next such waits, twice as long each time until all is well.
export const renewFirstMs = 10_000;
export const renewMaxMs = 300_000;
