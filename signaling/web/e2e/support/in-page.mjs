// Functions that run inside the page, before or beside its own code. Each is sent as text, so it uses nothing from outside itself.

// watchPeers keeps every RTCPeerConnection that the page makes, so that a test can see that there is none, or ask it.
export function watchPeers() {
  const peers = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor(...args) {
      super(...args);
      peers.push(this);
    }
  };
  Object.defineProperty(window, '__peers', { value: peers });
}

// peerStates: the connection state of every peer ever made by the page as loaded now.
export const peerStates = () => window.__peers.map((peer) => peer.connectionState);

// localUfrag is the ICE username fragment of the newest peer: an ICE restart makes another one.
export const localUfrag = () => /^a=ice-ufrag:(\S+)/m.exec(window.__peers.at(-1).localDescription.sdp)[1];

// media reads what the living peers receive and send, by m-line, and every local port
// that could carry it: a browser moves to another when one falls silent.
export async function media() {
  const inbound = {};
  const outbound = {};
  const ports = new Set();
  for (const [number, peer] of window.__peers.entries()) {
    if (peer.connectionState === 'closed') continue;
    const stats = await peer.getStats();
    for (const report of stats.values()) {
      if (report.type === 'inbound-rtp') {
        inbound[report.mid] = {
          kind: report.kind,
          peer: number, // another one counts anew
          packets: report.packetsReceived,
          frames: report.framesDecoded ?? 0,
          samples: report.totalSamplesReceived ?? 0,
          decoded: (report.totalSamplesReceived ?? 0) - (report.concealedSamples ?? 0), // what is not made up
        };
      }
      if (report.type === 'outbound-rtp') {
        const line = `${report.mid}${report.rid ?? ''}`;
        outbound[line] = { packets: report.packetsSent, frames: report.framesEncoded, keyFrames: report.keyFramesEncoded, plis: report.pliCount };
      }
      if (report.type === 'local-candidate' && report.protocol === 'udp') ports.add(report.port);
    }
  }
  return { inbound, outbound, ports: [...ports] };
}

// sound: how much the newest peer played, in samples, and how much of it was made up.
export async function sound() {
  const stats = [...(await window.__peers.at(-1).getStats()).values()].filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'audio');
  const sum = (name) => stats.reduce((all, report) => all + (report[name] ?? 0), 0);
  return { samples: sum('totalSamplesReceived'), concealed: sum('concealedSamples') };
}

export async function frozen() {
  const stats = [...(await window.__peers.at(-1).getStats()).values()];
  return stats.reduce((sum, { type, totalFreezesDuration }) => sum + (type === 'inbound-rtp' && totalFreezesDuration || 0), 0);
}

// selectedPair tells over which candidates the newest peer's media flows.
export async function selectedPair() {
  const stats = await window.__peers.at(-1).getStats();
  const transport = [...stats.values()].find(({ type }) => type === 'transport');
  const pair = stats.get(transport?.selectedCandidatePairId);
  return { local: stats.get(pair?.localCandidateId), remote: stats.get(pair?.remoteCandidateId) };
}

// watchGaps notes when the newest peer received something, each 25 ms, by the clock of the machine in milliseconds.
export function watchGaps() {
  const came = [];
  let packets = -1;
  const look = async () => {
    const stats = await window.__peers.at(-1).getStats();
    const now = [...stats.values()].reduce((sum, { type, packetsReceived }) => sum + (type === 'inbound-rtp' ? packetsReceived : 0), 0);
    if (now !== packets) came.push(Date.now());
    packets = now;
    setTimeout(look, 25);
  };
  window.__came = came;
  look();
}

// gap is for how long nothing came from a moment on, at worst, until media had come for two seconds without one of 300 ms; 0: it does not.
export function gap(from) {
  let [worst, last, since] = [0, from, from];
  for (const at of window.__came.filter((at) => at > from)) {
    worst = Math.max(worst, at - last);
    if (at - last > 300) since = at;
    if (at - since > 2_000) return worst;
    last = at;
  }
  return 0;
}

// converse opens a WebSocket of its own, says one frame and returns the first answer and the close code.
export function converse(frame) {
  return new Promise((done) => {
    const url = new URL('/v1/rtc', location.href);
    url.protocol = 'ws:';
    const socket = new WebSocket(url, 'alcove.v1');
    let answer;
    socket.onopen = () => socket.send(JSON.stringify(frame));
    socket.onmessage = ({ data }) => { answer ??= JSON.parse(data); };
    socket.onclose = ({ code }) => done({ answer, code });
  });
}

// watchJoin notes when the first offer left and when the first sound and the first key frame were there, in milliseconds of the page.
export function watchJoin() {
  const join = {};
  Object.defineProperty(window, '__join', { value: join });
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function note(data) {
    if (!join.offer && String(data).includes('"media.offer"')) join.offer = performance.now();
    return send.call(this, data);
  };
  const look = async () => {
    for (const peer of window.__peers) {
      const stats = peer.connectionState === 'closed' ? [] : [...(await peer.getStats()).values()];
      for (const { type, kind, packetsReceived, keyFramesDecoded } of stats) {
        if (type !== 'inbound-rtp') continue;
        if (kind === 'audio' && packetsReceived > 0) join.audio ??= performance.now();
        if (kind === 'video' && keyFramesDecoded > 0) join.picture ??= performance.now();
      }
    }
    if (!join.audio || !join.picture) setTimeout(look, 5);
  };
  look();
}

// watchFrames notes when each picture of an m-line is shown, and how high it is.
export function watchFrames(mid) {
  const { receiver } = window.__peers.at(-1).getTransceivers().find((line) => line.mid === mid);
  const video = document.createElement('video');
  Object.assign(video, { muted: true, autoplay: true, playsInline: true, srcObject: new MediaStream([receiver.track]) });
  video.style.cssText = 'position: fixed; top: 0; left: 0; width: 64px; z-index: 9';
  document.body.append(video);
  window.__frames = [];
  const note = (_, { presentationTime, height }) => {
    window.__frames.push({ at: presentationTime, height });
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
}

export const frames = () => window.__frames;

// watchPeople notes for each tile of a person how long it took from its first appearance until its picture was shown, in milliseconds in
// which the page could run: a machine that is busy elsewhere makes nobody late. And what each offer of a connection said and got.
export function watchPeople() {
  const beat = 100;
  const people = new Map(); // by participant
  const offers = [];
  Object.defineProperty(window, '__people', { value: people });
  Object.defineProperty(window, '__offers', { value: offers });
  for (const kind of ['setLocalDescription', 'setRemoteDescription']) {
    const native = RTCPeerConnection.prototype[kind];
    RTCPeerConnection.prototype[kind] = async function describe(...args) {
      try {
        if (window.__throw?.[kind]) throw (delete window.__throw) && new DOMException('as a test wishes', 'InvalidAccessError');
        const done = await native.apply(this, args);
        offers.push({ at: performance.now(), kind, sdp: kind === 'setLocalDescription' ? this.localDescription.sdp : args[0].sdp });
        return done;
      } catch (error) {
        offers.push({ at: performance.now(), kind, error: String(error), sdp: args[0]?.sdp });
        throw error;
      }
    };
  }
  setInterval(() => {
    const tiles = [...document.querySelectorAll('[data-testid="tile"]')];
    for (const id of [...people.keys()]) if (!tiles.some((tile) => tile.dataset.participant === id)) people.delete(id);
    for (const tile of tiles) {
      const { participant, name } = tile.dataset;
      const known = people.get(participant) ?? { name, took: 0, shown: false };
      people.set(participant, known);
      known.shown ||= tile.querySelector('video.picture[data-shown]') !== null;
      if (!known.shown && name !== 'Dr. Lind') known.took += beat;
    }
  }, beat);
}

export function people() {
  const tiles = [...document.querySelectorAll('[data-testid="tile"]')].map((tile) => ({
    name: tile.dataset.name, shown: tile.querySelector('video.picture[data-shown]') !== null,
    took: window.__people.get(tile.dataset.participant)?.took ?? 0,
  }));
  return { tiles, waiting: document.querySelectorAll('[data-testid="waiter"]').length, peers: window.__peers.length };
}

// pauses: the camera sends no encoding, because the server wants none.
export const pauses = () => window.__peers.at(-1).getSenders().some((sender) => {
  const { encodings = [] } = sender.getParameters();
  return encodings.length > 1 && encodings.every(({ active }) => !active);
});

// offers: what went wrong with descriptions, and what the last one said of simulcast.
export function offers() {
  const simulcast = (sdp) => /^a=simulcast.*$/m.exec(sdp ?? '')?.[0] ?? 'no simulcast';
  return window.__offers.slice(-4).map(({ kind, error, sdp }) => `${kind}: ${error ?? simulcast(sdp)}`).join('; ');
}
