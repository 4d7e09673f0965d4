import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAllowedAddress } from './address-rules.ts';

const PUBLIC = { allowPrivate: false };

test('public addresses are allowed', () => {
  for (const address of ['1.1.1.1', '93.184.216.34', '2606:4700:4700::1111', '::ffff:1.1.1.1']) {
    assert.ok(isAllowedAddress(address, PUBLIC), address);
  }
});

const FORBIDDEN = [
  ...['127.0.0.1', '127.1.2.3', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1'],
  ...['169.254.169.254', '168.63.129.16', '224.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1'],
  ...['::', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::127.0.0.1', 'fe80::1', 'fc00::1', 'fec0::1'],
  ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001:db8::1', '::ffff:a83f:8110', 'ff02::1', 'not an address', ''],
];
for (const address of FORBIDDEN) {
  test(`"${address}" is forbidden`, () => assert.ok(!isAllowedAddress(address, PUBLIC)));
}

test('no address that is written inside another gets through in disguise', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      assert.equal(isAllowedAddress(`::ffff:${address}`, PUBLIC), isAllowedAddress(address, PUBLIC));
    }),
  );
});

test('with private hosts allowed, loopback and private networks are; the cloud’s metadata is not', () => {
  const all = { allowPrivate: true };
  for (const address of ['127.0.0.1', '::1', '10.0.0.1', 'fc00::1', '1.1.1.1']) {
    assert.ok(isAllowedAddress(address, all), address);
  }
  for (const address of [
    ...['169.254.169.254', '168.63.129.16', '100.100.100.200', '::ffff:100.100.100.200'],
    ...['fd00:ec2::254', 'FD00:0EC2:0:0::254', 'fe80::1', '0.0.0.0', '224.0.0.1'],
  ]) {
    assert.ok(!isAllowedAddress(address, all), address);
  }
});
