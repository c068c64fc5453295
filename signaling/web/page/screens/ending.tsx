// Every way a session can end or fail to begin, in words that say what happens with camera and microphone and what
// the person can do.

import type { JSX } from 'preact';
import { Btn, Heading } from '../ui/basics';
import { useStore } from '../ui/context';
import { Icon, type IconName } from '../ui/icon';
import { HelloPasscode } from '../ui/requirements';
import { ClinicPhone, Top } from '../ui/top';
import { Lazy } from '../parts';
import { papersPart } from './papers-part';

interface Words {
  icon: IconName;
  title: string;
  body: string[];
  again?: string;
}

const off = 'Your camera and microphone are off.';
const closeWords = ' You can close this page.';
const link: Words = {
  icon: 'link', title: 'This link does not work',
  body: ['It may have been used already, or its time has passed. If this page is open in another window, go on there. Else ask the clinic for a new link.'],
};
const busy: Words = {
  icon: 'again', title: 'The clinic’s server takes nobody right now',
  body: ['It is being looked after, or has too much to do. This is often over within a few minutes.', off], again: 'Try again',
};
const mismatch: Words = {
  icon: 'link', title: 'This link does not fit the session',
  body: ['The session runs under other rules than your link was made for. Ask the clinic for a new one.'],
};
const removed: Words = {
  icon: 'remove', title: 'You were taken out of the session',
  body: [`A therapist ended your part for today. ${off}`, 'You can talk with the clinic about it, today or later.'],
};
const ended: Words = {
  icon: 'check', title: 'The session has ended',
  body: [`${off}${closeWords}`, 'Take a moment for yourself before you go on.'],
};
const unexpected: Words = {
  icon: 'alert', title: 'Something went wrong',
  body: [`The session could not go on. ${off}`, 'Open your link again, or ask the clinic for a new one.'],
};
const endings: Record<string, Words> = {
  room_locked: {
    icon: 'lock', title: 'The session is locked',
    body: ['It has begun, and nobody new can enter now. This is the same for everyone.', 'If you were inside before, a new link lets you ask to return.'],
    again: 'Try again',
  },
  denied: { icon: 'door', title: 'You were not let in', body: ['A therapist did not admit you to this session.'] },
  removed, barred: removed, ended, room_ended: ended,
  left: { icon: 'check', title: 'You left', body: [`${off}${closeWords}`, 'To come back, open your link again, or ask the clinic for a new one.'] },
  limit: { icon: 'clock', title: 'The time of the session is over', body: [`${off}${closeWords}`, 'Take a moment for yourself before you go on.'] },
  absent: { icon: 'people', title: 'The session has ended', body: ['No therapist came back in time.', off] },
  idle: { icon: 'check', title: 'The session has ended', body: ['Nobody else was there for a while.', off] },
  revoked: { icon: 'remove', title: 'The clinic ended the session', body: [off, 'You can talk with the clinic about it.'] },
  timeout: { icon: 'clock', title: 'You waited for a long time', body: [`Nobody let you in, and your place was given up. ${off}`, 'Open your link again, or ask the clinic for a new one.'] },
  room_not_started: { icon: 'clock', title: 'The session has not begun', body: ['You are early. Please come back when it begins.', off], again: 'Try again' },
  mfa_required: { icon: 'shield', title: 'The clinic needs to be surer who you are', body: ['Log in at the clinic with a second factor, and open the new link.'] },
  passcode_wrong: { icon: 'lock', title: 'This session has a passcode', body: ['Therapists enter it too, before they come in.'] },
  invalid_token: link,
  no_link: { icon: 'link', title: 'Open the link from the clinic', body: ['This page needs the link that the clinic sent you. It works until you have come in with it. After that, ask the clinic for a new one.'] },
  link_damaged: { icon: 'link', title: 'This link is not whole', body: ['Its end is missing, so your part of the encryption is not in it. Copy the whole link, or click on it where you got it.'] },
  policy_mismatch: mismatch,
  room_full: { icon: 'people', title: 'The session is full', body: ['There is no free place right now.', off], again: 'Try again' },
  replaced: {
    icon: 'devices', title: 'You are in the session somewhere else',
    body: [`It goes on in another window or on another device. ${off}`, 'If that was not you, tell the clinic at once.'],
  },
  resume_expired: {
    icon: 'again', title: 'Your place was not kept',
    body: [`The connection was away too long. ${off}`, 'Open your link again, or ask the clinic for a new one. A therapist then lets you in.'],
  },
  expired: {
    icon: 'again', title: 'Your place was not kept',
    body: [`The connection was away too long. ${off}`, 'Open your link again, or ask the clinic for a new one. A therapist then lets you in.'],
  },
  unreachable: {
    icon: 'signal', title: 'The clinic’s server does not answer',
    body: ['Check whether other pages open. If they do, the trouble is on the clinic’s side.', off], again: 'Try again',
  },
  draining: busy, unavailable: busy, internal: busy, rate_limited: busy,
  unsupported: {
    icon: 'alert', title: 'This browser cannot hold a session',
    body: ['It lacks what a protected video session needs, or this page was opened without a secure address (https).', 'A current Firefox, Chrome, Edge or Safari works.'],
  },
  e2ee_unsupported: {
    icon: 'shield-weak', title: 'This browser cannot encrypt the session',
    body: ['Here picture and sound are encrypted so that the video server cannot hear you. This browser is too old for that.', 'A current Firefox, Chrome, Edge or Safari works. Your link still does, if you open it there soon.'],
  },
  page_damaged: {
    icon: 'shield-weak', title: 'This page did not arrive as it was published',
    body: ['A part of it is missing or is another one, so it does not run: picture and sound could not be protected. Load it again, or tell the clinic.', 'Your link still works.'],
  },
  e2ee_required: {
    icon: 'shield-weak', title: 'This page cannot encrypt the session',
    body: ['Here picture and sound are encrypted so that the video server cannot hear you, and this page is too old for that. Load it again, or use a current browser.', off],
  },
  e2ee_off: {
    icon: 'shield-weak', title: 'The session is not encrypted as promised',
    body: [`Your link promises that the video server cannot hear you, and the server offers a session in which it could. So this page does not go in. ${off}`, 'Tell the clinic. It is not your mistake.'],
  },
  unsupported_version: { icon: 'again', title: 'This page is out of date', body: ['Load it again to get the present version.', off] },
};

export function EndingScreen({ code, onAgain }: { code: string; onAgain?: (() => void) | undefined }): JSX.Element {
  const { ending: { value: ending }, papers, selfState } = useStore();
  const words = endings[code] ?? unexpected;
  const keep = papers.received.value.length > 0; // they can be opened as long as the page is open
  return (
    <>
      <Top />
      <main class="page">
        <article class="card message ending" data-testid="ending-card" data-code={code}>
          <div class="head-row"><span class="seal"><Icon name={words.icon} /></span><Heading>{words.title}</Heading></div>
          <div class="body" role="status">
            {words.body.map((sentence, i) => <p key={i}>{keep ? sentence.replace(closeWords, '') : sentence}</p>)}
            {ending?.message && <><p>They wrote:</p><p class="said">“{ending.message}”</p></>}
            {selfState.leftWithConsent.value && code !== 'replaced' && (
              <p data-testid="left-yes">You had said yes to a recording. If you want to take that back now, ask the clinic to delete what was recorded of you.</p>
            )}
            {code === 'passcode_wrong' && onAgain && <HelloPasscode />}
            {ending?.ref && <p class="quiet small">If you speak with the clinic, this number helps them: {ending.ref}</p>}
          </div>
          <div class="actions">
            {words.again && onAgain && <Btn onClick={onAgain}>{words.again}</Btn>}
            <ClinicPhone look="button" />
          </div>
        </article>
        {keep && <Lazy of={papersPart}>{({ ReceivedPapers }) => <ReceivedPapers />}</Lazy>}
      </main>
    </>
  );
}
