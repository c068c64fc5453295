// Two notes that rise when a recording begins and fall when it ends: for those who do not look at the page. No file is loaded.

import type { Note, Speaker } from './devices';

const pitches = { begin: [523.25, 783.99], end: [783.99, 523.25] } as const; // Hz: C5 and G5
const seconds = 0.18;
const loudness = 0.12; // heard beside a voice, not over it
const patienceMs = 1_000; // later a tone would say what is no longer so

type Chime = keyof typeof pitches;

// A browser that allows no sound yet stays silent, and the banner says it too.
export function chime(which: Chime, speaker: Speaker): Promise<void> {
  const notes: Note[] = pitches[which].map((pitch, i) => ({ pitch, at: i * seconds, seconds, loudness }));
  return speaker.play(notes, patienceMs).catch(() => undefined);
}
