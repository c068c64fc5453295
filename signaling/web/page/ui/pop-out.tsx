// A small window above all others with whoever speaks or is kept large (Document Picture-in-Picture, WICG). It draws the same tile as the page,
// so a picture never stands under another name. Browsers without it have their own way, or none.

import { effect } from '@preact/signals';
import { render, type JSX } from 'preact';
import type { Store } from '../state/store';
import { catalogue, t } from '../text/text';
import { StoreContext, useStore } from './context';
import { Sprite } from './icon';
import { Tile } from './tile';

interface PictureInPicture {
  requestWindow(size: { width: number; height: number }): Promise<Window & typeof globalThis>;
}

const size = { width: 400, height: 300 };
const api = (): PictureInPicture | undefined => (globalThis as { documentPictureInPicture?: PictureInPicture }).documentPictureInPicture;

export const canPopOut = (): boolean => api() !== undefined;

export async function popOut(store: Store): Promise<void> {
  const out = await api()?.requestWindow(size).catch(() => undefined); // the person, or the browser, said no
  if (!out) return;
  const { head, body, documentElement } = out.document;
  for (const sheet of document.querySelectorAll('link[rel="stylesheet"]')) head.append(sheet.cloneNode());
  out.document.title = t('view.popOut');
  documentElement.lang = catalogue.value.language;
  body.className = 'popped-out';
  render(<StoreContext.Provider value={store}><PoppedOut /><Sprite /></StoreContext.Provider>, body);
  const stop = effect(() => { if (store.screen.value !== 'session') out.close(); });
  out.addEventListener('pagehide', () => {
    stop();
    render(null, body);
  });
}

function PoppedOut(): JSX.Element {
  const person = useStore().stage.large.value;
  if (!person) return <p class="quiet">{t('view.popOutNobody')}</p>;
  return <div class="seat"><Tile key={person.id} person={person} /></div>;
}
