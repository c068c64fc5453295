// One inline sprite; every icon of the page is a name in it.

import type { JSX } from 'preact';

export type IconName =
  | 'again'
  | 'alert'
  | 'back'
  | 'cam'
  | 'cam-off'
  | 'chat'
  | 'colead'
  | 'check'
  | 'clock'
  | 'devices'
  | 'door'
  | 'expand'
  | 'eye'
  | 'eye-off'
  | 'hand'
  | 'headphones'
  | 'help'
  | 'layout'
  | 'lead'
  | 'leave'
  | 'link'
  | 'lock'
  | 'mic'
  | 'mic-off'
  | 'minus'
  | 'more'
  | 'name'
  | 'next'
  | 'paper'
  | 'people'
  | 'phone'
  | 'pin'
  | 'plus'
  | 'pop-out'
  | 'previous'
  | 'rec'
  | 'rec-off'
  | 'remove'
  | 'share'
  | 'shield'
  | 'shield-weak'
  | 'signal'
  | 'speaker'
  | 'still'
  | 'unlock'
  | 'verified'
  | 'wave';

export function Icon({ name, when }: { name: IconName; when?: 'on' | 'off' }): JSX.Element {
  return <svg class={when ? `icon ${when}` : 'icon'} aria-hidden="true"><use href={`#${name}`} /></svg>;
}

export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 28 28" aria-hidden="true">
      <path d="M4 25V13a10 10 0 0 1 20 0v12" /><path d="M9.5 25V13.5a4.5 4.5 0 0 1 9 0V25Z" fill="currentColor" />
    </svg>
  );
}

export function Sprite(): JSX.Element {
  return (
    <svg class="sprite" aria-hidden="true">
      <symbol id="again" viewBox="0 0 24 24"><path d="M19.4 13A7.5 7.5 0 0 1 6.2 16.8M4.6 11A7.5 7.5 0 0 1 17.8 7.2M18 3.5v4h-4M6 20.5v-4h4"/></symbol>
      <symbol id="alert" viewBox="0 0 24 24"><circle cx="12" cy="12" r="8.5"/><path d="M12 7.8v5M12 16.2h.01"/></symbol>
      <symbol id="name" viewBox="0 0 24 24"><path d="M4 20h4L19 9l-4-4L4 16ZM13 7l4 4"/></symbol>
      <symbol id="paper" viewBox="0 0 24 24"><path d="M6.5 3.5h7L18 8v12.5H6.5ZM13.5 3.5V8H18M9.5 12.5h5M9.5 16h5"/></symbol>
      <symbol id="back" viewBox="0 0 24 24"><path d="M19 12H6M11 7l-5 5 5 5"/></symbol>
      <symbol id="cam" viewBox="0 0 24 24"><rect x="3" y="6.5" width="12" height="11" rx="2.5"/><path d="m15 11 5.2-3a.5.5 0 0 1 .8.4v7.2a.5.5 0 0 1-.8.4L15 13"/></symbol>
      <symbol id="cam-off" viewBox="0 0 24 24"><path d="M10 6.5h2.5A2.5 2.5 0 0 1 15 9v2l5.2-3a.5.5 0 0 1 .8.4v7.2a.5.5 0 0 1-.8.4l-2-1.2M15 15.2a2.5 2.5 0 0 1-2.5 2.3h-7A2.5 2.5 0 0 1 3 15V9a2.5 2.5 0 0 1 2.4-2.5M4 4l16 16"/></symbol>
      <symbol id="chat" viewBox="0 0 24 24"><path d="M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H11l-4.6 3.7a.25.25 0 0 1-.4-.2V16a2.5 2.5 0 0 1-2-2.5Z"/></symbol>
      <symbol id="check" viewBox="0 0 24 24"><path d="m5 12.5 4.5 4.5L19 7.5"/></symbol>
      <symbol id="clock" viewBox="0 0 24 24"><circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/></symbol>
      <symbol id="devices" viewBox="0 0 24 24"><rect x="3" y="5" width="13" height="9" rx="2"/><path d="M6.5 18H12M9.5 14v4"/><rect x="17" y="9" width="4.5" height="9.5" rx="1.2"/></symbol>
      <symbol id="door" viewBox="0 0 24 24"><path d="M6 20v-9a6 6 0 0 1 12 0v9M3.5 20h17M14.5 13.5v1"/></symbol>
      <symbol id="colead" viewBox="0 0 24 24"><path d="M4.5 20.5v-9a7.5 7.5 0 0 1 15 0v9M12 10.5v7M8.5 14h7"/></symbol>
      <symbol id="expand" viewBox="0 0 24 24"><path d="M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15"/></symbol>
      <symbol id="eye" viewBox="0 0 24 24"><path d="M2.8 12c1-2.3 4.2-6.5 9.2-6.5s8.2 4.2 9.2 6.5c-1 2.3-4.2 6.5-9.2 6.5S3.8 14.3 2.8 12Z"/><circle cx="12" cy="12" r="2.8"/></symbol>
      <symbol id="eye-off" viewBox="0 0 24 24"><path d="M9.9 5.7c.7-.1 1.4-.2 2.1-.2 5 0 8.2 4.2 9.2 6.5a12 12 0 0 1-2.6 3.6M6.4 7.3A12.6 12.6 0 0 0 2.8 12c1 2.3 4.2 6.5 9.2 6.5a9 9 0 0 0 4.6-1.3M9.9 9.9a3 3 0 0 0 4.2 4.2M4 4l16 16"/></symbol>
      <symbol id="hand" viewBox="0 0 24 24"><path d="M8 12.5V6.2a1.4 1.4 0 0 1 2.8 0V11M10.8 6V4.4a1.4 1.4 0 0 1 2.8 0V11M13.6 5.7a1.4 1.4 0 0 1 2.8 0V12M16.4 8.7a1.4 1.4 0 0 1 2.8 0V14a7 7 0 0 1-7 7h-.5a6.5 6.5 0 0 1-5.3-2.8l-2.9-4.3a1.45 1.45 0 0 1 2.3-1.7L8 14.2v-2"/></symbol>
      <symbol id="headphones" viewBox="0 0 24 24"><path d="M4 15.5v-3a8 8 0 0 1 16 0v3"/><rect x="3.5" y="14" width="4" height="6" rx="1.8"/><rect x="16.5" y="14" width="4" height="6" rx="1.8"/></symbol>
      <symbol id="help" viewBox="0 0 24 24"><circle cx="12" cy="12" r="9"/><circle cx="12" cy="12" r="3.6"/><path d="m5.7 5.7 3.7 3.7m5.2 5.2 3.7 3.7m0-12.6-3.7 3.7m-5.2 5.2-3.7 3.7"/></symbol>
      <symbol id="layout" viewBox="0 0 24 24"><rect x="3" y="4.5" width="18" height="9.5" rx="2"/><path d="M4.5 19.5h3M10.5 19.5h3M16.5 19.5h3"/></symbol>
      <symbol id="lead" viewBox="0 0 24 24"><path d="M4.5 20.5v-9a7.5 7.5 0 0 1 15 0v9"/><path d="M8.5 20.5v-8.7a3.5 3.5 0 0 1 7 0v8.7Z" fill="currentColor"/></symbol>
      <symbol id="leave" viewBox="0 0 24 24"><path d="M13 4H7.5A2.5 2.5 0 0 0 5 6.5v11A2.5 2.5 0 0 0 7.5 20H13M10.5 12H20M16.5 8.5 20 12l-3.5 3.5"/></symbol>
      <symbol id="link" viewBox="0 0 24 24"><path d="m13.5 16.5-2 2A4 4 0 0 1 5.8 12.8l2-2M10.5 7.5l2-2a4 4 0 0 1 5.7 5.7l-2 2M4 4l16 16"/></symbol>
      <symbol id="lock" viewBox="0 0 24 24"><rect x="5" y="10.5" width="14" height="9.5" rx="2.5"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5"/></symbol>
      <symbol id="mic" viewBox="0 0 24 24"><rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/></symbol>
      <symbol id="mic-off" viewBox="0 0 24 24"><path d="M9 7V6a3 3 0 0 1 6 0v5M9 10.5v.5a3 3 0 0 0 4.6 2.5M5.5 11.5a6.5 6.5 0 0 0 10.4 5.2M18.5 11.5a6.5 6.5 0 0 1-.5 2.5M12 18v3M4 4l16 16"/></symbol>
      <symbol id="minus" viewBox="0 0 24 24"><path d="M6 12h12"/></symbol>
      <symbol id="more" viewBox="0 0 24 24"><path d="M5.5 12h.01M12 12h.01M18.5 12h.01" stroke-width="3"/></symbol>
      <symbol id="next" viewBox="0 0 24 24"><path d="m9.5 6 6 6-6 6"/></symbol>
      <symbol id="niche" viewBox="0 0 160 120" preserveAspectRatio="xMidYMax slice"><circle cx="80" cy="54" r="23.5" fill="var(--head)"/><path d="M28.5 120.5C28.5 101 50.9 86.5 80 86.5s51.5 14.6 51.5 34Z" fill="var(--body)"/></symbol>
      <symbol id="people" viewBox="0 0 24 24"><circle cx="9" cy="8.5" r="3.2"/><path d="M3.5 19a5.5 5.5 0 0 1 11 0M15.5 5.6a3.2 3.2 0 0 1 0 5.8M17.5 14.2a5.5 5.5 0 0 1 3 4.8"/></symbol>
      <symbol id="phone" viewBox="0 0 24 24"><path d="M6.5 4h2.6l1.5 4-2 1.5a11 11 0 0 0 5.9 5.9l1.5-2 4 1.5v2.6a2 2 0 0 1-2.2 2A15.3 15.3 0 0 1 4.5 6.2a2 2 0 0 1 2-2.2Z"/></symbol>
      <symbol id="pin" viewBox="0 0 24 24"><path d="M9 4h6l-.8 6 3.3 3.5H6.5L9.8 10ZM12 13.5V20"/></symbol>
      <symbol id="plus" viewBox="0 0 24 24"><path d="M6 12h12M12 6v12"/></symbol>
      <symbol id="pop-out" viewBox="0 0 24 24"><path d="M10 18.5H5.5A2.5 2.5 0 0 1 3 16V7a2.5 2.5 0 0 1 2.5-2.5h13A2.5 2.5 0 0 1 21 7v3"/><rect x="12.5" y="12.5" width="8.5" height="6.5" rx="1.5"/></symbol>
      <symbol id="previous" viewBox="0 0 24 24"><path d="m14.5 6-6 6 6 6"/></symbol>
      <symbol id="rec" viewBox="0 0 24 24"><circle cx="12" cy="12" r="7.8"/><circle cx="12" cy="12" r="3" fill="currentColor"/></symbol>
      <symbol id="rec-off" viewBox="0 0 24 24"><path d="M8.2 5.2a7.8 7.8 0 0 1 10.6 10.6M15.8 18.8A7.8 7.8 0 0 1 5.2 8.2M4 4l16 16"/></symbol>
      <symbol id="remove" viewBox="0 0 24 24"><circle cx="10" cy="8.5" r="3.5"/><path d="M3.5 19.5a6.5 6.5 0 0 1 13 0M16.5 10.5h5"/></symbol>
      <symbol id="share" viewBox="0 0 24 24"><rect x="3" y="4.5" width="18" height="12" rx="2.5"/><path d="M12 13.5V8M9.5 10.3 12 7.8l2.5 2.5M8.5 20h7"/></symbol>
      <symbol id="shield" viewBox="0 0 24 24"><path d="M12 3.2 5 5.8v5.4c0 4.3 2.9 7.6 7 9.6 4.1-2 7-5.3 7-9.6V5.8Z"/></symbol>
      <symbol id="shield-weak" viewBox="0 0 24 24"><path d="M12 3.2 5 5.8v5.4c0 4.3 2.9 7.6 7 9.6 4.1-2 7-5.3 7-9.6V5.8Z"/><path d="M12 8v4.5M12 15.5h.01"/></symbol>
      <symbol id="signal" viewBox="0 0 24 24"><path d="M5 19v-3M10 19v-6M15 19v-9M20 19V6"/></symbol>
      <symbol id="speaker" viewBox="0 0 24 24"><path d="M4 9.8v4.4c0 .5.4.8.8.8H8l4.2 3.7c.5.4 1.3.1 1.3-.6V5.9c0-.7-.8-1-1.3-.6L8 9H4.8a.8.8 0 0 0-.8.8Z"/><path d="M16.5 9a4.2 4.2 0 0 1 0 6M19 6.5a7.8 7.8 0 0 1 0 11"/></symbol>
      <symbol id="still" viewBox="0 0 24 24"><rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="M10 9.5v5M14 9.5v5"/></symbol>
      <symbol id="unlock" viewBox="0 0 24 24"><rect x="5" y="10.5" width="14" height="9.5" rx="2.5"/><path d="M8 10.5V7.5a4 4 0 0 1 7.6-1.8"/></symbol>
      <symbol id="verified" viewBox="0 0 24 24"><path d="M12 3.2 5 5.8v5.4c0 4.3 2.9 7.6 7 9.6 4.1-2 7-5.3 7-9.6V5.8Z"/><path d="m9 11.8 2.2 2.2 4-4.2"/></symbol>
      <symbol id="wave" viewBox="0 0 24 24"><path d="M4 10.5v3M8 7.5v9M12 4.5v15M16 7.5v9M20 10.5v3"/></symbol>
    </svg>
  );
}
