// Drops all datagrams to and from the media ports of one browser, by nftables, only inside the tests' network namespace. The input hook
// drops them: dropped at output, the sender would see an error, which no network causes.
import { execFileSync } from 'node:child_process';

const nft = (...args) => execFileSync('nft', args, { encoding: 'utf8' });

// percent: of the datagrams, at random.
export function blockPorts(ports, percent = 100) {
  const chance = percent < 100 ? `numgen random mod 100 < ${percent} ` : '';
  nft('add table inet alcove_e2e');
  nft('add chain inet alcove_e2e cut { type filter hook input priority 0 ; }');
  for (const side of ['sport', 'dport']) nft(`add rule inet alcove_e2e cut udp ${side} { ${ports.join(', ')} } ${chance}counter drop`);
  return {
    dropped: () => [...nft('list table inet alcove_e2e').matchAll(/packets (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0),
    restore: () => nft('delete table inet alcove_e2e'),
  };
}
