// RTCPeerConnection in the hands of a test: connected as soon as an answer is set.

interface Parameters {
  encodings: { rid?: string; active?: boolean; scaleResolutionDownBy?: number }[];
}
interface FakeSender {
  track: unknown;
  parameters: Parameters;
}
interface FakeReceiver {
  track: { id: string; kind: string };
  sources: { source: number; timestamp: number; rtpTimestamp: number }[];
  getContributingSources(): FakeReceiver['sources'];
  getSynchronizationSources(): FakeReceiver['sources'];
}
export interface FakePeer {
  configuration: RTCConfiguration;
  connectionState: string;
  onconnectionstatechange: (() => void) | null;
  senders: FakeSender[];
  receivers: FakeReceiver[];
  getTransceivers(): { mid: string; receiver: FakeReceiver }[];
  restarts: number;
  throws: boolean;
  comesBack: boolean; // an answer connects it
  lines: { direction: string; kind: string; transform?: unknown; negotiated: unknown }[];
}

// Puts the constructors where a page looks for them. made lists every connection; show sets what getStats reports.
export function fakePeers(): { made: FakePeer[]; show(stats: object[]): void } {
  const made: FakePeer[] = [];
  let stats: object[] = [];
  class Peer implements FakePeer {
    connectionState = 'new';
    signalingState = 'stable';
    remoteDescription: unknown = null;
    localDescription = { sdp: '' };
    onconnectionstatechange: (() => void) | null = null;
    senders: FakeSender[] = [];
    receivers: FakeReceiver[] = [];
    restarts = 0;
    throws = false;
    comesBack = true;
    lines: FakePeer['lines'] = [];
    #transceivers: { mid: string; receiver: FakeReceiver }[] = [];

    constructor(readonly configuration: RTCConfiguration) {
      made.push(this);
    }

    addTransceiver = (kind: string, { direction, sendEncodings = [] }: { direction?: string; sendEncodings?: object[] } = {}) => {
      const sender = {
        track: null as unknown,
        parameters: { encodings: sendEncodings },
        replaceTrack: async (track: unknown) => void (sender.track = track),
        getParameters: () => structuredClone(sender.parameters),
        setParameters: async (parameters: Parameters) => void (sender.parameters = parameters),
      };
      const sources: FakeReceiver['sources'] = [];
      const receiver: FakeReceiver = { track: { id: `${kind}-${this.#transceivers.length}`, kind }, sources, getContributingSources: () => sources, getSynchronizationSources: () => sources };
      if (direction === 'recvonly') this.receivers.push(receiver);
      else this.senders.push(sender);
      const line = direction === 'recvonly' ? receiver : sender;
      this.lines.push({
        direction: direction ?? 'sendrecv', kind, negotiated: false, get transform() { return (line as { transform?: unknown }).transform; },
      });
      const transceiver = { mid: String(this.#transceivers.length), receiver, setCodecPreferences() {}, sender };
      this.#transceivers.push(transceiver);
      return transceiver;
    };
    getTransceivers = () => this.#transceivers;
    getStats = async () => stats;
    setLocalDescription = () => {
      this.signalingState = 'have-local-offer';
      for (const line of this.lines) line.negotiated ||= line.transform ?? 'without a transform';
    };
    setRemoteDescription = (answer: unknown) => {
      if (this.throws) throw new DOMException('no such line', 'InvalidAccessError');
      [this.remoteDescription, this.signalingState] = [answer, 'stable'];
      if (!this.comesBack) return;
      this.connectionState = 'connected';
      this.onconnectionstatechange?.();
    };
    close = () => void (this.connectionState = 'closed');
    restartIce = () => void (this.restarts += 1);
  }
  class Receiver {
    static getCapabilities = (kind: string) => ({ codecs: [{ mimeType: kind === 'audio' ? 'audio/opus' : 'video/VP8' }] });
    getContributingSources(): void {}
  }
  class Transceiver {
    setCodecPreferences(): void {}
  }
  Object.assign(globalThis, { RTCPeerConnection: Peer, MediaStream: class { constructor(readonly tracks: object[] = []) {} }, RTCRtpReceiver: Receiver, RTCRtpTransceiver: Transceiver });
  return { made, show: (now) => (stats = now) };
}
