import { DiptychError } from '@diptych/errors';
import ipaddr from 'ipaddr.js';

/**
 * Metadata services of clouds outside the link-local range: they answer with the machine's own secrets. In this
 * order Azure's, which is public by number, Alibaba's, and Amazon's over IPv6.
 */
const METADATA_SERVICES = ['168.63.129.16', '100.100.100.200', 'fd00:ec2::254'];

/** IPv6 addresses that are routed on the internet (IANA: global unicast). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/** Ranges that `allowPrivate` adds. Link-local stays out: cloud metadata services live there. */
const PRIVATE_RANGES = ['loopback', 'private', 'uniqueLocal', 'carrierGradeNat'];

/**
 * Whether the gateway may open a connection to an IP address: only public unicast ones, however they are
 * written (IPv4 inside IPv6 counts as IPv4).
 */
export function isAllowedAddress(
  address: string,
  { allowPrivate }: { readonly allowPrivate: boolean },
): boolean {
  if (!ipaddr.isValid(address)) return false;
  const ip = ipaddr.process(address);
  if (METADATA_SERVICES.includes(ip.toString())) return false;
  if (allowPrivate && PRIVATE_RANGES.includes(ip.range())) return true;
  return ip.range() === 'unicast' && (!isV6(ip) || ip.match(GLOBAL_UNICAST));
}

/**
 * Checks what an address says by itself: http or https, and no credentials. Host names are checked where
 * they are resolved, at connection time.
 *
 * @throws DiptychError `image_url_forbidden`.
 */
export function checkAddress(url: URL, param: string): void {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new DiptychError(
      'image_url_forbidden',
      `The image address begins with ${url.protocol}; only http:, https: and data: are accepted.`,
      { param },
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw new DiptychError(
      'image_url_forbidden',
      'The image address must not hold a user name or password.',
      {
        param,
      },
    );
  }
}

function isV6(ip: ipaddr.IPv4 | ipaddr.IPv6): ip is ipaddr.IPv6 {
  return ip.kind() === 'ipv6';
}
