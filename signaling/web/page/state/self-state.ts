// A participant's own state by `self.updated`: requirements, agreement, consents, help, side room.

import { batch, computed, signal } from '@preact/signals';
import type { AgreedText, SelfState, Consent, Session } from '../../client';
import { wanted } from '../text/language';
import { bestText } from './texts';

export class SelfStateStore {
  readonly latest = signal<SelfState>({ needs: [], agreement: [], consents: [], helpRaised: false });
  readonly agreementAsked = signal(false); // in this session, at any time: it is a step then
  readonly agreementClosed = signal(false); // the person did not agree, or looks at the page behind it
  readonly reminder = signal<AgreedText | undefined>(undefined); // shown again by a host, until closed
  readonly consentClosed = signal(false);
  readonly leftWithConsent = signal(false); // the seat ended while a consent stood: only the clinic can still be asked

  readonly needs = computed(() => this.latest.value.needs);
  readonly text = computed(() => bestText(this.latest.value.agreement, wanted()));
  readonly answeringAgain = signal(false); // the person wants to answer anew
  readonly openConsents = computed(() => this.latest.value.consents
    .filter(({ decision }) => decision === undefined || (this.answeringAgain.value && decision !== 'granted')));
  readonly denied = computed(() => this.latest.value.consents.some(({ decision }) => decision === 'refused' || decision === 'withdrawn'));
  readonly granted = computed(() => this.latest.value.consents.filter(({ decision }) => decision === 'granted'));

  subscribe(session: Session): void {
    session.on('selfState', (selfState) => this.#onSelfState(selfState));
    session.on('reminder', ({ texts }) => (this.reminder.value = bestText(texts, wanted())));
    session.on('ended', () => this.stop());
  }

  stop(): void {
    batch(() => {
      this.leftWithConsent.value = this.granted.value.length > 0;
      this.latest.value = { needs: [], agreement: [], consents: [], helpRaised: false };
      this.reminder.value = undefined;
    });
  }

  #onSelfState(selfState: SelfState): void {
    const asked = (consents: readonly Consent[]): string => consents.map(({ scope, texts }) => scope + texts.map((t) => t.textHash)).join();
    const before = this.latest.value;
    batch(() => {
      if (asked(before.consents) !== asked(selfState.consents)) {
        this.consentClosed.value = false;
        this.answeringAgain.value = false;
      }
      if (selfState.agreement.length > 0) this.agreementAsked.value = true;
      if (bestText(before.agreement, [])?.textHash !== bestText(selfState.agreement, [])?.textHash) this.agreementClosed.value = false;
      this.latest.value = selfState;
    });
  }
}
