import ipaddr from 'ipaddr.js';
import type { Origin } from '../form.ts';

/**
 * Where a request is counted: at its IPv4 address (also where it is mapped into IPv6, or a proxy wrote its port behind it),
 * or at the /64 of its IPv6 address, since one household or server has all of it, and at the /48 around that, which one
 * customer may have.
 */
export function originOf(ip: string): Origin {
  const known = ORIGINS.get(ip);
  if (known !== undefined) return known;
  if (ORIGINS.size === MOST_ORIGINS) ORIGINS.clear();
  const origin = readOrigin(ip);
  if (ip.length <= LONGEST_ADDRESS) ORIGINS.set(ip, origin);
  return origin;
}

const MOST_ORIGINS = 4096;
/** `[` IPv6 with an IPv4 tail and a zone `]:port`; what is longer is no address. */
const LONGEST_ADDRESS = 72;
const ORIGINS = new Map<string, Origin>();

function readOrigin(ip: string): Origin {
  const address = parse(ip);
  if (address === undefined) return { network: ip };
  if (address.kind() === 'ipv4') return { network: address.toString() };
  const groups = (count: number) => firstGroups(address as ipaddr.IPv6, count);
  return { network: `${groups(4)}::/64`, block: `${groups(3)}::/48` };
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
