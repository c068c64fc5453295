// The shield, the code behind it, and what to do when the encryption is broken.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { problemWords, shieldWords, type Shield } from '../state/encryption';
import { rich, t, type PlainKey } from '../text/text';
import { Btn, focusOn } from './basics';
import { useStore } from './context';
import { Confirm, Dialog } from './dialog';
import { Icon, type IconName } from './icon';

const icons: Record<Shield, IconName> = { none: 'shield', preparing: 'shield', open: 'shield', closed: 'verified', broken: 'shield-weak' };

// For everybody, in the head of the session.
export function ShieldState(): JSX.Element | null {
  const { encryption: { shield, dialogOpen } } = useStore();
  const at = shield.value;
  if (at === 'none') return null;
  return (
    <button class={`shield ${at}`} type="button" aria-haspopup="dialog" data-testid="shield" data-state={at} onClick={() => (dialogOpen.value = true)}>
      <Icon name={icons[at]} /><span>{t(shieldWords[at])}</span>
    </button>
  );
}

// Six groups of five digits. Screen readers hear single digits.
function Code({ code, small }: { code: string; small?: boolean }): JSX.Element {
  return (
    <ol class={small ? 'code small' : 'code'} aria-label={t('shield.codeLabel')} data-testid="code">
      {code.split(' ').map((group) => (
        <li key={group}><span aria-hidden="true">{group}</span><span class="sr">{[...group].join(' ')}</span></li>
      ))}
    </ol>
  );
}

const titles: Record<Exclude<Shield, 'none'>, PlainKey> = {
  preparing: 'shield.preparing', open: 'shield.open', closed: 'shield.closedTitle', broken: 'shield.brokenTitle',
};

export function EncryptionDialog(): JSX.Element | null {
  const store = useStore();
  const { shield, dialogOpen, status } = store.encryption;
  const at = shield.value;
  if (!dialogOpen.value || at === 'none') return null;
  const close = (): void => void (dialogOpen.value = false);
  return (
    <Dialog key={at} title={t(titles[at])} onClose={close}>
      <div class="stack" data-testid="encryption-dialog">
        {at === 'broken' ? <Broken /> : <Meaning />}
        {(at === 'open' || at === 'closed') && status.value.code && <CompareCode code={status.value.code} onDone={close} />}
        <div class="actions"><Btn onClick={close}>{t('common.close')}</Btn></div>
      </div>
    </Dialog>
  );
}

function Meaning(): JSX.Element {
  const { shield, status } = useStore().encryption;
  return (
    <>
      <p>{rich('shield.meaning', { strong: <strong>{t('shield.meaningServer')}</strong> })}</p>
      {shield.value === 'preparing' && <p>{t('shield.preparingText')}</p>}
      {shield.value === 'closed' && <p class="quiet">{t(status.value.level === 'link' ? 'shield.closedLink' : 'shield.closedCode')}</p>}
    </>
  );
}

function CompareCode({ code, onDone }: { code: string; onDone(): void }): JSX.Element {
  const store = useStore();
  const { encryption, hosting } = store;
  const needed = encryption.status.value.level !== 'link';
  const how = t(hosting.value ? 'shield.compareHost' : 'shield.compareGuest');
  const answer = (result: 'same' | 'different'): void => {
    encryption.compare(result);
    if (result === 'different') return;
    onDone();
    store.announcer.announce(t('shield.codeSame'));
  };
  return (
    <section class="stack" aria-label={t('shield.code')}>
      <p>{needed ? how : t('shield.compareToo', { how })}</p>
      <Code code={code} />
      <div class="actions equal">
        <Btn data-testid="code-different" onClick={() => answer('different')}>{t('shield.different')}</Btn>
        <Btn data-testid="code-same" onClick={() => answer('same')}>{t('shield.same')}</Btn>
      </div>
      <p class="quiet small">{t('shield.answerStays')}</p>
    </section>
  );
}

function Broken(): JSX.Element {
  const store = useStore();
  const status = store.encryption.status.value;
  const unfit = status.problem === 'unsupported' || status.problem === 'mode';
  return (
    <>
      <p><strong>{problemWords(status)}</strong></p>
      {unfit
        ? <p>{t('shield.unfitHelp')}</p>
        : (
          <>
            <p>{t('shield.brokenText')}</p>
            <ol class="todo">
              <li>{t('shield.sayNothing')}</li>
              <li>{t(store.hosting.value ? 'shield.renewHost' : 'shield.renewGuest')}</li>
              <li>{t(store.hosting.value ? 'shield.againHost' : 'shield.againGuest')}</li>
            </ol>
            {store.hosting.value && <div class="actions"><RenewButton look="main" /></div>}
          </>
        )}
    </>
  );
}

function RenewButton({ look = '' }: { look?: string }): JSX.Element {
  const store = useStore();
  const [asking, setAsking] = useState(false);
  const renew = (): void => {
    setAsking(false);
    store.encryption.dialogOpen.value = false;
    store.encryption.renew();
    store.notice.value = t('shield.renewing');
  };
  return (
    <>
      <Btn look={look} icon="again" data-testid="renew-encryption" onClick={() => setAsking(true)}>{t('shield.renew')}</Btn>
      {asking && (
        <Confirm title={t('shield.renewTitle')} yes={t('shield.renewYes')} no={t('shield.renewNo')} onNo={() => setAsking(false)} onYes={renew}
          text={t('shield.renewText')} />
      )}
    </>
  );
}

// For hosts, in the panel.
export function EncryptionSection(): JSX.Element | null {
  const { encryption: { shield, status }, roster } = useStore();
  const at = shield.value;
  if (at === 'none') return null;
  const names = status.value.unproved.map((id) => roster.value.find((person) => person.id === id)?.displayName ?? t('people.somebody'));
  return (
    <section aria-labelledby="encryption-h" data-testid="encryption-section">
      <div class="section-head"><h2 id="encryption-h">{t('shield.title')}</h2><span class={`state ${at === 'closed' ? 'good' : at === 'preparing' ? '' : 'warn'}`}><Icon name={icons[at]} /> {t(shieldWords[at])}</span></div>
      <div class="stack tight">
        {names.length > 0 && <p class="small">{t('shield.unproved', { names: names.join(', ') })}</p>}
        {status.value.code && <Code code={status.value.code} small />}
        <div class="actions"><RenewButton look="slim" /></div>
      </div>
    </section>
  );
}

// Hosts are asked about whom this device did not see admitted: it is a new one, the device that admitted them is gone, or the server lies.
export function UnadmittedAlert(): JSX.Element | null {
  const store = useStore();
  const { encryption, roster } = store;
  const people = encryption.status.value.unadmitted.flatMap((id) => roster.value.find((person) => person.id === id) ?? []);
  if (people.length === 0) return null;
  const n = people.length;
  const names = people.map(({ displayName, verifiedName }) => (verifiedName && verifiedName !== displayName ? t('shield.onFile', { name: displayName, onFile: verifiedName }) : displayName));
  const letIn = (): void => {
    encryption.letIn(people.map(({ id, verifiedName: name = '' }) => ({ id, name })));
    store.announcer.announce(t('shield.letInDone', { n }));
    focusOn('in-h');
  };
  const sendBack = (): void => {
    for (const { id } of people) void store.act('mod.sendBack', { participantId: id });
    focusOn('in-h');
  };
  return (
    <section class="alert" role="alert" aria-label={t('shield.unadmittedLabel')} data-testid="unadmitted">
      <div class="who">
        <Icon name="shield" />
        <p>
          <strong>{t('shield.unadmitted', { n, names: names.join(', ') })}</strong><br />
          <span class="small">{t('shield.unadmittedText', { n })}</span>
        </p>
      </div>
      <div class="actions">
        <Btn look="slim" data-testid="let-in" onClick={letIn}>{t('shield.letIn', { n })}</Btn>
        <Btn look="slim" data-testid="unadmitted-back" onClick={sendBack}>{t('shield.sendBack')}</Btn>
      </div>
    </section>
  );
}

// How long a device may need to come into the group before it is said: longer than it ever takes without a fault.
const joinMs = 3_000;

export function EncryptionBanner(): JSX.Element | null {
  const { encryption } = useStore();
  const { status, shield, later, dialogOpen, replacedClosed } = encryption;
  const { state, code, codeChanged, problem, level } = status.value;
  const open = (): void => void (dialogOpen.value = true);
  if (shield.value === 'broken') {
    return (
      <div class="banner rec" role="alert" data-testid="encryption-broken" data-problem={problem}>
        <Icon name="shield-weak" />
        <p class="words"><strong>{problemWords(status.value)}</strong> <span>{t('shield.sayNothingNow')}</span></p>
        <Btn onClick={open}>{t('shield.whatToDo')}</Btn>
      </div>
    );
  }
  if (problem === 'worker_lost') {
    return <Calm icon="again" title={t('shield.stopped')} text={t('shield.stoppedText')} />;
  }
  if (state === 'outside') return <JoiningBanner />;
  if (shield.value === 'open' && code && later.value !== code) {
    const title = t(codeChanged ? 'shield.changed' : 'shield.compareTitle');
    const text = t(codeChanged ? 'shield.changedText' : 'shield.compareText');
    return (
      <Calm icon="shield" title={title} text={text} testid={codeChanged ? 'code-changed' : 'code-compare'}>
        <Btn onClick={() => (later.value = code)}>{t('shield.later')}</Btn><Btn onClick={open}>{t('shield.compare')}</Btn>
      </Calm>
    );
  }
  if (level === 'link' && code && replacedClosed.value !== code && (problem === 'replaced' || codeChanged)) {
    return (
      <Calm icon="verified" title={t('shield.renewed')} text={t('shield.renewedText')} testid="code-changed">
        <Btn onClick={() => (replacedClosed.value = code)}>{t('common.close')}</Btn>
      </Calm>
    );
  }
  return null;
}

function JoiningBanner(): JSX.Element | null {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), joinMs);
    return () => clearTimeout(timer);
  }, []);
  if (!late) return null;
  return (
    <Calm icon="shield" title={t('shield.outside')} text={t('shield.outsideText')} testid="encryption-outside" />
  );
}

interface CalmProps {
  icon: IconName;
  title: string;
  text: string;
  testid?: string;
  children?: JSX.Element | JSX.Element[];
}

function Calm({ icon, title, text, testid, children }: CalmProps): JSX.Element {
  return (
    <div class="banner calm" data-testid={testid}>
      <Icon name={icon} />
      <p class="words"><strong>{title}</strong> <span>{text}</span></p>
      {children && <div class="actions">{children}</div>}
    </div>
  );
}
