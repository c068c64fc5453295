// One key each for what is needed in haste: M, V, H, Space and ?. They are off where somebody types, and can be switched off (WCAG 2.2, success
// criterion 2.1.4).

export type Shortcut = 'microphone' | 'camera' | 'hand' | 'talk' | 'list';

export const keyOf: Record<Shortcut, string> = { microphone: 'M', camera: 'V', hand: 'H', talk: 'Space', list: '?' };

// What a key means; Space only where it does nothing else. Keys of other scripts count by their place on the keyboard.
export function shortcutOf({ key, code, ctrlKey, metaKey, altKey, isComposing }: KeyboardEvent, target: Element | null): Shortcut | undefined {
  if (ctrlKey || metaKey || altKey || isComposing || typesIn(target)) return undefined;
  if (key === '?') return 'list';
  if (key === ' ') return target?.closest(presses) ? undefined : 'talk';
  const letter = /^[a-z]$/i.test(key) ? key.toLowerCase() : /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : '';
  return ({ m: 'microphone', v: 'camera', h: 'hand' } as const)[letter];
}

const types = 'input, textarea, select, [contenteditable], [role="textbox"], [role="combobox"], [role="listbox"]';
const presses = 'button, a[href], summary, label, [role="button"], [role="switch"], [role="tab"], video[controls]';

function typesIn(target: Element | null): boolean {
  return Boolean(target?.closest(types)) || Boolean(target?.closest('dialog'));
}

interface Acts {
  enabled(): boolean;
  act(shortcut: Exclude<Shortcut, 'talk'>): void;
  talk(on: boolean): void;
}

// Returns what stops it.
export function watchShortcuts({ enabled, act, talk }: Acts): () => void {
  let talking = false;
  const release = (): void => {
    if (talking) talk(false);
    talking = false;
  };
  const down = (event: KeyboardEvent): void => {
    const shortcut = enabled() && !document.querySelector('dialog[open]') ? shortcutOf(event, event.target instanceof Element ? event.target : null) : undefined;
    if (!shortcut) return;
    if (shortcut === 'talk') event.preventDefault(); // else the page scrolls
    if (event.repeat) return;
    if (shortcut !== 'talk') return act(shortcut);
    talking = true;
    talk(true);
  };
  const up = (event: KeyboardEvent): void => {
    if (event.key === ' ') release();
  };
  document.addEventListener('keydown', down);
  document.addEventListener('keyup', up);
  // A window that loses the focus never hears of the key that comes up.
  window.addEventListener('blur', release);
  document.addEventListener('visibilitychange', release);
  return () => {
    release();
    document.removeEventListener('keydown', down);
    document.removeEventListener('keyup', up);
    window.removeEventListener('blur', release);
    document.removeEventListener('visibilitychange', release);
  };
}
