import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiptychError, type ErrorCode } from '@diptych/errors';
import fc from 'fast-check';
import { parseImageUrl } from './parse-image-url.ts';

const OPTIONS = { param: 'url', maxBytes: 1000 };

function refusal(text: string): DiptychError {
  try {
    parseImageUrl(text, OPTIONS);
  } catch (error) {
    assert.ok(error instanceof DiptychError);
    assert.equal(error.param, 'url');
    return error;
  }
  return assert.fail(`${text} was accepted`);
}

test('any bytes come back from a data URI and from raw base64', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 700 }), (bytes) => {
      const base64 = Buffer.from(bytes).toString('base64');
      for (const text of [
        base64,
        `data:image/png;base64,${base64}`,
        `DATA:Image/JPEG;x=y;BASE64,${base64}`,
      ]) {
        const source = parseImageUrl(text, OPTIONS);
        assert.ok(source.kind === 'bytes');
        assert.deepEqual(new Uint8Array(source.bytes), bytes);
      }
    }),
  );
});

test('any text is an image source or a coded refusal', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.base64String(),
    fc.string().map((tail) => `data:${tail}`),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseImageUrl(text, OPTIONS);
      } catch (error) {
        assert.ok(error instanceof DiptychError && error.code !== 'internal');
      }
    }),
  );
});

test('http and https addresses are taken as they are', () => {
  const source = parseImageUrl('https://example.org/bee.png?size=2', OPTIONS);
  assert.ok(source.kind === 'address');
  assert.equal(source.url.href, 'https://example.org/bee.png?size=2');
});

const REFUSED: [string, string, ErrorCode, RegExp][] = [
  ['nothing', '', 'image_bad_encoding', /empty/],
  ['an empty data URI', 'data:image/png;base64,', 'image_bad_encoding', /empty/],
  ['a stray character', 'AA*A', 'image_bad_encoding', /"\*" at position 2/],
  ['a line break', 'AAAA\nAAAA', 'image_bad_encoding', /"\\n" at position 4/],
  ['base64 of the URL alphabet', 'AA-_', 'image_bad_encoding', /"-" at position 2/],
  ['missing padding', 'AAA', 'image_bad_encoding', /multiple of 4/],
  ['padding in the middle', 'AA==AAAA', 'image_bad_encoding', /"=" at position 2/],
  ['stray bits', 'AAB=', 'image_bad_encoding', /stray bits/],
  ['a file path', '/etc/passwd', 'image_bad_encoding', /multiple of 4/],
  ['a host without scheme', 'example.org/a.png', 'image_bad_encoding', /"\." at position 7/],
  ['a data URI without base64', 'data:image/png,abc', 'image_bad_encoding', /not base64/],
  ['a data URI without comma', 'data:image/png;base64', 'image_bad_encoding', /no comma/],
  ['percent-encoded base64', 'data:image/png;base64,AA%3D%3D', 'image_bad_encoding', /"%" at position 2/],
  ['a data URI of text', 'data:text/plain;base64,AAAA', 'image_format_unsupported', /text\/plain/],
  ['a data URI of SVG', 'data:image/svg+xml;base64,AAAA', 'image_format_unsupported', /image\/png/],
  ['a data URI without media type', 'data:;base64,AAAA', 'image_format_unsupported', /""/],
  ['too many bytes', 'A'.repeat(1336), 'image_too_large', /1002 bytes.* 1000/],
  ['a file address', 'file:///etc/passwd', 'image_url_forbidden', /file:/],
  ['an FTP address', 'ftp://example.org/a.png', 'image_url_forbidden', /ftp:/],
  ['a script', 'javascript:alert(1)', 'image_url_forbidden', /javascript:/],
  ['credentials', 'https://user:secret@example.org/', 'image_url_forbidden', /user name or password/],
  ['an address without host', 'http://', 'image_bad_encoding', /not a valid address/],
  ['an endless address', `https://example.org/${'a'.repeat(9000)}`, 'image_bad_encoding', /8192/],
];
for (const [what, text, code, message] of REFUSED) {
  test(`refuses ${what}`, () => {
    const error = refusal(text);
    assert.equal(error.code, code);
    assert.match(error.message, message);
  });
}
