// The restrictions of the systemd unit, as far as this machine can apply them without systemd. It prints those that it cannot apply.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const unit = new URL('../../../../deploy/systemd/alcove.service', import.meta.url).pathname;
const program = new URL('../../../../bin/alcove', import.meta.url).pathname;
const nobody = 65534;

// The directives that restrict, with their values; those that only describe the service are left out.
function directives() {
  const service = readFileSync(unit, 'utf8').split('[Service]')[1].split('[Install]')[0];
  const all = new Map();
  for (const [, name, value] of service.matchAll(/^(\w+)=(.*)$/gm)) all.set(name, [...(all.get(name) ?? []), value]);
  for (const plain of ['Type', 'NotifyAccess', 'ExecStart', 'ExecReload', 'Restart', 'RestartSec', 'TimeoutStopSec']) all.delete(plain);
  return all;
}

// confine makes the words that start a program as the unit would: put them before the program. credentials are files that it gets as
// copies of its own; state is the one folder that it may write.
export function confine(folder, state, credentials) {
  const all = directives();
  const value = (name) => all.get(name)?.at(-1) ?? '';
  const caps = ['-all', ...value('CapabilityBoundingSet').toLowerCase().split(' ').filter(Boolean).map((c) => `+${c.replace('cap_', '')}`)].join(',');
  const rights = ['--no-new-privs', `--inh-caps=${caps}`, `--bounding-set=${caps}`];
  // One try after the other until one of each list works; rights go last, or there would be none left to do the rest with.
  const pieces = [
    [[['ProtectSystem'], ['unshare', '--mount', 'sh', '-c',
      'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"', state]]],
    [[['LimitCORE'], ['prlimit', `--core=${value('LimitCORE')}`, '--']]],
    [[['LimitNOFILE'], ['prlimit', `--nofile=${value('LimitNOFILE')}`, '--']]],
    [[['UMask'], ['sh', '-c', `umask ${value('UMask')}; exec "$@"`, 'sh']]],
    [
      [['DynamicUser', 'NoNewPrivileges', 'CapabilityBoundingSet', 'AmbientCapabilities', 'RestrictSUIDSGID'],
        ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', ...rights, `--ambient-caps=${caps}`, '--']],
      [['NoNewPrivileges', 'CapabilityBoundingSet', 'RestrictSUIDSGID'], ['setpriv', ...rights, '--']],
    ],
  ];
  const wrap = [];
  const applied = new Set();
  const user = { id: process.getuid() };
  for (const tries of pieces) {
    const [names, words] = tries.find(([, w]) => spawnSync(w[0], [...w.slice(1), 'true']).status === 0) ?? [[], []];
    wrap.push(...words);
    for (const name of names) applied.add(name);
    if (names.includes('DynamicUser')) user.id = nobody;
  }
  const own = (path) => { if (user.id !== process.getuid()) chownSync(path, user.id, user.id); };
  chmodSync(folder, 0o755);
  chmodSync(state, 0o700);
  for (const path of [state, ...readdirSync(state).map((name) => join(state, name))]) own(path);
  const lent = join(folder, 'credentials');
  mkdirSync(lent, { mode: 0o500 });
  for (const file of credentials) {
    const copy = join(lent, basename(file));
    copyFileSync(file, copy);
    chmodSync(copy, 0o400);
    own(copy);
  }
  own(lent);
  for (const name of ['LoadCredential', 'StateDirectory', 'StateDirectoryMode', 'RuntimeDirectory']) applied.add(name);
  const binary = join(folder, 'alcove'); // the checkout may be closed to others
  copyFileSync(program, binary);
  chmodSync(binary, 0o755);
  const missing = [...all.keys()].filter((name) => !applied.has(name));
  console.log(`confined by: ${[...applied].join(' ')}\nNOT applied on this machine: ${missing.join(' ')}`);
  return { start: [...wrap, binary], credentials: lent, user: user.id, applied };
}

// watchEgress counts what a user sends to elsewhere, in the tests' own network.
export function watchEgress(user) {
  const nft = (...args) => execFileSync('nft', args, { encoding: 'utf8' });
  nft('add table inet alcove_egress');
  nft('add chain inet alcove_egress out { type filter hook output priority 0 ; }');
  nft(`add rule inet alcove_egress out meta skuid ${user} oifname lo counter accept`);
  nft(`add rule inet alcove_egress out meta skuid ${user} counter`);
  return () => {
    const [inside, outside] = [...nft('list table inet alcove_egress').matchAll(/packets (\d+)/g)].map(([, n]) => Number(n));
    return { inside, outside };
  };
}
