// Two tones that rise when a recording begins and fall when it ends: for those who do not look at the page. No file is loaded.

const tones = { begin: [523.25, 783.99], end: [783.99, 523.25] } as const; // Hz: C5 and G5
const toneSeconds = 0.18;
const loudness = 0.12; // of full scale: heard beside a voice, not over it
const patienceMs = 500; // later a tone would say what is no longer so

export type Chime = keyof typeof tones;

// Plays until the tones are over; a browser that allows no sound yet stays silent, and the banner says it too.
export async function chime(which: Chime): Promise<void> {
  const context = new AudioContext();
  try {
    await Promise.race([context.resume(), new Promise((over) => setTimeout(over, patienceMs))]);
    if (context.state !== 'running') return;
    let at = context.currentTime;
    let last: OscillatorNode | undefined;
    for (const pitch of tones[which]) {
      const tone = new OscillatorNode(context, { frequency: pitch });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(loudness, at + 0.02);
      gain.gain.linearRampToValueAtTime(0, at + toneSeconds);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + toneSeconds);
      at += toneSeconds;
      last = tone;
    }
    await new Promise((over) => last?.addEventListener('ended', over, { once: true }));
  } finally {
    await context.close();
  }
}
