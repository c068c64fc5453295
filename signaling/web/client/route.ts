// Which way media goes: by UDP, or through the server's relay where the network lets no UDP out. Such a network says nothing, so the
// relay is next when a connection without it does not come about in time, and the other way round: a browser that finds no relay may
// wait for ever.
//
// One after the other: a relay that is not needed carries nothing, and costs the server nothing.

import { directMs, relayedMs } from './params';
import type { MediaReady } from './protocol';

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
