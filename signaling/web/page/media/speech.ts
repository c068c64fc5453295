// Whether somebody speaks into a microphone that is off for the group. The sound is measured here and goes nowhere; no word of it is understood.

// RMS of full scale, in dB: speech at a desk is some 20 dB above a quiet room.
const speechDb = -38;
const windowMs = 1_000;
const speechMs = 600; // of the window
const pauseMs = 30_000; // between two reminders

export interface Sample {
  at: number; // ms
  db: number;
}

// Pure: samples in, a reminder out. One cough is none, and nobody is told again and again.
export class SpeechRule {
  #loud: { at: number; ms: number }[] = [];
  #last: number | undefined; // sample
  #told = -Infinity;

  observe({ at, db }: Sample): boolean {
    const ms = this.#last === undefined ? 0 : Math.min(at - this.#last, windowMs / 4); // a page that was asleep heard nothing
    this.#last = at;
    if (db >= speechDb) this.#loud.push({ at, ms });
    this.#loud = this.#loud.filter((part) => at - part.at < windowMs);
    const sum = this.#loud.reduce((total, part) => total + part.ms, 0);
    if (sum < speechMs || at - this.#told < pauseMs) return false;
    this.#told = at;
    this.#loud = [];
    return true;
  }
}

const sampleMs = 100;

// Listens to the microphone until stopped. The track is this function's own: it never reaches a connection.
export function listen(onSpeech: () => void, deviceId: string): () => void {
  let stopped = false;
  let end = (): void => undefined;
  const rule = new SpeechRule();
  const audio = { deviceId: deviceId ? { ideal: deviceId } : undefined, echoCancellation: true, noiseSuppression: true, channelCount: 1 };
  void navigator.mediaDevices.getUserMedia({ audio }).then((stream) => {
    const release = (): void => stream.getTracks().forEach((track) => track.stop());
    end = release; // also of a listener that cannot be built
    if (stopped) return end();
    const context = new AudioContext();
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      if (rule.observe({ at: Date.now(), db: 10 * Math.log10(power + 1e-9) })) onSpeech();
    }, sampleMs);
    end = () => {
      clearInterval(timer);
      release();
      void context.close();
    };
  }).catch(() => end());
  return () => {
    stopped = true;
    end();
  };
}
