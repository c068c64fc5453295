// Bytes as the wire carries them, and as tests compare them.

// WebCrypto takes no view of a SharedArrayBuffer, and TypeScript wants that said.
export type Bytes = Uint8Array<ArrayBuffer>;

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  // In pieces: an argument list has a limit, and a welcome of a full room has a hundred kilobytes.
  for (let at = 0; at < bytes.length; at += 0x2000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x2000));
  return btoa(binary);
}

// Throws if the text is no base64.
export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
