// Messages and papers: the panel during the session, and what was received on the last screen.

import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { maxFileBytes, maxTextLength, type ChatMessage, type Paper } from '../../client';
import { PapersStore, problemOf, sizeWords } from '../state/papers';
import { Btn, Heading, Note } from '../ui/basics';
import { useStore } from '../ui/context';
import { Confirm, Dialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import { clockOf, t, type PlainKey } from '../text/text';

export function PapersPanel(): JSX.Element {
  const store = useStore();
  const { papers } = store;
  const [dialog, setDialog] = useState<'paper' | 'clinic' | Paper | null>(null);
  const end = useRef<HTMLDivElement>(null);
  const entries = papers.entries.value;
  useEffect(() => end.current?.scrollIntoView({ block: 'nearest' }), [entries.length]);
  const close = (): void => {
    papers.setOpen(false);
    document.querySelector<HTMLElement>('[data-testid="papers-toggle"]')?.focus();
  };
  return (
    <aside class="panel papers" aria-label={t('papers.title')} data-testid="papers-panel" onKeyDown={(event) => event.key === 'Escape' && !(event.target as Element).closest('dialog') && close()}>
      <header class="section-head">
        <Heading level={2}>{t('papers.title')}</Heading>
        <Btn look="plain slim" data-testid="papers-close" onClick={close}>{t('common.close')}</Btn>
      </header>
      <div class="panel-scroll" tabIndex={0} role="log" aria-label={t('papers.log')}>
        {entries.length === 0 && (
          <p class="quiet" data-testid="papers-empty">{t('shield.papersEmpty')}</p>
        )}
        {entries.map((entry) => entry.kind === 'message'
          ? <ChatMessageCard key={`${entry.message.from} ${entry.message.id}`} message={entry.message} />
          : <PaperCard key={entry.paper.id} paper={entry.paper} onReplace={setDialog} />)}
        <div ref={end} />
      </div>
      <Composer onPaper={() => setDialog('paper')} onClinic={() => setDialog('clinic')} />
      {dialog === 'clinic' && <ClinicDialog onClose={() => setDialog(null)} />}
      {dialog !== null && dialog !== 'clinic' && <PaperDialog {...(dialog === 'paper' ? {} : { replaces: dialog })} onClose={() => setDialog(null)} />}
    </aside>
  );
}

// "To everyone", "to you", or the names.
function toWords(store: ReturnType<typeof useStore>, to: readonly string[] | 'all', own: boolean): string {
  if (to === 'all') return t('papers.toAll');
  if (!own) return t('papers.toYou');
  const names = to.map((id) => store.roster.value.find((person) => person.id === id)?.displayName ?? t('papers.toSomebody'));
  return names.length > 3 ? t('papers.toPeople', { n: names.length }) : t('papers.toNames', { names: names.join(', ') });
}

function ChatMessageCard({ message: { id, own, name, to, text, at, state } }: { message: ChatMessage }): JSX.Element {
  const store = useStore();
  return (
    <article class={own ? 'entry own' : 'entry'} data-testid="chat-message">
      <p class="quiet small"><strong>{own ? t('papers.you') : name}</strong> {toWords(store, to, own)} <span class="num">{clockOf(at)}</span></p>
      <p class="said">{text}</p>
      {state === 'sending' && <p class="quiet small">{t('papers.sending')}</p>}
      {state === 'failed' && (
        <p class="small problem">{t('papers.notSent')} <button class="link" type="button" onClick={() => store.papers.sayAgain(id)}>{t('papers.again')}</button></p>
      )}
    </article>
  );
}

function whenWords({ afterSession, releaseAt, released }: Paper): string {
  if (afterSession) return released ? t('papers.opened') : t('papers.opensAfter');
  if (releaseAt) return t(released ? 'papers.openedAt' : 'papers.opensAt', { time: clockOf(releaseAt) });
  return '';
}

function PaperCard({ paper, onReplace }: { paper: Paper; onReplace?: (paper: Paper) => void }): JSX.Element {
  const store = useStore();
  const [withdrawing, setWithdrawing] = useState(false);
  const { id, own, confirmed, fromName, to, name, note, size, at, state, progress, problem } = paper;
  const title = name || t(own ? 'papers.untitledOwn' : 'papers.untitled');
  const when = whenWords(paper);
  const sender = own ? t('papers.you') : confirmed ? fromName || t('papers.gone') : t('papers.senderUnknown');
  return (
    <article class={own ? 'entry own' : 'entry'} data-testid="paper" data-state={state}>
      <p class="quiet small"><strong>{sender}</strong> {toWords(store, to, own)} <span class="num">{clockOf(at)}</span></p>
      <p class="paper-name"><Icon name="paper" /><span><strong>{title}</strong> <span class="quiet small num">{sizeWords(size)}</span></span></p>
      {note && <p class="said">{note}</p>}
      {when && <p class="quiet small">{when}</p>}
      {state === 'sealing' && <p class="quiet small">{t('shield.sealing')}</p>}
      {state === 'uploading' && <progress max={1} value={progress} aria-label={t('papers.progress', { title })} data-testid="paper-progress" />}
      {state === 'failed' && <p class="small problem" role="alert">{t('papers.notSent')} {problemOf(problem)}</p>}
      {state === 'unreadable' && <p class="small problem">{t('papers.unreadable')}</p>}
      {state === 'unconfirmed' && <p class="small problem">{t('shield.unconfirmed')}</p>}
      {state === 'changed' && <p class="small problem" role="alert">{t('shield.paperChanged')}</p>}
      {!own && state === 'waiting' && <p class="quiet small">{t('papers.keepOpen')}</p>}
      <div class="actions">
        {!own && (state === 'ready' || state === 'fetching') && <PaperActions paper={paper} />}
        {own && <Btn look="plain slim" data-testid="paper-withdraw" onClick={() => (state === 'sent' ? setWithdrawing(true) : store.papers.withdraw(id))}>
          {t(state === 'sent' ? 'papers.withdraw' : state === 'failed' ? 'papers.remove' : 'papers.stop')}</Btn>}
        {own && state === 'sent' && onReplace && <Btn look="plain slim" data-testid="paper-replace" onClick={() => onReplace(paper)}>{t('papers.replace')}</Btn>}
      </div>
      {withdrawing && (
        <Confirm title={t('papers.withdrawTitle')} yes={t('papers.withdraw')} no={t('papers.withdrawNo')} onNo={() => setWithdrawing(false)}
          text={t('papers.withdrawText')}
          onYes={() => { setWithdrawing(false); store.papers.withdraw(id); }} />
      )}
    </article>
  );
}

// What the page can show by itself. Everything else is only saved: HTML, SVG or PDF could hold a program, which would run as this page.
const shownTypes = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'text/plain']);

function PaperActions({ paper: { id, name, type, state, problem } }: { paper: Paper }): JSX.Element {
  const store = useStore();
  const [shown, setShown] = useState<{ url: string; text: string } | null>(null);
  const get = async (use: (content: Uint8Array<ArrayBuffer>) => void): Promise<void> => {
    try {
      use((await store.papers.files!.open(id)).content);
    } catch {
      // The card says why.
    }
  };
  const save = (): Promise<void> => get((content) => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  const show = (): Promise<void> => get((content) => setShown(type === 'text/plain'
    ? { url: '', text: new TextDecoder().decode(content) }
    : { url: URL.createObjectURL(new Blob([content], { type })), text: '' }));
  const close = (): void => {
    if (shown?.url) URL.revokeObjectURL(shown.url);
    setShown(null);
  };
  return (
    <>
      {shownTypes.has(type) && <Btn look="slim" disabled={state === 'fetching'} aria-label={t('papers.openOne', { name })} data-testid="paper-open" onClick={() => void show()}>{t('papers.open')}</Btn>}
      <Btn look="slim" disabled={state === 'fetching'} aria-label={t('papers.saveOne', { name })} data-testid="paper-save" onClick={() => void save()}>{t(state === 'fetching' ? 'papers.fetching' : 'papers.save')}</Btn>
      {problem && <p class="small problem" role="alert">{problemOf(problem)}</p>}
      {shown && (
        <Dialog title={name} onClose={close}>
          {shown.url ? <img class="paper-shown" src={shown.url} alt={name} /> : <pre class="said paper-shown" tabIndex={0}>{shown.text}</pre>}
          <div class="actions equal"><Btn onClick={close}>{t('common.close')}</Btn></div>
        </Dialog>
      )}
    </>
  );
}

function Composer({ onPaper, onClinic }: { onPaper(): void; onClinic(): void }): JSX.Element {
  const store = useStore();
  const { papers } = store;
  const id = useId();
  const others = store.roster.value.filter((person) => person.id !== store.selfId.value);
  const choices = papers.choices(papers.chatReach.value, store.self.value, others, store.selfState.latest.value.sideRoom);
  const fileChoices = papers.choices(papers.filesReach.value, store.self.value, others);
  const [target, setTarget] = useState('');
  const chosen = choices.find((choice) => choice.target === target) ?? choices[0];
  const send = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const text = String(new FormData(form).get('text')).trim();
    if (!text || !chosen) return;
    papers.say(text, PapersStore.resolve(chosen.target, others));
    form.reset();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    (event.currentTarget as HTMLTextAreaElement).form?.requestSubmit();
  };
  return (
    <form class="panel-foot composer" onSubmit={send}>
      {chosen && (
        <>
          <div class="row to"><label for={`${id}-to`}>{t('papers.to')}</label>
            <select class="input" id={`${id}-to`} data-testid="chat-to" value={chosen.target} onChange={(event) => setTarget(event.currentTarget.value)}>
              {choices.map((choice) => <option key={choice.target} value={choice.target}>{choice.label}</option>)}
            </select></div>
          <label class="sr" for={`${id}-text`}>{t('write.label')}</label>
          <textarea class="input" id={`${id}-text`} name="text" rows={2} maxLength={maxTextLength} placeholder={t('write.label')} data-testid="chat-text" onKeyDown={onKey} />
          <Btn type="submit" data-testid="chat-send">{t('write.send')}</Btn>
        </>
      )}
      {fileChoices.length > 0 && <Btn look="plain slim" icon="paper" data-testid="paper-new" onClick={onPaper}>{t('papers.send')}</Btn>}
      {papers.clinicPapers.value && <Btn look="plain slim" icon="lock" data-testid="clinic-new" onClick={onClinic}>{t('papers.writeClinic')}</Btn>}
      {!chosen && fileChoices.length === 0 && <p class="quiet small">{t('papers.readOnly')}</p>}
    </form>
  );
}

function PaperDialog({ replaces, onClose }: { replaces?: Paper; onClose(): void }): JSX.Element {
  const store = useStore();
  const { papers } = store;
  const id = useId();
  const [problem, setProblem] = useState('');
  const [target, setTarget] = useState('');
  const others = store.roster.value.filter((person) => person.id !== store.selfId.value);
  const groups = papers.choices(papers.filesReach.value, store.self.value, others).filter((choice) => choice.target === 'all' || choice.target === 'hosts');
  const choosable = papers.choices(papers.filesReach.value, store.self.value, others).length > groups.length;
  const who = target || (replaces || groups.length === 0 ? 'chosen' : groups[0]!.target);
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const file = data.get('file');
    const resolved = who === 'chosen' ? data.getAll('to').map(String) : PapersStore.resolve(who, others);
    const to = resolved === 'all' ? others.map((person) => person.id) : resolved;
    if (!(file instanceof File) || file.size === 0) return setProblem(t('papers.chooseFile'));
    if (file.size > maxFileBytes) return setProblem(problemOf('file_too_large'));
    if (to.length === 0) return setProblem(t('papers.choosePeople'));
    const when = String(data.get('when'));
    papers.send({
      name: file.name, type: file.type || 'application/octet-stream', content: new Uint8Array(await file.arrayBuffer()), note: String(data.get('note')).trim(), to,
      ...(when === 'end' ? { afterSession: true } : when === 'now' ? {} : { releaseAt: Date.now() + (store.session?.serverAheadMs ?? 0) + Number(when) * 60_000 }),
      ...(replaces ? { replaces: replaces.id } : {}),
    });
    onClose();
  };
  return (
    <Dialog title={t(replaces ? 'papers.replaceTitle' : 'papers.send')} onClose={onClose}
      about={t('shield.paperAbout')}>
      <form class="stack" onSubmit={(event) => void send(event)}>
        <div class="field"><label for={`${id}-file`}>{t('papers.file')}</label><input class="input" id={`${id}-file`} type="file" name="file" data-testid="paper-file" /></div>
        <fieldset class="field choices"><legend>{t('papers.who')}</legend>
          {groups.map((choice) => (
            <label key={choice.target}><input type="radio" name="who" checked={who === choice.target} onChange={() => setTarget(choice.target)} /> {choice.label}</label>
          ))}
          {choosable && <label><input type="radio" name="who" checked={who === 'chosen'} data-testid="paper-chosen" onChange={() => setTarget('chosen')} /> {t('papers.chosen')}</label>}
          {who === 'chosen' && (
            <div class="choices inner">
              {others.map((person) => (
                <label key={person.id}><input type="checkbox" name="to" value={person.id} defaultChecked={replaces?.to.includes(person.id) ?? false} data-testid="paper-person" /> {person.displayName}</label>
              ))}
            </div>
          )}
        </fieldset>
        <div class="field"><label for={`${id}-when`}>{t('papers.when')}</label>
          <select class="input" id={`${id}-when`} name="when" data-testid="paper-when">
            <option value="now">{t('papers.atOnce')}</option><option value="end">{t('papers.afterSession')}</option>
            <option value="10">{t('papers.in10')}</option><option value="30">{t('papers.in30')}</option><option value="60">{t('papers.in60')}</option>
          </select></div>
        <div class="field"><label for={`${id}-note`}>{t('papers.note')}</label><textarea class="input" id={`${id}-note`} name="note" rows={2} maxLength={1000} /></div>
        {problem && <p class="problem" role="alert">{problem}</p>}
        <div class="actions equal"><Btn onClick={onClose}>{t('write.cancel')}</Btn><Btn type="submit" data-testid="paper-send">{t('write.send')}</Btn></div>
      </form>
    </Dialog>
  );
}

const clinicWords: Record<'journal' | 'card', { label: PlainKey; hint: PlainKey }> = {
  journal: { label: 'papers.journal', hint: 'papers.journalHint' },
  card: { label: 'papers.card', hint: 'papers.cardHint' },
};

// Sealed to the clinic alone: the others see neither that something was written nor what.
function ClinicDialog({ onClose }: { onClose(): void }): JSX.Element {
  const store = useStore();
  const id = useId();
  const [kind, setKind] = useState<'journal' | 'card'>('journal');
  const [state, setState] = useState<'writing' | 'sending' | 'sent'>('writing');
  const [problem, setProblem] = useState('');
  const send = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get('text')).trim();
    if (!text) return;
    setState('sending');
    setProblem('');
    try {
      await store.papers.writeClinic(kind, store.self.value?.displayName ?? '', text);
      setState('sent');
    } catch (error) {
      setState('writing');
      setProblem(problemOf((error as { code?: string }).code ?? ''));
    }
  };
  if (state === 'sent') {
    return (
      <Dialog title={t('papers.clinicSent')} onClose={onClose}>
        <p role="status">{t('shield.clinicSent')}</p>
        <div class="actions equal"><Btn data-testid="clinic-done" onClick={onClose}>{t('common.close')}</Btn></div>
      </Dialog>
    );
  }
  return (
    <Dialog title={t('papers.writeClinic')} onClose={onClose} about={t('shield.clinicAbout')}>
      <form class="stack" onSubmit={(event) => void send(event)}>
        <fieldset class="field choices"><legend>{t('papers.kind')}</legend>
          {(['journal', 'card'] as const).map((one) => (
            <label key={one}><input type="radio" name="kind" checked={kind === one} data-testid={`clinic-${one}`} onChange={() => setKind(one)} /> {t(clinicWords[one].label)}</label>
          ))}
        </fieldset>
        <div class="field"><label for={`${id}-text`}>{t('papers.words')}</label>
          <textarea class="input" id={`${id}-text`} name="text" rows={8} maxLength={100_000} required aria-describedby={`${id}-hint`} data-testid="clinic-text" />
          <p class="quiet small" id={`${id}-hint`}>{t(clinicWords[kind].hint)}</p></div>
        {problem && <p class="problem" role="alert">{problem}</p>}
        <div class="actions equal"><Btn onClick={onClose}>{t('write.cancel')}</Btn><Btn type="submit" disabled={state === 'sending'} data-testid="clinic-send">{t(state === 'sending' ? 'papers.sending' : 'write.send')}</Btn></div>
      </form>
    </Dialog>
  );
}

// On the last screen: what came during the session and what is released at its end. It goes with the page.
export function ReceivedPapers(): JSX.Element | null {
  const received = useStore().papers.received.value;
  if (received.length === 0) return null;
  return (
    <section class="card stack" aria-labelledby="received-h" data-testid="received">
      <h2 id="received-h">{t('papers.received')}</h2>
      <Note icon="lock">{t('papers.receivedText')}</Note>
      <div class="stack" role="status">{received.map((paper) => <PaperCard key={paper.id} paper={paper} />)}</div>
    </section>
  );
}
