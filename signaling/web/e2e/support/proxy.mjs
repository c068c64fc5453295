// A TCP proxy that can freeze: bytes stop in both directions, nobody is told. When it thaws, the connections that were
// open are gone, as after a change of network. Each way takes delayMs.
import { createServer, connect } from 'node:net';

export async function startProxy(port, target, { delayMs = 0 } = {}) {
  const later = (act) => (delayMs ? setTimeout(act, delayMs) : act());
  const pairs = new Set();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    const pair = [near, far];
    pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => later(() => to.write(bytes)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => to.destroy());
      from.on('close', () => later(() => { to.destroy(); pairs.delete(pair); }));
      if (frozen) from.pause();
    }
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return {
    freeze() {
      frozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
    close() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
    },
  };
}
