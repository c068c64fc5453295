// Chooses the route of media. The browser tries UDP and the server's relay at once and takes the direct path where it works (RFC 8445,
// section 5.1.2: a relayed candidate has the least preference), so that a network that blocks UDP costs nobody a wait.
//
// A network may let checks pass and nothing behind them. So a connection that does not come up in time is followed by one through the relay
// only, and that by one of all routes.

import { connectMs, relayedMs } from '../params';
import type { MediaReady } from '../wire/protocol';

type Servers = MediaReady['iceServers'];

export class Route {
  #relayOnly = false;

  // How the next connection is made.
  configuration(servers: Servers): RTCConfiguration {
    if (servers.length === 0) return {};
    const iceServers = servers.map((server) => ({ ...server }));
    return this.#relayOnly ? { iceServers, iceTransportPolicy: 'relay' } : { iceServers };
  }

  // How long it may take; undefined is as long as the browser tries.
  timeoutMs(servers: Servers): number | undefined {
    if (servers.length === 0) return undefined;
    return this.#relayOnly ? relayedMs : connectMs;
  }

  // The connection did not come about.
  toggle(): void {
    this.#relayOnly = !this.#relayOnly;
  }
}
