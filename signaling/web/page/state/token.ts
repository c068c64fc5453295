// The token, and the secret k of encryption beside it, come in the fragment of the link, or from the page that frames us. The token is kept
// in memory until it is used, and nowhere else; k goes to no server (client/e2ee/link.ts keeps it for reloads).

export interface Link {
  token: string;
  k?: string;
}

// Takes the link out of the address before any request could carry it.
export function takeLink(): Link | undefined {
  const fields = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  const token = fields.get('t');
  const k = fields.get('k') ?? undefined; // "" is a k that was cut off, not none
  return token ? { token, ...(k === undefined ? {} : { k }) } : undefined;
}

// Puts a link where the page takes it from when it is loaded, which must follow at once.
export function putLink({ token, k }: Link): void {
  history.replaceState(null, '', `#t=${token}${k === undefined ? '' : `&k=${encodeURIComponent(k)}`}`);
}

// In the frame of another page, which made the link and shows what follows.
export const framed = (): boolean => window.parent !== window;

// Waits for `{type: "alcove.token", token, k?}` from one of the allowed origins, and tells them we are ready for it.
export function awaitLink(origins: readonly string[]): Promise<Link> | undefined {
  const other = window.parent !== window ? window.parent : (window.opener as Window | null);
  if (!other || origins.length === 0) return undefined;
  return new Promise((resolve) => {
    const listen = ({ origin, source, data }: MessageEvent): void => {
      const message = data as { type?: unknown; token?: unknown; k?: unknown } | null;
      if (source !== other || !origins.includes(origin)) return;
      if (message?.type !== 'alcove.token' || typeof message.token !== 'string') return;
      removeEventListener('message', listen);
      resolve({ token: message.token, ...(message.k === undefined || message.k === null ? {} : { k: String(message.k) }) });
    };
    addEventListener('message', listen);
    for (const origin of origins) other.postMessage({ type: 'alcove.ready' }, origin);
  });
}

export interface TokenClaims {
  name: string;
  host: boolean;
  observer: boolean;
  policy: string; // of the room, as the configuration names it
  locale: string; // BCP 47: the language that the clinic's portal knows of; "" for none
  id: string; // jti: names the link, and is no secret
  endsAt: number | undefined; // milliseconds since 1970
}

// What the token says of its bearer, only to fill in a name and choose words: the server alone decides.
export function readClaims(token: string | undefined): TokenClaims {
  try {
    const part = (token?.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { name?: unknown; role?: unknown; policy?: unknown; locale?: unknown; jti?: unknown; exp?: unknown };
    return {
      name: typeof claims.name === 'string' ? claims.name : '',
      host: claims.role === 'host' || claims.role === 'cohost',
      observer: claims.role === 'observer',
      policy: typeof claims.policy === 'string' && claims.policy ? claims.policy : 'default',
      locale: typeof claims.locale === 'string' ? claims.locale : '',
      id: typeof claims.jti === 'string' ? claims.jti : '',
      endsAt: typeof claims.exp === 'number' ? claims.exp * 1000 : undefined,
    };
  } catch {
    return { name: '', host: false, observer: false, policy: 'default', locale: '', id: '', endsAt: undefined };
  }
}

// The first name, of the name that the clinic has on file: "Hoffmann, Mara" and "Dr. Mara Hoffmann" are Mara.
export function firstName(name: string): string {
  const given = name.split(',')[1] ?? name;
  return given.trim().split(/\s+/).find((word) => !word.endsWith('.')) ?? '';
}
