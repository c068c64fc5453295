// What the daemon tells the page about its clinic, and whether this browser can hold a session at all.

export type Localized = Readonly<Record<string, string>>;

export interface Config {
  clinic: string;
  phone: string;
  welcome: Localized; // texts of the clinic by language
  emergency: Localized;
  suggestFirstName: readonly string[]; // the policies under which the field for the name begins with the first name
  dev: boolean;
  origins: readonly string[];
  aheadMs: number; // by which the server's clock is ahead of this one, to the second
}

// The page works without; it must not wait for long.
const configTimeoutMs = 5_000;

export async function loadConfig(): Promise<Config> {
  const response = await fetch('/v1/page.json', { cache: 'no-store', signal: AbortSignal.timeout(configTimeoutMs) });
  if (!response.ok) throw new Error(`page.json: ${response.status}`);
  const told = (await response.json()) as Partial<Record<keyof Config, unknown>>;
  const then = Date.parse(response.headers.get('date') ?? '');
  return {
    clinic: typeof told.clinic === 'string' ? told.clinic : '',
    phone: typeof told.phone === 'string' ? told.phone : '',
    welcome: textsOf(told.welcome),
    emergency: textsOf(told.emergency),
    suggestFirstName: Array.isArray(told.suggestFirstName) ? told.suggestFirstName : [],
    dev: told.dev === true,
    origins: Array.isArray(told.origins) ? told.origins.filter((origin) => typeof origin === 'string') : [],
    aheadMs: Number.isNaN(then) ? 0 : then - Date.now(),
  };
}

function textsOf(texts: unknown): Localized {
  return Object.fromEntries(Object.entries(texts ?? {}).filter(([, text]) => typeof text === 'string')) as Localized;
}

// Without the list of contributing sources nobody could tell whose picture a slot shows.
export function supported(): boolean {
  return typeof RTCPeerConnection === 'function' && typeof WebSocket === 'function'
    && typeof HTMLDialogElement === 'function' && typeof RTCRtpReceiver === 'function'
    && 'getContributingSources' in RTCRtpReceiver.prototype && 'setCodecPreferences' in RTCRtpTransceiver.prototype
    && navigator.mediaDevices !== undefined && supportsCodec('audio', 'audio/opus') && supportsCodec('video', 'video/VP8');
}

// Frames are sealed and opened in a worker (W3C WebRTC Encoded Transform).
export function encrypts(): boolean {
  return typeof RTCRtpScriptTransform === 'function';
}

// Known before the link is spent. What the server takes beside these is its own matter.
function supportsCodec(kind: string, codec: string): boolean {
  return RTCRtpReceiver.getCapabilities(kind)?.codecs.some(({ mimeType }) => mimeType.toLowerCase() === codec.toLowerCase()) ?? false;
}
