// Parts of the page that few people need, or late: each is a file of its own, which is loaded when it is drawn for the first time.
//
//   const panel = part(() => import(…));   …   <Lazy of={panel}>{({ Panel }) => <Panel />}</Lazy>
//
// The build makes loadPart('panel') of an import of screens/panel. index.html names the file with its hash in a meta element, and the browser checks it as it
// checks the page (W3C SRI): <meta name="part-panel" content="/assets/panel-….js" data-integrity="sha384-…">. Its first line imports what it shares
// with the page from the page's own file, which runs already; its last one hands over what it has.

import { signal, type ReadonlySignal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from './text/text';

export interface Part<T> {
  readonly loaded: ReadonlySignal<T | undefined>;
  readonly failed: ReadonlySignal<boolean>;
  load(): void;
}

export function part<T>(get: () => Promise<T>): Part<T> {
  const loaded = signal<T | undefined>(undefined);
  const failed = signal(false);
  let under = false;
  const load = (): void => {
    if (under || loaded.value) return;
    under = true;
    failed.value = false;
    get().then((module) => (loaded.value = module), () => (failed.value = true)).finally(() => (under = false));
  };
  return { loaded, failed, load };
}

export function Lazy<T>({ of, children }: { of: Part<T>; children(module: T): ComponentChildren }): JSX.Element | null {
  useEffect(() => of.load(), []);
  const module = of.loaded.value;
  if (module) return <>{children(module)}</>;
  if (!of.failed.value) return null;
  return <p class="part-failed" role="alert">{t('part.failed')} <button class="btn slim" type="button" onClick={() => of.load()}>{t('part.again')}</button></p>;
}

const refused = new Set<string>();
const waiting = new Map<string, (module: unknown) => void>();

// Called by a part that runs.
export function handOver(name: string, module: unknown): void {
  waiting.get(name)?.(module);
}

export function loadPart(name: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const { content = '', dataset: { integrity = '' } = {} } = document.querySelector<HTMLMetaElement>(`meta[name="part-${name}"]`) ?? {};
    if (!content || !integrity) return reject(new Error(`index.html names no ${name} with its hash`));
    waiting.set(name, resolve);
    const script = Object.assign(document.createElement('script'), { type: 'module', src: content, integrity });
    script.onerror = () => {
      script.remove();
      refused.add(name);
      reject(new Error(`${name} did not load`));
    };
    // What the browser keeps may be what it refused before.
    const run = (): void => document.head.append(script);
    if (refused.has(name)) fetch(content, { integrity, cache: 'reload' }).then(run, run);
    else run();
  });
}
