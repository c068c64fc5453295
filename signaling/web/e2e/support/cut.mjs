// Cuts the media of one browser: nft drops every datagram from and to its local ports, where they arrive: dropped on the way out
// they would fail in the sender's hands, which no network does. Only inside the tests' own network.
import { execFileSync } from 'node:child_process';

const nft = (...args) => execFileSync('nft', args, { encoding: 'utf8' });

export function cutPorts(ports) {
  nft('add table inet alcove_e2e');
  nft('add chain inet alcove_e2e cut { type filter hook input priority 0 ; }');
  for (const side of ['sport', 'dport']) nft(`add rule inet alcove_e2e cut udp ${side} { ${ports.join(', ')} } counter drop`);
  return {
    dropped: () => [...nft('list table inet alcove_e2e').matchAll(/packets (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0),
    mend: () => nft('delete table inet alcove_e2e'),
  };
}
