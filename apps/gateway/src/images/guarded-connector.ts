import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { DiptychError } from '@diptych/errors';
import { buildConnector } from 'undici';
import { isAllowedAddress } from './address-rules.ts';

/** Finds every address of a host name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** What a guarded connector needs. */
export interface GuardOptions {
  readonly resolve: Resolve;
  /** Also connect to loopback and private addresses. */
  readonly allowPrivate: boolean;
  /** Milliseconds to establish a connection. */
  readonly timeoutMs: number;
}

/** The system's resolver. */
export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/**
 * An undici connector that opens connections to allowed addresses only. It resolves the name itself and
 * connects to the address it checked, so a second answer of the name server changes nothing; literal
 * addresses pass through the same check. One forbidden address among several forbids the host.
 *
 * The callback's error is a DiptychError `image_url_forbidden`, or whatever resolving or connecting threw.
 */
export function guardedConnector({
  resolve,
  allowPrivate,
  timeoutMs,
}: GuardOptions): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  return (options, callback) => {
    allowedAddress(options.hostname, resolve, allowPrivate).then(
      (address) => connect({ ...options, ...pinned(options, address) }, callback),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

async function allowedAddress(hostname: string, resolve: Resolve, allowPrivate: boolean): Promise<string> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(literal) ? [literal] : await resolve(hostname);
  const [first] = addresses;
  if (first === undefined) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
  if (!addresses.every((address) => isAllowedAddress(address, { allowPrivate }))) {
    throw new DiptychError('image_url_forbidden', `The image host ${hostname} is not a public one.`);
  }
  return first;
}

/** TLS still checks the certificate against the name; plain connections need no server name. */
function pinned(options: buildConnector.Options, address: string): Partial<buildConnector.Options> {
  if (options.protocol !== 'https:') return { hostname: address };
  const servername = options.servername ?? (isIP(options.hostname) ? '' : options.hostname);
  return { hostname: address, servername };
}
