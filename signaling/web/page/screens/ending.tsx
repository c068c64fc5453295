// Every way a session can end or fail to begin, in words that say what happens with camera and microphone and what the person can do. A link works
// once, so nobody is told to open it again: who still has a place may return to it, and everybody else reads whom to ask. In the frame of another
// page, which made the link, that page says how it goes on.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { framed } from '../state/token';
import { t, type PlainKey } from '../text/text';
import { Btn, Heading } from '../ui/basics';
import { useStore } from '../ui/context';
import { Icon, type IconName } from '../ui/icon';
import { HelloPasscode } from '../ui/requirements';
import { ClinicPhone, Top } from '../ui/top';
import { Lazy } from '../parts';
import { papersPart } from './papers-part';

interface Words {
  icon: IconName;
  title: PlainKey;
  body: PlainKey[][]; // the sentences of each paragraph
  ask?: PlainKey; // whom to ask
  again?: boolean; // may pass by itself
}

const ended: Words = { icon: 'check', title: 'ending.endedTitle', body: [['ending.off', 'ending.close'], ['ending.moment']] };
const busy: Words = { icon: 'again', title: 'ending.busyTitle', body: [['ending.busyText'], ['ending.off']], again: true };
const removed: Words = { icon: 'remove', title: 'ending.removedTitle', body: [['ending.removedText', 'ending.off'], ['ending.talk']] };
const expired: Words = { icon: 'again', title: 'ending.expiredTitle', body: [['ending.expiredText', 'ending.off']], ask: 'ending.askBack' };
const unexpected: Words = { icon: 'alert', title: 'ending.wrongTitle', body: [['ending.wrongText', 'ending.off']], ask: 'ending.askBack' };
const endings: Record<string, Words> = {
  room_locked: { icon: 'lock', title: 'ending.lockedTitle', body: [['ending.lockedText']], ask: 'ending.lockedAsk', again: true },
  denied: { icon: 'door', title: 'ending.deniedTitle', body: [['ending.deniedText']] },
  removed, barred: removed, ended, room_ended: ended,
  left: { icon: 'check', title: 'ending.leftTitle', body: [['ending.off', 'ending.close']], ask: 'ending.askBack' },
  limit: { icon: 'clock', title: 'ending.limitTitle', body: [['ending.off', 'ending.close'], ['ending.moment']] },
  absent: { icon: 'people', title: 'ending.endedTitle', body: [['ending.absentText'], ['ending.off']] },
  idle: { icon: 'check', title: 'ending.endedTitle', body: [['ending.idleText'], ['ending.off']] },
  revoked: { icon: 'remove', title: 'ending.revokedTitle', body: [['ending.off'], ['ending.talk']] },
  timeout: { icon: 'clock', title: 'ending.timeoutTitle', body: [['ending.timeoutText', 'ending.off']], ask: 'ending.askBack' },
  room_not_started: { icon: 'clock', title: 'ending.earlyTitle', body: [['ending.earlyText'], ['ending.off']], again: true },
  mfa_required: { icon: 'shield', title: 'ending.mfaTitle', body: [['ending.mfaText']] },
  passcode_wrong: { icon: 'lock', title: 'ending.passcodeTitle', body: [['ending.passcodeText']] },
  invalid_token: { icon: 'link', title: 'ending.linkTitle', body: [['ending.linkText']], ask: 'ending.askElse' },
  no_link: { icon: 'link', title: 'ending.noLinkTitle', body: [['ending.noLinkText']], ask: 'ending.noLinkAsk' },
  link_damaged: { icon: 'link', title: 'ending.damagedTitle', body: [['ending.damagedText']] },
  policy_mismatch: { icon: 'link', title: 'ending.mismatchTitle', body: [['ending.mismatchText']], ask: 'ending.askLink' },
  room_full: { icon: 'people', title: 'ending.fullTitle', body: [['ending.fullText'], ['ending.off']], again: true },
  replaced: { icon: 'devices', title: 'ending.replacedTitle', body: [['ending.replacedText', 'ending.off'], ['ending.replacedTell']] },
  resume_expired: expired, expired,
  unreachable: { icon: 'signal', title: 'ending.unreachableTitle', body: [['ending.unreachableText'], ['ending.off']], again: true },
  draining: busy, unavailable: busy, internal: busy, rate_limited: busy,
  unsupported: { icon: 'alert', title: 'ending.browserTitle', body: [['ending.browserText'], ['ending.browserHelp']] },
  e2ee_unsupported: { icon: 'shield-weak', title: 'ending.e2eeOldTitle', body: [['ending.e2eeOldText'], ['ending.e2eeOldHelp']] },
  page_damaged: { icon: 'shield-weak', title: 'ending.pageTitle', body: [['ending.pageText'], ['ending.pageLink']] },
  e2ee_required: { icon: 'shield-weak', title: 'ending.pageOldTitle', body: [['ending.pageOldText', 'ending.off']] },
  e2ee_off: { icon: 'shield-weak', title: 'ending.openTitle', body: [['ending.openText', 'ending.off'], ['ending.openTell']] },
  unsupported_version: { icon: 'again', title: 'ending.oldTitle', body: [['ending.oldText'], ['ending.off']] },
};

export function EndingScreen({ code, onAgain }: { code: string; onAgain?: (() => void) | undefined }): JSX.Element {
  const { ending: { value: ending }, papers, selfState } = useStore();
  const words = endings[code] ?? unexpected;
  const keep = papers.received.value.length > 0; // they can be opened as long as the page is open
  const lasts = useSeatLasts() && onAgain !== undefined;
  return (
    <>
      <Top />
      <main class="page">
        <article class="card message ending" data-testid="ending-card" data-code={code}>
          <div class="head-row"><span class="seal"><Icon name={words.icon} /></span><Heading>{t(words.title)}</Heading></div>
          <div class="body" role="status">
            {words.body.map((sentences, i) => <p key={i}>{sentences.filter((key) => !keep || key !== 'ending.close').map((key) => t(key)).join(' ')}</p>)}
            {lasts && <p data-testid="seat-lasts">{t('ending.returnText')}</p>}
            {words.ask && !lasts && !framed() && <p data-testid="ask">{t(words.ask)}</p>}
            {ending?.message && <><p>{t('ending.wrote')}</p><p class="said">“{ending.message}”</p></>}
            {selfState.leftWithConsent.value && code !== 'replaced' && <p data-testid="left-yes">{t('ending.leftYes')}</p>}
            {code === 'passcode_wrong' && onAgain && <HelloPasscode />}
            {ending?.ref && <p class="quiet small">{t('ending.ref', { ref: ending.ref })}</p>}
          </div>
          <div class="actions">
            {lasts ? <Btn data-testid="return" onClick={onAgain}>{t('ending.return')}</Btn> : words.again && onAgain && <Btn onClick={onAgain}>{t('ending.again')}</Btn>}
            <ClinicPhone look="button" />
          </div>
        </article>
        {keep && <Lazy of={papersPart}>{({ ReceivedPapers }) => <ReceivedPapers />}</Lazy>}
      </main>
    </>
  );
}

// Whether the server may still hold the place: it does for a while after a connection is gone.
function useSeatLasts(): boolean {
  const until = useStore().seatUntil.value;
  const [, look] = useState(0);
  const left = until - Date.now();
  useEffect(() => {
    if (left <= 0) return undefined;
    const timer = setTimeout(() => look((times) => times + 1), left);
    return () => clearTimeout(timer);
  }, [until]);
  return left > 0;
}
