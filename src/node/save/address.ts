import ipaddr from 'ipaddr.js';

/** Allocated global unicast space: RFC 4291 section 2.4, IANA's IPv6 address space registry. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** NAT64, RFC 6052 section 2.1: IPv6-only networks reach IPv4 hosts by it. Its last 32 bits are the IPv4 address. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');
/**
 * Gives settings and secrets of an Azure machine, although it looks public:
 * https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
 */
const AZURE_WIRE_SERVER = '168.63.129.16';

/**
 * Whether an IP address is on the public internet: not private, loopback, link-local, shared, multicast, reserved or a
 * cloud's own. An IPv4 address in IPv6 (IPv4-mapped, NAT64) counts as the IPv4 address.
 */
export function isPublicAddress(text: string): boolean {
  // A zone id (RFC 4007) names an interface of this machine. ipaddr.js throws at one on an IPv4-mapped address.
  const [bare = ''] = text.split('%');
  // ipaddr.js reads the IPv4-compatible `::8.8.8.8`, deprecated by RFC 4291 and routed nowhere, as IPv4-mapped.
  if (!ipaddr.isValid(bare) || /^::\d+\./.test(bare)) return false;
  const address = ipaddr.process(bare);
  if (address instanceof ipaddr.IPv4) {
    return address.range() === 'unicast' && address.toString() !== AZURE_WIRE_SERVER;
  }
  if (address.match(NAT64)) return isPublicAddress(address.toByteArray().slice(12).join('.'));
  return address.range() === 'unicast' && address.match(GLOBAL_UNICAST);
}
