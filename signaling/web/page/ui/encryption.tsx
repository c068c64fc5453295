// The shield, the code behind it, and what to do when the encryption is broken.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { problemWords, shieldWords, type Shield } from '../state/encryption';
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
      <Icon name={icons[at]} /><span>{shieldWords[at]}</span>
    </button>
  );
}

// Six groups of five digits. Screen readers hear single digits.
function Code({ code, small }: { code: string; small?: boolean }): JSX.Element {
  return (
    <ol class={small ? 'code small' : 'code'} aria-label="Code of this session" data-testid="code">
      {code.split(' ').map((group) => (
        <li key={group}><span aria-hidden="true">{group}</span><span class="sr">{[...group].join(' ')}</span></li>
      ))}
    </ol>
  );
}

const titles: Record<Shield, string> = {
  none: '', preparing: 'Encryption starts', open: 'Compare the code', closed: 'Only this group can see and hear you', broken: 'The encryption is broken',
};

export function EncryptionDialog(): JSX.Element | null {
  const store = useStore();
  const { shield, dialogOpen, status } = store.encryption;
  const at = shield.value;
  if (!dialogOpen.value || at === 'none') return null;
  const close = (): void => void (dialogOpen.value = false);
  return (
    <Dialog key={at} title={titles[at]} onClose={close}>
      <div class="stack" data-testid="encryption-dialog">
        {at === 'broken' ? <Broken /> : <Meaning />}
        {(at === 'open' || at === 'closed') && status.value.code && <CompareCode code={status.value.code} onDone={close} />}
        <div class="actions"><Btn onClick={close}>Close</Btn></div>
      </div>
    </Dialog>
  );
}

function Meaning(): JSX.Element {
  const { shield, status } = useStore().encryption;
  return (
    <>
      <p>Your picture and sound are encrypted on this device, and only the devices of this group can open them. <strong>The video server cannot hear you. You trust your clinic’s page.</strong></p>
      {shield.value === 'preparing' && <p>Your device waits until a therapist’s device takes it into the group’s encryption. Until then nobody sees or hears you here.</p>}
      {shield.value === 'closed' && <p class="quiet">{status.value.level === 'link' ? 'The links from the clinic prove who is here.' : 'You have compared the code, so nobody is in between.'}</p>}
    </>
  );
}

function CompareCode({ code, onDone }: { code: string; onDone(): void }): JSX.Element {
  const store = useStore();
  const { encryption, hosting } = store;
  const needed = encryption.status.value.level !== 'link';
  const how = hosting.value
    ? 'Read these digits aloud, one group after the other. The others compare them with theirs.'
    : 'A therapist reads these digits aloud, and you compare them. You must hear and know the person who reads.';
  const answer = (result: 'same' | 'different'): void => {
    encryption.compare(result);
    if (result === 'different') return;
    onDone();
    store.announcer.announce('The code is the same. Only this group can see and hear you.');
  };
  return (
    <section class="stack" aria-label="Code">
      <p>{needed ? how : `Who wants to be quite sure can compare this code, too. ${how}`}</p>
      <Code code={code} />
      <div class="actions equal">
        <Btn data-testid="code-different" onClick={() => answer('different')}>Not the same</Btn>
        <Btn data-testid="code-same" onClick={() => answer('same')}>Same</Btn>
      </div>
      <p class="quiet small">Your answer stays on this device and is sent to nobody.</p>
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
        ? <p>Leave the session, and open your link in a current Firefox, Chrome, Edge or Safari. If that does not help, ask the clinic for a new link.</p>
        : (
          <>
            <p>The video server may have been taken over, or a device here is out of order. What to do:</p>
            <ol class="todo">
              <li>Say nothing confidential until the shield is closed again.</li>
              <li>{store.hosting.value ? 'Renew the encryption. Everybody’s keys are then made anew.' : 'Tell a therapist. They can renew the encryption.'}</li>
              <li>If it breaks again, end the session{store.hosting.value ? ' and tell those who run the server' : ' and call the clinic'}.</li>
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
    store.notice.value = 'The encryption is being renewed. Picture and sound come back in a moment.';
  };
  return (
    <>
      <Btn look={look} icon="again" data-testid="renew-encryption" onClick={() => setAsking(true)}>Renew encryption</Btn>
      {asking && (
        <Confirm title="Renew the encryption?" yes="Renew" no="Leave it" onNo={() => setAsking(false)} onYes={renew}
          text="Everybody’s keys are made anew. Picture and sound stop for a moment, and the code becomes another one." />
      )}
    </>
  );
}

// For hosts, in the panel.
export function EncryptionSection(): JSX.Element | null {
  const { encryption: { shield, status }, roster } = useStore();
  const at = shield.value;
  if (at === 'none') return null;
  const names = status.value.unproved.map((id) => roster.value.find((person) => person.id === id)?.displayName ?? 'Somebody');
  return (
    <section aria-labelledby="encryption-h" data-testid="encryption-section">
      <div class="section-head"><h2 id="encryption-h">Encryption</h2><span class={`state ${at === 'closed' ? 'good' : at === 'preparing' ? '' : 'warn'}`}><Icon name={icons[at]} /> {shieldWords[at]}</span></div>
      <div class="stack tight">
        {names.length > 0 && <p class="small">Cannot prove who they are, and see and hear nobody: {names.join(', ')}. They need a new link.</p>}
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
  const one = people.length === 1;
  const names = people.map(({ displayName, verifiedName }) => (verifiedName && verifiedName !== displayName ? `${displayName} (on file: ${verifiedName})` : displayName));
  const letIn = (): void => {
    encryption.letIn(people.map(({ id, verifiedName: name = '' }) => ({ id, name })));
    store.announcer.announce(one ? 'Let in.' : 'All of them are let in.');
    focusOn('in-h');
  };
  const sendBack = (): void => {
    for (const { id } of people) void store.act('mod.sendBack', { participantId: id });
    focusOn('in-h');
  };
  return (
    <section class="alert" role="alert" aria-label="People whom this device did not see admitted" data-testid="unadmitted">
      <div class="who">
        <Icon name="shield" />
        <p>
          <strong>{one ? '1 person is' : `${people.length} people are`} in the session whom this device did not see admitted: {names.join(', ')}.</strong><br />
          <span class="small">Until a therapist decides, {one ? 'this person sees and hears nobody here, and nobody sees or hears this person' : 'they see and hear nobody here, and nobody sees or hears them'}. Let in only whom you expect. Only therapists see this</span>
        </p>
      </div>
      <div class="actions">
        <Btn look="slim" data-testid="let-in" onClick={letIn}>{one ? 'Let in' : 'Let them in'}</Btn>
        <Btn look="slim" data-testid="unadmitted-back" onClick={sendBack}>Send back</Btn>
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
        <p class="words"><strong>{problemWords(status.value)}</strong> <span>Say nothing confidential for now.</span></p>
        <Btn onClick={open}>What to do</Btn>
      </div>
    );
  }
  if (problem === 'worker_lost') {
    return <Calm icon="again" title="The part of this page that encrypts has stopped." text="It starts again by itself. Until then nobody sees or hears you." />;
  }
  if (state === 'outside') return <JoiningBanner />;
  if (shield.value === 'open' && code && later.value !== code) {
    const title = codeChanged ? 'The code of this session has changed.' : 'Compare the code of this session.';
    const text = codeChanged ? 'A therapist came, or the encryption was renewed. Compare the new code.' : 'Only then is it sure that nobody is in between.';
    return (
      <Calm icon="shield" title={title} text={text} testid={codeChanged ? 'code-changed' : 'code-compare'}>
        <Btn onClick={() => (later.value = code)}>Later</Btn><Btn onClick={open}>Compare</Btn>
      </Calm>
    );
  }
  if (level === 'link' && code && replacedClosed.value !== code && (problem === 'replaced' || codeChanged)) {
    return (
      <Calm icon="verified" title="The encryption was renewed." text="A therapist’s link proves it. Whoever compared the code finds a new one behind the shield." testid="code-changed">
        <Btn onClick={() => (replacedClosed.value = code)}>Close</Btn>
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
    <Calm icon="shield" title="Your device is not in the group’s encryption yet." text="A therapist’s device takes it in. Until then nobody sees or hears you, and you see and hear nobody." testid="encryption-outside" />
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
