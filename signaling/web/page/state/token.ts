// The token comes in the fragment of the link, or from the page that frames us. It is kept in memory until it is used,
// and nowhere else.

// Takes the token out of the address before any request could carry it.
export function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('t') ?? undefined;
  if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  return token || undefined;
}

// Puts a token where the page takes it from when it is loaded, which must follow at once.
export function putToken(token: string): void {
  history.replaceState(null, '', `#t=${token}`);
}

// Waits for `{type: "alcove.token", token}` from one of the allowed origins, and tells them we are ready for it.
export function awaitToken(origins: readonly string[]): Promise<string> | undefined {
  const other = window.parent !== window ? window.parent : (window.opener as Window | null);
  if (!other || origins.length === 0) return undefined;
  return new Promise((resolve) => {
    const listen = ({ origin, source, data }: MessageEvent): void => {
      const message = data as { type?: unknown; token?: unknown } | null;
      if (source !== other || !origins.includes(origin)) return;
      if (message?.type !== 'alcove.token' || typeof message.token !== 'string') return;
      removeEventListener('message', listen);
      resolve(message.token);
    };
    addEventListener('message', listen);
    for (const origin of origins) other.postMessage({ type: 'alcove.ready' }, origin);
  });
}

export interface TokenClaims {
  name: string;
  host: boolean;
  observer: boolean;
  id: string; // jti: names the link, and is no secret
  endsAt: number | undefined; // milliseconds since 1970
}

// What the token says of its bearer, only to fill in a name and choose words: the server alone decides.
export function readClaims(token: string | undefined): TokenClaims {
  try {
    const part = (token?.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as { name?: unknown; role?: unknown; jti?: unknown; exp?: unknown };
    return {
      name: typeof claims.name === 'string' ? claims.name : '',
      host: claims.role === 'host' || claims.role === 'cohost',
      observer: claims.role === 'observer',
      id: typeof claims.jti === 'string' ? claims.jti : '',
      endsAt: typeof claims.exp === 'number' ? claims.exp * 1000 : undefined,
    };
  } catch {
    return { name: '', host: false, observer: false, id: '', endsAt: undefined };
  }
}
