import type { Plugin } from 'esbuild';
export function mend(source: string): string;
export const mlsPatch: Plugin;
export const oneMlKem: Plugin;
export const onlyXWing: Plugin;
