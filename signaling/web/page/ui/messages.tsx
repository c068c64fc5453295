// Banners, from the device check on.

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Device } from '../media/devices';
import { HowToAllow, Since } from './aids';
import { Btn } from './basics';
import { useStore } from './context';
import { deviceTrouble, interruptedWords } from './devices';
import { Icon } from './icon';
import { t, type PlainKey } from '../text/text';

// So many banners are shown at once; the others wait behind a button. The same numbers are in the CSS.
const shownAtOnce = { phone: 1, other: 2 };

// Each banner is read out when it appears: what tells of it is there before it. They stand in the order of what is most urgent, and take little of
// the place for faces if they are brief: on a phone one short line. Calls for help are no banners: all of them are shown.
export function Banners({ brief = false, children }: { brief?: boolean; children: ComponentChildren }): JSX.Element {
  const phone = useStore().stage.phone.value;
  const ref = useRef<HTMLDivElement>(null);
  const [count, setCount] = useState(0);
  const [open, setOpen] = useState(false);
  useLayoutEffect(() => {
    const list = ref.current;
    if (!list) return undefined;
    const look = (): void => setCount([...list.children].filter((child) => child.classList.contains('banner')).length);
    const changes = new MutationObserver(look);
    changes.observe(list, { childList: true });
    look();
    return () => changes.disconnect();
  }, []);
  const hidden = !brief ? 0 : count - (phone ? shownAtOnce.phone : shownAtOnce.other);
  useEffect(() => {
    if (count === 0) setOpen(false);
  }, [count]);
  return (
    <div class="notices" data-brief={brief && !open}>
      <div ref={ref} class="banners" role="status" aria-atomic="false">{children}</div>
      <div class="notices-more" role="status">
        {(hidden > 0 || (brief && phone && count > 0)) && (
          <Btn look="slim" aria-expanded={open} data-testid="banners-more" onClick={() => setOpen(!open)}>
            {open ? t('banner.less') : hidden > 0 ? t('banner.more', { n: hidden }) : t('banner.details')}
          </Btn>
        )}
      </div>
    </div>
  );
}

// What was known when the screen appeared has been said before it.
export function DeviceBanner({ kind }: { kind: Device['kind'] }): JSX.Element | null {
  const device = useStore()[kind];
  const failures = device.failures.value;
  const trouble = deviceTrouble(device);
  const [told, setTold] = useState(failures);
  if (device.interrupted.value) return <InterruptedBanner device={device} />;
  if (!trouble || told === failures) return null;
  return (
    <div class="banner" data-testid={`${kind}-trouble`}>
      <Icon name={kind === 'microphone' ? 'mic-off' : 'cam-off'} />
      <p class="words"><strong>{t(kind === 'microphone' ? 'banner.micOff' : 'banner.cameraOff')}</strong> <span>{trouble}</span></p>
      {device.state.value === 'denied' && <HowToAllow kind={kind} />}
      <Btn onClick={() => setTold(failures)}>{t('common.close')}</Btn>
    </div>
  );
}

// Whoever does not want it to come back can turn it off.
function InterruptedBanner({ device }: { device: Device }): JSX.Element {
  const { kind } = device;
  return (
    <div class="banner" data-testid={`${kind}-interrupted`}>
      <Icon name={kind === 'microphone' ? 'mic-off' : 'cam-off'} />
      <p class="words"><strong>{t(kind === 'microphone' ? 'banner.micStopped' : 'banner.cameraStopped')}</strong> <span>{interruptedWords(kind)}</span></p>
      <Btn onClick={() => device.turnOff()}>{t('banner.turnOff')}</Btn>
    </div>
  );
}

export function SpeakerBanner(): JSX.Element | null {
  const { unplugged: gone, name } = useStore().speaker;
  if (!gone.value) return null;
  return (
    <div class="banner" data-testid="speaker-trouble">
      <Icon name="speaker" />
      <p class="words"><strong>{name.value ? t('speaker.changed', { name: name.value }) : t('device.speakerGone')}</strong> <span>{name.value ? t('speaker.changedText') : t('device.systemSpeaker')}</span></p>
      <Btn onClick={() => (gone.value = false)}>{t('common.close')}</Btn>
    </div>
  );
}

// As long as the server keeps a seat; after it the promise is not repeated.
const keptMs = 60_000;

export function LinkBanner(): JSX.Element | null {
  const store = useStore();
  const lost = store.link.value === 'lost';
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (!lost) return undefined;
    const timer = setTimeout(() => setLate(true), keptMs);
    return () => clearTimeout(timer);
  }, [lost]);
  if (!lost) return null;
  return (
    <div class="banner" data-testid="banner">
      <Icon name="again" />
      <p class="words"><strong>{t('banner.lost')}</strong> <Since at={store.lines.lostAt.value} /> <span>{t(late ? 'banner.keptLate' : 'banner.kept')}</span></p>
      <Btn onClick={() => store.session?.tryNow()}>{t('banner.tryNow')}</Btn>
    </div>
  );
}

export function RestartBanner(): JSX.Element | null {
  const { restarting, link } = useStore();
  if (!restarting.value || link.value === 'lost') return null;
  return (
    <div class="banner" data-testid="restarting">
      <Icon name="again" />
      <p class="words"><strong>{t('banner.restart')}</strong> <span>{t('banner.restartText')}</span></p>
    </div>
  );
}

export function MediaBanner(): JSX.Element | null {
  const { mediaState, mediaRefused, link, thinUplink, lines } = useStore();
  if (mediaRefused.value) return <RefusedBanner code={mediaRefused.value} />;
  const broken = mediaState.value === 'failed' || mediaState.value === 'disconnected';
  if (link.value === 'lost' || !broken) return thinUplink.value ? <ThinUplinkBanner /> : null;
  return (
    <div class="banner">
      <Icon name="signal" />
      <p class="words"><strong>{t('banner.media')}</strong> <Since at={lines.lostAt.value} /> <span>{t('banner.mediaText')}</span></p>
    </div>
  );
}

function ThinUplinkBanner(): JSX.Element {
  return (
    <div class="banner calm" data-testid="thin-uplink">
      <Icon name="signal" />
      <p class="words"><strong>{t('net.thin')}</strong> <span>{t('net.thinWhat')}</span></p>
    </div>
  );
}

// Why no connection for picture and sound is made, by the code of the refusal, and what helps.
const refusals: Record<string, PlainKey> = {
  codec_unsupported: 'refused.codec', fingerprint: 'refused.fingerprint',
  srtp_profile: 'refused.unsafe', cipher_suite: 'refused.unsafe', dtls_version: 'refused.unsafe',
};

function refusedWords(code: string): string {
  const key = refusals[code];
  return key ? t(key) : t('refused.other', { code });
}

function RefusedBanner({ code }: { code: string }): JSX.Element {
  return (
    <div class="banner" data-testid="media-refused">
      <Icon name="alert" />
      <p class="words"><strong>{t('banner.refused')}</strong> <span>{t('banner.refusedText')} {refusedWords(code)}</span></p>
    </div>
  );
}

export function AudioBlockedBanner(): JSX.Element | null {
  const { audioBlocked: soundBlocked } = useStore();
  if (!soundBlocked.value) return null;
  return (
    <div class="banner calm">
      <Icon name="speaker" />
      <p class="words"><strong>{t('banner.blocked')}</strong> <span>{t('banner.blockedText')}</span></p>
      <Btn onClick={() => (soundBlocked.value = false)}>{t('banner.soundOn')}</Btn>
    </div>
  );
}

// Said once, before much depends on it.
export function ReloadBanner(): JSX.Element | null {
  const { persistent: lasting, reloadWarningClosed: reloadTold } = useStore();
  if (lasting.value || reloadTold.value) return null;
  return (
    <div class="banner calm" data-testid="reload-warning">
      <Icon name="again" />
      <p class="words"><strong>{t('banner.reload')}</strong> <span>{t('banner.reloadText')}</span></p>
      <Btn onClick={() => (reloadTold.value = true)}>{t('common.close')}</Btn>
    </div>
  );
}

export function UnmuteBanner(): JSX.Element | null {
  const store = useStore();
  const source = store.unmuteAsked.value;
  if (!source || store[source].on.value) return null;
  const answer = (yes: boolean): void => {
    store.unmuteAsked.value = null;
    if (yes) void store[source].turnOn();
  };
  return (
    <div class="banner calm">
      <Icon name={source === 'microphone' ? 'mic' : 'cam'} />
      <p class="words"><strong>{t(source === 'microphone' ? 'banner.unmuteMic' : 'banner.unmuteCamera')}</strong> <span>{t('banner.unmuteText')}</span></p>
      <div class="actions">
        <Btn onClick={() => answer(false)}>{t('banner.keepOff')}</Btn>
        <Btn onClick={() => answer(true)}>{t('banner.turnOn')}</Btn>
      </div>
    </div>
  );
}

export function NoticeBanner(): JSX.Element | null {
  const { notice } = useStore();
  if (!notice.value) return null;
  const [hold, release] = [() => notice.hold(), () => notice.release()]; // while it is read
  return (
    <div class="banner calm" data-testid="notice" onMouseEnter={hold} onMouseLeave={release} onFocusCapture={hold} onBlurCapture={release}>
      <Icon name="alert" />
      <p class="words"><span class="short">{notice.value}</span></p>
      <Btn look="dismiss" onClick={() => (notice.value = '')}>{t('common.close')}</Btn>
    </div>
  );
}
