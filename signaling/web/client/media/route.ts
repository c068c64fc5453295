// Chooses the route of media: UDP, or the server's relay on networks that block UDP. Such a network gives no error, so the relay is tried
// when a direct connection does not come up in time, and the other way round, because a browser that reaches no relay may wait forever.
//
// One route at a time: a relay that is not needed costs the server nothing.

import { directMs, relayedMs } from '../params';
import type { MediaReady } from '../wire/protocol';

type Servers = MediaReady['iceServers'];

export class Route {
  #relayed = false;

  // How the next connection is made.
  configuration(servers: Servers): RTCConfiguration {
    if (!this.#relayed || servers.length === 0) return {};
    return { iceServers: servers.map((server) => ({ ...server })), iceTransportPolicy: 'relay' };
  }

  // How long it may take; undefined is as long as the browser tries.
  timeoutMs(servers: Servers): number | undefined {
    if (servers.length === 0) return undefined;
    return this.#relayed ? relayedMs : directMs;
  }

  // The connection did not come about.
  toggle(): void {
    this.#relayed = !this.#relayed;
  }
}
