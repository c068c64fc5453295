// For those who do not look at the page: two notes that rise when a recording begins and fall when it ends, three high ones twice for a call for
// help, one pair for somebody who waits. No file is loaded.

import type { Note, Speaker } from './devices';

// Hz: C5 and G5; A5 and E5; E5 and A5
const pitches = {
  begin: [523.25, 783.99], end: [783.99, 523.25], help: [880, 659.25, 880, 0, 880, 659.25, 880], waits: [659.25, 880],
} as const;
const seconds = 0.18;
const loudness = 0.12; // heard beside a voice, not over it
const patienceMs = 1_000; // later a tone would say what is no longer so

export type Chime = keyof typeof pitches;

// A browser that allows no sound yet stays silent, and the banner says it too.
export function chime(which: Chime, speaker: Speaker): Promise<void> {
  const notes: Note[] = pitches[which].flatMap((pitch, i) => (pitch === 0 ? [] : { pitch, at: i * seconds, seconds, loudness }));
  return speaker.play(notes, patienceMs).catch(() => undefined);
}
