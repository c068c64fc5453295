// What becomes of the group when its last therapist leaves.

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { t } from '../text/text';
import { Btn } from '../ui/basics';
import { useStore } from '../ui/context';
import { Dialog } from '../ui/dialog';

type Way = 'end' | 'hand' | 'alone';
const choices = [5, 10, 15, 30];

export function LastTherapist({ onNo }: { onNo(): void }): JSX.Element {
  const store = useStore();
  const heirs = store.may('participant.role') ? store.roster.value.filter(({ id, connected }) => id !== store.selfId.value && connected) : [];
  const ways = ([['end', store.may('room.end')], ['hand', heirs.length > 0], ['alone', true]] as const).flatMap(([way, may]) => (may ? [way] : []));
  const [way, setWay] = useState<Way>(ways[0] ?? 'alone');
  const [heir, setHeir] = useState(heirs[0]?.id ?? '');
  const limits = minutesWithin(store.hostGraceMs.value);
  const [minutes, setMinutes] = useState(limits.at(-1) ?? 5);
  const id = useId();
  const go = (): void => {
    if (way === 'end') void store.act('room.end', {});
    else if (way === 'alone') void store.leave(minutes);
    else void store.handOver(heir);
    if (way === 'hand') onNo(); // a refusal is said, and nobody leaves
  };
  const title: Record<Way, string> = { end: t('leave.end'), hand: t('leave.hand'), alone: t('leave.alone') };
  return (
    <Dialog title={t('leave.lastTitle')} about={t('leave.lastText')} onClose={onNo}>
      <fieldset class="choices ways">
        <legend class="sr">{t('leave.lastText')}</legend>
        {ways.map((one) => (
          <div key={one}>
            <label><input type="radio" name={id} checked={way === one} data-testid={`leave-${one}`} onChange={() => setWay(one)} /> {title[one]}</label>
            {way === one && one === 'end' && <p class="quiet small">{t('leave.endText')}</p>}
            {way === one && one === 'hand' && (
              <div class="field">
                <label for={`${id}-heir`}>{t('leave.handTo')}</label>
                <select class="input" id={`${id}-heir`} value={heir} data-testid="leave-heir" onChange={(event) => setHeir(event.currentTarget.value)}>
                  {heirs.map((person) => <option key={person.id} value={person.id}>{store.label(person.id, person.displayName)}</option>)}
                </select>
                <p class="quiet small">{t('leave.handText')}</p>
              </div>
            )}
            {way === one && one === 'alone' && (
              <div class="field">
                <label for={`${id}-for`}>{t('leave.aloneFor')}</label>
                <select class="input" id={`${id}-for`} value={minutes} data-testid="leave-minutes" onChange={(event) => setMinutes(Number(event.currentTarget.value))}>
                  {limits.map((n) => <option key={n} value={n}>{t('leave.minutes', { n })}</option>)}
                </select>
                <p class="quiet small">{t('leave.aloneText')}</p>
              </div>
            )}
          </div>
        ))}
      </fieldset>
      <div class="actions equal">
        <Btn onClick={onNo}>{t('leave.stay')}</Btn>
        <Btn look="danger" data-testid="confirm" onClick={go}>{title[way]}</Btn>
      </div>
    </Dialog>
  );
}

// The policy's limit, and what is shorter. Without a limit, half an hour.
function minutesWithin(graceMs: number): number[] {
  const most = graceMs > 0 ? Math.min(60, Math.max(1, Math.floor(graceMs / 60_000))) : 30;
  return [...choices.filter((n) => n < most), most];
}
