import ipaddr from 'ipaddr.js';

/**
 * The network that a request is counted against: an IPv4 address (also where it is mapped into IPv6, or a proxy wrote its
 * port behind it), or the /64 of an IPv6 address, since one household or server has all of it.
 */
export function networkOf(ip: string): string {
  const address = parse(ip);
  if (address === undefined) return ip;
  return address.kind() === 'ipv4' ? address.toString() : `${firstGroups(address as ipaddr.IPv6, 4)}::/64`;
}

/** The /48 of an IPv6 address, which one customer may have; undefined for any other. */
export function blockOf(ip: string): string | undefined {
  const address = parse(ip);
  return address?.kind() === 'ipv6' ? `${firstGroups(address as ipaddr.IPv6, 3)}::/48` : undefined;
}

function parse(ip: string) {
  const plain = /^\[(.*)\](?::\d+)?$/.exec(ip)?.[1] ?? /^([\d.]+):\d+$/.exec(ip)?.[1] ?? ip;
  return ipaddr.isValid(plain) ? ipaddr.process(plain) : undefined;
}

function firstGroups(address: ipaddr.IPv6, count: number): string {
  return address.parts
    .slice(0, count)
    .map((group) => group.toString(16))
    .join(':');
}
