// What the check of the connection found, in plain words, and what to do. Loaded when somebody measures.

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { findingsOf, measure, type CheckSession, type Finding, type Measured } from '../../client/check/measure';
import { State } from '../ui/basics';
import { t, type PlainKey } from '../text/text';

const words: Record<Finding, PlainKey> = {
  none: 'measure.none', relayOnly: 'measure.relayOnly', lossy: 'measure.lossy', thinUp: 'measure.thinUp', thinDown: 'measure.thinDown', late: 'measure.late',
};

export function Measurement({ session, onEnd }: { session: CheckSession; onEnd(): void }): JSX.Element {
  const [found, setFound] = useState<Measured | 'failed' | undefined>();
  useEffect(() => {
    measure(session).then(setFound, () => setFound('failed')).finally(onEnd);
  }, []);
  return <div class="full stack small" role="status" data-testid="measured">{wordsOf(found)}</div>;
}

function wordsOf(found: Measured | 'failed' | undefined): JSX.Element | JSX.Element[] {
  if (!found) return <><State icon="signal" look="quiet">{t('measure.measuring')}</State><p class="quiet">{t('measure.about')}</p></>;
  if (found === 'failed') return <p class="quiet">{t('measure.failed')}</p>;
  const findings = findingsOf(found);
  const mbit = (bits: number): string => (bits / 1e6).toFixed(1);
  if (findings.length > 0) return findings.map((finding) => <p key={finding} data-finding={finding}>{t(words[finding])}</p>);
  return <p data-finding="fine">{t('measure.fine', { up: mbit(found.bitsUp), down: mbit(found.bitsDown), ms: Math.round(found.roundTripMs) })}</p>;
}
