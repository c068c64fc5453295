// One participant's media: the connection, the tiles, and what was seen.
"use strict";
globalThis.peer = {
  pc: null, slots: { pairs: 0, screens: 0 }, own: [], began: 0, firstFrame: 0, closed: false,
  worker: null, keys: null, leaf: 0,

  // seal has the frames worker of Alcove's page seal what is sent and open what comes, under a key that all tabs share.
  async seal(leaf) {
    const { port1, port2 } = new MessageChannel();
    Object.assign(this, { worker: new Worker("/frames.js", { type: "module" }), keys: port1, leaf });
    this.worker.postMessage({ type: "start", generation: { raises: 0, spent: [] }, keys: port2 }, [port2]);
    return this.setOwners([]);
  },

  // setOwners says whose packets carry which CSRC.
  async setOwners(owners) {
    const baseKey = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("load test"));
    this.keys.postMessage({ type: "keys", number: 1, baseKey, leaf: this.leaf, owners }, [baseKey]);
    return true;
  },

  // transform makes the transform of a line, none if nothing is sealed.
  transform(options) { return this.worker && new RTCRtpScriptTransform(this.worker, options); },

  async offer(pairs, screens) {
    if (!this.pc) await this.open();
    const codecs = (kind, names) => RTCRtpReceiver.getCapabilities(kind).codecs.filter((c) => names.includes(c.mimeType.toLowerCase()));
    const add = (kind) => {
      const t = this.pc.addTransceiver(kind, { direction: "recvonly" });
      t.receiver.transform = this.transform({ direction: "receive", kind });
      t.setCodecPreferences(codecs(kind, kind === "audio" ? ["audio/opus"] : ["video/vp8", "video/rtx"]));
    };
    for (; this.slots.pairs < pairs; this.slots.pairs++) { add("audio"); add("video"); }
    for (; this.slots.screens < screens; this.slots.screens++) add("video");
    await this.pc.setLocalDescription();
    return {
      sdp: this.pc.localDescription.sdp,
      tracks: this.own.map((t, i) => ({ mid: t.mid, source: i === 0 ? "microphone" : "camera" })),
    };
  },

  // restart makes the next offer an ICE restart.
  restart() { this.pc.restartIce(); return true; },

  async open() {
    this.began = performance.now();
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180, frameRate: 15 } });
    const send = (track, encoding) => {
      const t = this.pc.addTransceiver(track, { direction: "sendonly", streams: [media], sendEncodings: [encoding] });
      t.sender.transform = this.transform({ direction: "send", stream: track.kind === "audio" ? 0 : 1 });
      const names = track.kind === "audio" ? ["audio/opus"] : ["video/vp8", "video/rtx"];
      t.setCodecPreferences(RTCRtpSender.getCapabilities(track.kind).codecs.filter((c) => names.includes(c.mimeType.toLowerCase())));
      this.own.push(t);
    };
    send(media.getAudioTracks()[0], { maxBitrate: 32000 });
    send(media.getVideoTracks()[0], { maxBitrate: 450000, maxFramerate: 15 });
    this.pc.ontrack = (e) => {
      const element = document.createElement(e.track.kind);
      Object.assign(element, { autoplay: true, muted: true, playsInline: true, srcObject: new MediaStream([e.track]) });
      document.body.append(element);
      if (e.track.kind === "video") {
        element.requestVideoFrameCallback(() => { this.firstFrame ||= performance.now() - this.began; });
      }
    };
  },

  async answered(sdp) {
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    if (this.pc.connectionState === "connected") return true;
    await new Promise((resolve, reject) => {
      this.pc.onconnectionstatechange = () => {
        if (this.pc.connectionState === "connected") resolve();
        if (this.pc.connectionState === "failed") reject(new Error("the connection failed"));
      };
    });
    return true;
  },

  // stats sums up what was received so far.
  async stats() {
    const sum = { at: performance.now(), frames: 0, freezes: 0, frozen: 0, samples: 0, concealed: 0, lost: 0, received: 0, rtt: 0,
      width: 0, bytes: 0, bufferDelay: 0, bufferCount: 0, firstFrame: this.firstFrame, framesByTrack: {} };
    for (const s of (await this.pc.getStats()).values()) {
      if (s.type === "inbound-rtp") {
        sum.lost += s.packetsLost || 0;
        sum.received += s.packetsReceived || 0;
        if (s.kind === "video" && s.framesDecoded > 0) {
          sum.framesByTrack[s.trackIdentifier] = s.framesDecoded;
          sum.frames += s.framesDecoded;
          sum.freezes += s.freezeCount || 0;
          sum.frozen += s.totalFreezesDuration || 0;
          sum.width = Math.max(sum.width, s.frameWidth || 0);
          sum.bytes += s.bytesReceived || 0;
          sum.bufferDelay += s.jitterBufferDelay || 0;
          sum.bufferCount += s.jitterBufferEmittedCount || 0;
        } else if (s.kind === "audio") {
          sum.samples += s.totalSamplesReceived || 0;
          sum.concealed += (s.concealedSamples || 0) - (s.silentConcealedSamples || 0);
        }
      } else if (s.type === "candidate-pair" && s.nominated) {
        sum.rtt = s.currentRoundTripTime || 0;
      }
    }
    return sum;
  },

  close() { this.pc?.close(); return true; },
};
