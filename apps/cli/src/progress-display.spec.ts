import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ProgressDisplay } from './progress-display.ts';

const HALF = { doneBytes: 500_000_000, totalBytes: 1_000_000_000, bytesPerSecond: 50_000_000 };

suite('the progress of a download', () => {
  test('is a bar on a terminal, which messages do not break', () => {
    const written = show({ isTTY: true, columns: 100 }, ({ onProgress, onMessage }) => {
      onMessage?.('Waiting.');
      onProgress?.(HALF);
      onMessage?.('Trying again.');
      onProgress?.({ ...HALF, doneBytes: 1_000_000_000, bytesPerSecond: 0 });
    });
    const bar = '[############------------] 500 MB of 1.0 GB (50 %), 50.0 MB/s, 10 s left';
    const end = '[########################] 1.0 GB of 1.0 GB (100 %)';
    const clear = '\r\u001b[K';
    assert.equal(written, `Waiting.\n${clear}${bar}${clear}Trying again.\n${bar}${clear}${end}\n`);
  });

  test('fits a narrow terminal', () => {
    const written = show({ isTTY: true, columns: 30 }, ({ onProgress }) => onProgress?.(HALF));
    assert.equal(written, '\r\u001b[K[############------------] 50\n');
  });

  test('is plain lines elsewhere', () => {
    const written = show({}, ({ onProgress, onMessage }) => {
      onMessage?.('Waiting.');
      onProgress?.(HALF);
    });
    assert.equal(written, 'Waiting.\n');
  });

  test('is nothing where nothing was downloaded', () => {
    assert.equal(
      show({ isTTY: true }, ({ onProgress }) => onProgress?.({ ...HALF, totalBytes: 0 })),
      '',
    );
  });
});

function show(
  output: { readonly isTTY?: boolean; readonly columns?: number },
  tell: (listener: ProgressDisplay['listener']) => void,
): string {
  let written = '';
  {
    using display = new ProgressDisplay({ ...output, write: (text) => (written += text) });
    tell(display.listener);
  }
  return written;
}
