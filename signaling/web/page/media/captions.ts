// Captions made on the person's own machine (Web Speech API, `processLocally`). Recognition that would send sound elsewhere is never started: it needs
// a browser that knows the property, says that the language is on this device, and keeps the property set.

export interface Recognition extends EventTarget {
  lang: string;
  continuous: boolean;
  interimResults: boolean;
  processLocally?: boolean;
  onresult: ((event: { resultIndex: number; results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }> }) => void) | null;
  onend: (() => void) | null;
  onerror: ((event: { error: string }) => void) | null;
  start(track: MediaStreamTrack): void;
  abort(): void;
}

export interface RecognitionClass {
  new(): Recognition;
  prototype: object;
  available?(options: { langs: string[]; processLocally: true }): Promise<string>;
  install?(options: { langs: string[]; processLocally: true }): Promise<boolean>;
}

export type CaptionAbility = 'none' | 'ready' | 'installable';

export function recognitionOf(view: object = globalThis): RecognitionClass | undefined {
  const { SpeechRecognition } = view as { SpeechRecognition?: RecognitionClass };
  if (!SpeechRecognition?.available || !('processLocally' in SpeechRecognition.prototype)) return undefined;
  return SpeechRecognition;
}

export async function captionAbility(language: string, recognition = recognitionOf()): Promise<CaptionAbility> {
  const answer = await recognition?.available?.({ langs: [language], processLocally: true }).catch(() => 'unavailable');
  if (answer === 'available') return 'ready';
  return answer === 'downloadable' || answer === 'downloading' ? 'installable' : 'none';
}

export interface Line {
  text: string;
  final: boolean;
}

const restartMs = 500;

// Starts recognition of one track, and again each time that it ends. Returns what stops it, or undefined if it may not start.
export async function startCaptions(track: MediaStreamTrack, language: string, onLine: (line: Line) => void, onEnd: () => void, recognition = recognitionOf()): Promise<(() => void) | undefined> {
  if (!recognition || await captionAbility(language, recognition) !== 'ready') return undefined;
  let stopped = false;
  let current: Recognition | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    stopped = true;
    clearTimeout(timer);
    current?.abort();
  };
  const begin = (): void => {
    if (stopped) return;
    const next = Object.assign(new recognition(), { lang: language, continuous: true, interimResults: true, processLocally: true });
    if (next.processLocally !== true) return end(); // it would go elsewhere
    next.onresult = ({ resultIndex, results }) => {
      for (const result of Array.from(results).slice(resultIndex)) onLine({ text: result[0]?.transcript.trim() ?? '', final: result.isFinal });
    };
    next.onerror = ({ error }) => {
      if (error !== 'no-speech' && error !== 'aborted') end();
    };
    next.onend = () => {
      if (!stopped) timer = setTimeout(begin, restartMs);
    };
    current = next;
    try {
      next.start(track);
    } catch {
      end(); // the track has ended
    }
  };
  const end = (): void => {
    if (stopped) return;
    stop();
    onEnd();
  };
  begin();
  return stopped ? undefined : stop;
}
