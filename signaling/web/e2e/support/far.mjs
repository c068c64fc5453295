// A long way between browsers and the daemon: datagrams take their time, some are lost, and for a while all of them may be.
import { createSocket } from 'node:dgram';

// startFar carries what comes to host:port to target:port, and back, each way in delayMs and up to jitterMs more, in order; of a hundred
// datagrams it loses so many.
export async function startFar(host, port, target, { delayMs, jitterMs, percent }) {
  const fars = new Map(); // by the browser's address and port
  let cut = false;
  let lost = 0;
  // One direction of one browser.
  const way = () => {
    let last = 0;
    return (send) => {
      if (cut || Math.random() * 100 < percent) return lost++;
      const now = performance.now();
      last = Math.max(last, now + delayMs + Math.random() * jitterMs);
      return setTimeout(send, last - now);
    };
  };
  const near = createSocket('udp4');
  const bound = (socket, ...at) => new Promise((done) => socket.bind(...at, done));
  near.on('message', (bytes, from) => {
    const key = `${from.address}:${from.port}`;
    let far = fars.get(key);
    if (!far) {
      const socket = createSocket('udp4');
      const [out, back] = [way(), way()];
      far = { socket, out, ready: bound(socket, 0, target) };
      fars.set(key, far);
      socket.on('message', (answer) => back(() => open && near.send(answer, from.port, from.address)));
    }
    far.out(() => far.ready.then(() => open && far.socket.send(bytes, port, target)));
  });
  let open = true;
  await bound(near, port, host);
  return {
    lost: () => lost,
    cut() { cut = true; },
    mend() { cut = false; },
    close() {
      open = false;
      near.close();
      for (const { socket } of fars.values()) socket.close();
    },
  };
}
