// Homes: networks of their own behind one router, which translates addresses as at home (masquerade). The daemon stays in the tests'
// network, on the outside of the router.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const sh = (line) => execFileSync('sh', ['-c', line], { encoding: 'utf8' });

// A network lives as long as a process in it.
async function network() {
  const holder = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((done, failed) => {
    holder.stdout.once('data', done);
    holder.once('exit', failed);
    holder.once('error', failed);
  });
  const enter = ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--'];
  const run = (line) => execFileSync(enter[0], [...enter.slice(1), 'sh', '-c', line], { encoding: 'utf8' });
  return { holder, enter, run };
}

// wire joins two networks by a pair of interfaces; an end that says no network is in ours.
function wire(a, b) {
  sh(`ip link add ${a.name} type veth peer name ${b.name}`);
  for (const { name, address, at } of [a, b]) {
    if (at) sh(`ip link set ${name} netns ${at.holder.pid}`);
    (at?.run ?? sh)(`ip address add ${address} dev ${name} && ip link set ${name} up`);
  }
}

function block(router, n, what) {
  router.run("nft add table inet block && nft 'add chain inet block on { type filter hook forward priority 0 ; }'");
  for (const side of ['iifname', 'oifname']) router.run(`nft add rule inet block on ${side} lan${n} ${what} drop`);
  return () => router.run('nft delete table inet block');
}

// startHomes makes the homes 192.168.1.2, 192.168.2.2 and so on. They reach the server, and all come to it from 203.0.113.1.
export async function startHomes(count, server) {
  const router = await network();
  wire({ name: 'outside0', address: `${server}/24` }, { name: 'wan', address: '203.0.113.1/24', at: router });
  router.run('echo 1 > /proc/sys/net/ipv4/ip_forward');
  router.run('nft add table ip home');
  router.run("nft 'add chain ip home out { type nat hook postrouting priority 100 ; }'");
  router.run('nft add rule ip home out oif wan masquerade');
  const homes = [];
  for (let n = 1; n <= count; n++) {
    const home = await network();
    wire({ name: 'lan', address: `192.168.${n}.2/24`, at: home }, { name: `lan${n}`, address: `192.168.${n}.1/24`, at: router });
    home.run(`ip route add default via 192.168.${n}.1`);
    homes.push(home);
  }
  return {
    homes,
    // The home is on another network from now on, as from Wi-Fi to mobile.
    move(n) {
      router.run(`ip address add 100.64.${n}.1/24 dev lan${n}`);
      homes[n - 1].run(`ip address flush dev lan && ip address add 100.64.${n}.2/24 dev lan && ip route add default via 100.64.${n}.1`);
    },
    // No UDP passes to or from the home any more, until the function that it returns is called.
    blockUDP: (n) => block(router, n, 'meta l4proto udp'),
    // The same of everything.
    blackOut: (n) => block(router, n, ''),
    close() {
      for (const { holder } of [router, ...homes]) holder.kill('SIGKILL');
    },
  };
}

// within makes a program that runs another one in a network.
export function within(folder, { enter, holder }, program) {
  const file = join(folder, `run-${holder.pid}`);
  writeFileSync(file, `#!/bin/sh\nexec ${enter.join(' ')} ${program} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}
