// Light clients of the load test, which fill a room at little cost.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from './wait.mjs';

const program = new URL('../../../../bin/loadtest', import.meta.url).pathname;

export function startGuests(args, start = program) {
  const child = spawn(start, ['guests', ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const sending = new Set();
  const failures = [];
  let stopping = false;
  const gone = new Promise((done) => {
    child.on('error', (error) => done(failures.push(`${start} did not start: ${error.message}`)));
    child.on('exit', (code, signal) => done(stopping || failures.push(`${start} ended: ${signal ?? code}`)));
  });
  child.stdin.on('error', () => undefined); // it is gone, which the failures say
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
      await until(`${count} guests send`, () => failures.length > 0 || sending.size === count, ms);
      if (failures.length > 0) throw new Error(failures.join('\n'));
      return [...sending];
    },
    async stop() {
      stopping = true;
      child.kill('SIGTERM');
      await gone;
    },
  };
}
