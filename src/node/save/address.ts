import { BlockList, isIPv4 } from 'node:net';

// Special-purpose addresses as IANA lists them: nothing on the public internet is there.
const reserved = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  reserved.addSubnet(net, bits, 'ipv4');
}

const global6 = new BlockList();
global6.addSubnet('2000::', 3, 'ipv6');

const reserved6 = new BlockList();
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['3fff::', 20],
] as const) {
  reserved6.addSubnet(net, bits, 'ipv6');
}

/** IPv6 addresses that stand for an IPv4 one, and where in their eight groups that is. */
const embedding = [
  { prefix: '::ffff:0:0', bits: 96, group: 6 },
  { prefix: '64:ff9b::', bits: 96, group: 6 },
  { prefix: '2002::', bits: 16, group: 1 },
].map(({ prefix, bits, group }) => {
  const list = new BlockList();
  list.addSubnet(prefix, bits, 'ipv6');
  return { list, group };
});

/** Whether an address is on the public internet: not private, loopback, link-local, shared, multicast or reserved. */
export function isPublicAddress(address: string): boolean {
  const [bare = ''] = address.split('%');
  if (isIPv4(bare)) return !reserved.check(bare, 'ipv4');
  // A BlockList takes an IPv4-mapped address for the IPv4 one, so these are looked at first.
  const groups = groupsOf(bare);
  if (!groups) return false;
  for (const { list, group } of embedding) {
    if (!list.check(bare, 'ipv6')) continue;
    const [high = 0, low = 0] = groups.slice(group);
    return isPublicAddress([high >> 8, high & 255, low >> 8, low & 255].join('.'));
  }
  return global6.check(bare, 'ipv6') && !reserved6.check(bare, 'ipv6');
}

/** The eight groups of an IPv6 address, in whatever way it is written. */
function groupsOf(address: string): number[] | undefined {
  if (!URL.canParse(`http://[${address}]/`)) return undefined;
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const read = (text = '') => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const [left, right] = [read(head), read(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}
