import ipaddr from 'ipaddr.js';

/** Returns a network as people write it. An IPv6 prefix has the short form of RFC 5952, and this machine is `::1`. */
export function shortNetwork(network: string): string {
  if (!ipaddr.IPv6.isValidCIDR(network)) return network;
  const [address, bits] = ipaddr.IPv6.parseCIDR(network);
  const prefix = address.toRFC5952String();
  // The only address of this prefix that a request can come from is the loopback one.
  return prefix === '::' ? '::1' : `${prefix}/${bits}`;
}
