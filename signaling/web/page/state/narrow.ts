// Whether the panel stands below the stage, as page.css has it: on phones, and where a laptop zooms in.

import { signal } from '@preact/signals';

const query = globalThis.matchMedia?.('(max-width: 56rem)');

export const narrow = signal(query?.matches ?? false);
query?.addEventListener('change', ({ matches }) => (narrow.value = matches));
