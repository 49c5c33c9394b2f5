import ipaddr from 'ipaddr.js';
import type { ClientNetwork } from '../engine/requests.ts';

/** A proxy may forward any text. Of longer ones only the beginning counts. */
const MAX_NETWORK_UNITS = 64;

/**
 * Returns the network that a request counts for. IPv4: the address itself, also if it is mapped into IPv6 or has a port.
 * IPv6: the /64, because one household or server has all of it. Also the /48, because one customer may have it.
 */
export function clientNetworkOf(ip: string): ClientNetwork {
  const plain = /^\[(.*)\](?::\d+)?$/.exec(ip)?.[1] ?? /^([\d.]+):\d+$/.exec(ip)?.[1] ?? ip;
  if (!ipaddr.isValid(plain)) return { network: ip.slice(0, MAX_NETWORK_UNITS) };
  const address = ipaddr.process(plain);
  if (address instanceof ipaddr.IPv4) return { network: address.toString() };
  const groups = address.parts.map((group) => group.toString(16));
  return {
    network: `${groups.slice(0, 4).join(':')}::/64`,
    prefix48: `${groups.slice(0, 3).join(':')}::/48`,
  };
}
