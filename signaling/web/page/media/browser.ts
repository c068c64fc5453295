// Which browser this is, as far as its steps for a blocked device differ. Nothing else depends on it.

export type BrowserKind = 'chromium' | 'firefox' | 'safari' | 'android' | 'ios' | 'frame';

interface Browser {
  readonly userAgent?: string;
  readonly maxTouchPoints?: number;
}

export function browserKind({ userAgent = '', maxTouchPoints = 0 }: Browser, framed: boolean): BrowserKind {
  if (framed) return 'frame';
  // An iPad calls itself a Mac.
  if (/iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1)) return 'ios';
  if (/Android/.test(userAgent)) return 'android';
  if (/Firefox\//.test(userAgent)) return 'firefox';
  if (/Safari\//.test(userAgent) && !/Chrom(e|ium)\//.test(userAgent)) return 'safari';
  return 'chromium';
}
