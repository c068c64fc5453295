// Light clients of the load test, which fill a room at little cost.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from './wait.mjs';

const program = new URL('../../../../bin/loadtest', import.meta.url).pathname;

export function startGuests(args) {
  const child = spawn(program, ['guests', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = new Promise((done) => child.on('exit', done));
  const sending = new Set();
  const failures = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { guest, is, why } = JSON.parse(line);
    if (is === 'sending') sending.add(guest);
    else sending.delete(guest);
    if (is === 'failed') failures.push(`${guest}: ${why}`);
  });
  return {
    // So many shall be there; who came last leaves first.
    setCount: (count) => child.stdin.write(`${count}\n`),
    // Waits until so many have a connection, and names them.
    async sending(count, ms) {
      await until(`${count} guests send`, () => {
        if (failures.length > 0) throw new Error(failures.join('\n'));
        return sending.size === count;
      }, ms);
      return [...sending];
    },
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
