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

/** Milliseconds for an address to answer before the next one is tried: a handshake around the world. */
const ATTEMPT_MS = 1_000;

/** The system's resolver. */
export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

/**
 * An undici connector that opens connections to allowed addresses only. It resolves the name itself and
 * connects to the addresses it checked, one after the other until one answers, so a second answer of the name
 * server changes nothing; literal addresses pass through the same check. One forbidden address among several
 * forbids the host.
 *
 * The callback's error is a DiptychError `image_url_forbidden`, or whatever resolving or connecting threw.
 */
export function guardedConnector({
  resolve,
  allowPrivate,
  timeoutMs,
}: GuardOptions): buildConnector.connector {
  return (options, callback) => {
    allowedAddresses(options.hostname, resolve, allowPrivate).then(
      (addresses) => connectTo(addresses, timeoutMs)(options, callback),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

async function allowedAddresses(
  hostname: string,
  resolve: Resolve,
  allowPrivate: boolean,
): Promise<readonly string[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(literal) ? [literal] : await resolve(hostname);
  if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'ENOTFOUND' });
  if (!addresses.every((address) => isAllowedAddress(address, { allowPrivate }))) {
    throw new DiptychError('image_url_forbidden', `The image host ${hostname} is not a public one.`);
  }
  return addresses;
}

/** Node tries the answers of a lookup in turn; this one knows no others. TLS still checks the host's own name. */
function connectTo(addresses: readonly string[], timeoutMs: number): buildConnector.connector {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }));
  return buildConnector({
    timeout: timeoutMs,
    allowH2: false,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
    lookup: (_hostname, _options, done) => done(null, answers),
  });
}
