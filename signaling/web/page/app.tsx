// The page: finds out how the person joins, then draws the screen that the store names.

import { render, type JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { identityOf, loadWorker, workerLoaded, type LinkIdentity } from '../client';
import { encrypts, loadConfig, supported, type Config } from './state/config';
import { CheckScreen } from './screens/check';
import { EndingScreen } from './screens/ending';
import { NameScreen } from './screens/name';
import { SessionScreen } from './screens/session';
import { WaitingScreen } from './screens/waiting';
import { Store } from './state/store';
import { awaitLink, firstName, putLink, readClaims, takeLink, type Link, type TokenClaims } from './state/token';
import { AidDialogs } from './ui/aids';
import { Btn, Heading } from './ui/basics';
import { StoreContext, useStore } from './ui/context';
import { Confirm } from './ui/dialog';
import { Sprite } from './ui/icon';
import { Top } from './ui/top';
import { startLanguage } from './text/language';
import { t } from './text/text';

let link: Link | undefined;
let identity: LinkIdentity | undefined;

export async function start(target: HTMLElement): Promise<void> {
  link = takeLink(); // first, before a request could carry the address
  let store: Store | undefined;
  addEventListener('hashchange', () => onHashChange(store));
  const offline: Config = { clinic: '', phone: '', suggestFirstName: [], welcome: {}, emergency: {}, dev: false, origins: [], aheadMs: 0 };
  const [config, worded] = await Promise.all([
    loadConfig().catch(() => offline),
    startLanguage(readClaims(link?.token).locale),
    encrypts() ? loadWorker('frames-worker').catch(() => undefined) : undefined, // before a connection needs it: it is small
  ]);
  if (!worded) return render(<Damaged />, target);
  store = new Store(config);
  if (config.dev) Object.assign(window, { __alcove: testHook(store) });
  render(<Page store={store} />, target);
  await enter(store);
}

async function enter(store: Store): Promise<void> {
  const end = (code: string): void => {
    store.ending.value = { code };
    store.screen.value = 'ended';
  };
  if (!supported()) return end('unsupported');
  const seat = store.reloadState();
  // A link that is opened again in its own tab leads back to the seat that it gave.
  if (seat && (!link || (seat.link !== '' && readClaims(link.token).id === seat.link))) return store.resume(seat);
  link ??= await awaitLink(store.config.origins);
  if (!link) return end('no_link');
  await startLanguage(readClaims(link.token).locale);
  const { token, k } = link;
  identity = await identityOf(token, k).catch(() => undefined);
  if (!identity) return end('link_damaged');
  if (identity.required && !encrypts()) return end('e2ee_unsupported'); // before the link is spent
  if (identity.required && !workerLoaded('frames-worker')) return end('page_damaged');
  if (identity.required) void loadWorker('keys-worker').catch(() => undefined); // beside the first screen
  // A host comes in by one's own act, because much begins with it; all others take their place while the link lives.
  store.screen.value = readClaims(token).host ? 'check' : 'name';
}

// A link pasted into this tab changes the fragment alone, and the browser loads nothing. Who has no place here comes in as if it had
// been opened; who has one is asked first, unless it is the link of this very place.
function onHashChange(store: Store | undefined): void {
  const next = takeLink();
  if (!next) return;
  if (!store?.hasSeat) openLink(next);
  else if (readClaims(next.token).id !== store.linkId) store.offeredLink.value = next;
}

function openLink(next: Link): void {
  putLink(next);
  location.reload();
}

function NewLink(): JSX.Element | null {
  const store = useStore();
  const next = store.offeredLink.value;
  if (!next) return null;
  const leave = async (): Promise<void> => {
    await store.leave();
    openLink(next);
  };
  const text = store.access.value?.state === 'admitted' ? t('newLink.inSession') : t('newLink.waiting');
  return (
    <Confirm title={t('newLink.title')} text={text} yes={t('newLink.yes')} no={t('newLink.no')} onNo={() => (store.offeredLink.value = null)}
      onYes={() => void leave()} />
  );
}

// What the browser tests look at; a deployed page does not have it.
function testHook(store: Store): object {
  return {
    store,
    get session() {
      return store.session;
    },
    get connection() {
      return store.media?.connection;
    },
    get slots() {
      return store.slots.peek();
    },
    get map() {
      return store.map.peek();
    },
  };
}

const titles = {
  start: 'title.start', name: 'title.name', check: 'title.check', joining: 'title.joining', waiting: 'title.waiting', session: 'title.session', ended: 'title.ended',
} as const;

function Page({ store }: { store: Store }): JSX.Element {
  const screen = store.screen.value;
  const place = t(screen === 'check' && store.observing.value ? 'title.checkSound' : titles[screen], { place: 'Alcove' });
  // What wants an answer is counted in the tab, too.
  const title = screen === 'session' && store.attention.count > 0 ? `(${store.attention.count}) ${place}` : place;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <StoreContext.Provider value={store}>
      <p class="sr" role="status" data-testid="announcer">{store.announcer.text.value}</p>
      <Current store={store} />
      <AidDialogs />
      <NewLink />
      <Sprite />
    </StoreContext.Provider>
  );
}

// What the link says of the person, and what the name begins with: nothing, or the first name where the policy says so.
function entryOf({ config }: Store): TokenClaims & { suggested: string } {
  const claims = readClaims(link?.token);
  return { ...claims, suggested: config.suggestFirstName.includes(claims.policy) ? firstName(claims.name) : '' };
}

function Current({ store }: { store: Store }): JSX.Element {
  switch (store.screen.value) {
    case 'name': return <NameScreen {...entryOf(store)} onName={(name) => link && identity && store.join(link.token, name, identity)} />;
    case 'check': return <CheckScreen door={store.session ? undefined : { ...entryOf(store), onEnter: (name) => link && identity && store.enter(link.token, name, identity) }} />;
    case 'waiting': return <WaitingScreen />;
    case 'session': return <SessionScreen />;
    case 'ended': {
      const again = store.session ? () => store.retry() : undefined;
      return <EndingScreen code={store.ending.value?.code ?? ''} onAgain={again} />;
    }
    case 'joining': return <Joining />;
    case 'start': return <Top />;
  }
}

// Not one file of words came, or none was the one that was built.
function Damaged(): JSX.Element {
  return (
    <main class="page">
      <article class="card message" data-testid="words-missing">
        <h1>{t('basic.title')}</h1>
        <p>{t('basic.text')}</p>
        <div class="actions"><Btn onClick={() => (link ? openLink(link) : location.reload())}>{t('basic.again')}</Btn></div>
      </article>
    </main>
  );
}

function Joining(): JSX.Element {
  return (
    <>
      <Top />
      <main class="page">
        <div class="lead" role="status">
          <Heading>{t('joining.title')}</Heading>
          <p>{t('joining.text')}</p>
        </div>
      </main>
    </>
  );
}
