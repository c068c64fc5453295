import type { Plugin } from 'esbuild';
export const unusedBySuite: string[];
export function mend(source: string): string;
export const mlsPatch: Plugin;
