// A UDP proxy between browsers and the daemon that delays and drops datagrams.
import { createSocket } from 'node:dgram';

// startUdpDelay forwards datagrams between host:port and target:port. Each direction adds delayMs and up to jitterMs, keeps the order, and
// loses percent of them.
export async function startUdpDelay(host, port, target, { delayMs, jitterMs, percent }) {
  const remotes = new Map(); // by the browser's address and port
  let cut = false;
  let losing = percent;
  let lost = 0;
  // One direction of one browser.
  const way = () => {
    let last = 0;
    return (send) => {
      if (cut || Math.random() * 100 < losing) return lost++;
      const now = performance.now();
      last = Math.max(last, now + delayMs + Math.random() * jitterMs);
      return setTimeout(send, last - now);
    };
  };
  const near = createSocket('udp4');
  const bound = (socket, ...at) => new Promise((done) => socket.bind(...at, done));
  near.on('message', (bytes, from) => {
    const key = `${from.address}:${from.port}`;
    let far = remotes.get(key);
    if (!far) {
      const socket = createSocket('udp4');
      const [out, back] = [way(), way()];
      far = { socket, out, ready: bound(socket, 0, target) };
      remotes.set(key, far);
      socket.on('message', (answer) => back(() => open && near.send(answer, from.port, from.address)));
    }
    far.out(() => far.ready.then(() => open && far.socket.send(bytes, port, target)));
  });
  let open = true;
  await bound(near, port, host);
  return {
    lost: () => lost,
    lose(percent) { losing = percent; },
    cut() { cut = true; },
    restore() { cut = false; },
    close() {
      open = false;
      near.close();
      for (const { socket } of remotes.values()) socket.close();
    },
  };
}
