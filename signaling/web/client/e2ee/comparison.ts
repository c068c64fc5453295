// The code that people compare aloud, and what they found. It stays while participants come and go, and changes when a host comes or a group
// is made anew.

import { fromBase64 } from './bytes';
import { groupCode, isHostRole } from './identity';
import type { Leaf } from './mls';

// Owned by the group machine.
export class Comparison {
  code: string | null = null;
  changed = false; // since people were shown another one
  #of = '';
  #compared: string | null = null;

  // The code is that of these members of this group.
  async update(group: string, members: readonly Leaf[]): Promise<void> {
    const hosts = members.filter(({ role }) => isHostRole(role)).map(({ signatureKey }) => signatureKey);
    const of = `${group} ${hosts.join(' ')}`;
    if (of === this.#of) return;
    this.#of = of;
    const before = this.code;
    this.code = await groupCode(fromBase64(group), hosts.map(fromBase64));
    this.changed = before !== null && before !== this.code;
  }

  // code: that was compared. The server may have the group made anew in the moment of the answer.
  take(result: 'same' | 'different', code: string | null): void {
    this.#compared = result === 'same' ? code : null;
    if (code === this.code) this.changed = false;
  }

  get same(): boolean {
    return this.code !== null && this.#compared === this.code;
  }
}
