// The daemon under test, as a process of its own.
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { until } from './wait.mjs';

const program = new URL('../../../../bin/alcove', import.meta.url).pathname;

// alcove runs an operator command to its end and returns what it prints.
export const alcove = (...args) => execFileSync(program, args, { encoding: 'utf8' });

// The mode of end-to-end encryption that sessions run in, unless a test needs one: E2E_ENCRYPTION=off runs all of them in the other.
export const encryption = process.env.E2E_ENCRYPTION ?? 'required';

// What `alcove token` needs to make a link into an encrypted session with the keys in this folder.
export const encryptionFlags = (keys, mode = encryption) => (mode === 'required' ? ['--e2ee-key', join(keys, 'e2ee.key'), '--e2ee-session', 'today'] : []);

// start is what runs the program, if it is not the program alone.
export async function startDaemon(args, origin = 'http://localhost:8080', start = [program], mode = encryption) {
  const own = args[0] === 'dev' ? ['--e2ee', mode] : [];
  const env = args[0] === 'serve' ? { ...process.env, ALCOVE_POLICIES__DEFAULT__E2EE: mode } : process.env;
  const child = spawn(start[0], [...start.slice(1), ...args, ...own], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => { log += bytes; });
  const gone = new Promise((done) => {
    child.on('exit', (code, signal) => done({ code, signal }));
    child.on('error', (error) => {
      log += `${error.message}\n`;
      done({ code: child.exitCode, signal: null });
    });
  });
  // Browsers know localhost by themselves, Node asks the system, which need not.
  const near = origin.replace('localhost', '127.0.0.1');
  // The path and the fragment of a link.
  const path = async (query) => {
    const response = await fetch(`${near}/dev/link?${new URLSearchParams(query)}`);
    if (!response.ok) throw new Error(`no link: ${response.status} ${await response.text()}`);
    return (await response.text()).trim();
  };
  const daemon = {
    origin,
    pid: child.pid,
    log: () => log,
    // What it counted, without what stayed at zero.
    async metrics() {
      const text = await (await fetch('http://127.0.0.1:9091/metrics')).text();
      return text.split('\n').filter((line) => line.startsWith('alcove_') && !line.endsWith(' 0')).join('\n');
    },
    signal: (name) => child.kill(name),
    async stop() {
      child.kill('SIGTERM');
      return gone;
    },
    // A token of the demo room for one person; the same sub is the same person.
    async token(sub, name, role = 'participant') {
      const query = new URLSearchParams({ sub, name, role });
      const response = await fetch(`${near}/dev/token?${query}`);
      if (!response.ok) throw new Error(`no token: ${response.status} ${await response.text()}`);
      return (await response.text()).trim();
    },
    // A link into the demo room that runs under another policy.
    guarded: (name, role, policy) => path({ sub: name, name, role, policy, room: policy }).then((end) => origin + end),
    link: (sub, name, from = origin, role = 'participant', level = 'link') => path({ sub, name, role, level }).then((end) => from + end),
    // A link into a room that is encrypted end to end, with the issuer's secret unless level is "code".
    async encryptedLink(sub, name, role = 'participant', level = 'link') {
      const query = new URLSearchParams({ sub, name, role, policy: 'encrypted', room: 'encrypted', e2ee: 'required', level });
      return new URL((await (await fetch(`${near}/dev/link?${query}`)).text()).trim(), origin).href;
    },
  };
  // Node does not know who signed the test's certificate.
  const ready = near.startsWith('https:') ? 'http://127.0.0.1:9091/readyz' : `${near}/`;
  try {
    await until(`alcove ${args[0]} answers`, async () => {
      return child.exitCode !== null || (await fetch(ready)).ok;
    });
    if (child.exitCode !== null) throw new Error(`${start[0]} ended with ${child.exitCode}:\n${log}`);
  } catch (error) {
    child.kill('SIGKILL'); // else it keeps the tests alive
    throw error;
  }
  return daemon;
}
