import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asLines, describeBytes, describeProgress, type PullProgress } from '../index.ts';
import { PullMeter } from './pull-progress.ts';

suite('the progress of a download', () => {
  test('is described by amount, rate and time left', () => {
    const progress = { doneBytes: 1_200_000_000, totalBytes: 4_500_000_000, bytesPerSecond: 35_000_000 };
    assert.equal(describeProgress(progress), '1.2 GB of 4.5 GB (26 %), 35.0 MB/s, 1 min 35 s left');
    assert.equal(
      describeProgress({ ...progress, bytesPerSecond: 200_000 }),
      '1.2 GB of 4.5 GB (26 %), 200 kB/s, 4 h 35 min left',
    );
    assert.equal(describeProgress({ ...progress, bytesPerSecond: 0 }), '1.2 GB of 4.5 GB (26 %)');
    assert.equal(describeProgress({ doneBytes: 0, totalBytes: 0, bytesPerSecond: 0 }), '0 B of 0 B (0 %)');
  });

  test('names bytes in the units of disks', () => {
    const sizes = [0, 999, 1000, 1536, 123_456, 999_999_999_999_999];
    assert.deepEqual(sizes.map(describeBytes), ['0 B', '999 B', '1.0 kB', '1.5 kB', '123 kB', '1000 TB']);
  });

  test('counts the rate of the last seconds, and only what came just now', () => {
    const clock = { ms: 0 };
    const reports: PullProgress[] = [];
    const meter = new PullMeter(
      (progress) => reports.push(progress),
      () => clock.ms,
    );
    meter.expect(100_000);
    meter.add(50_000, false);
    for (; clock.ms < 20_000; clock.ms += 1000) meter.add(clock.ms < 10_000 ? 1000 : 2000, true);
    assert.equal(reports[0]?.bytesPerSecond, 0);
    assert.equal(reports[9]?.bytesPerSecond, 1000);
    assert.deepEqual(reports.at(-1), { doneBytes: 80_000, totalBytes: 100_000, bytesPerSecond: 2000 });
  });

  test('is reported at a pace that a person reads, and at the end', () => {
    const reports: PullProgress[] = [];
    const meter = new PullMeter(
      (progress) => reports.push(progress),
      () => 0,
    );
    for (let index = 0; index < 1000; index++) meter.add(1, true);
    assert.equal(reports.length, 1);
    meter.flush();
    assert.equal(reports.at(-1)?.doneBytes, 1000);
  });

  test('is a line of a log every ten seconds', () => {
    const clock = { ms: 0 };
    const lines: string[] = [];
    const { onProgress } = asLines(
      (line) => lines.push(line),
      () => clock.ms,
    );
    for (; clock.ms < 30_000; clock.ms += 500)
      onProgress?.({ doneBytes: clock.ms, totalBytes: 30_000, bytesPerSecond: 1000 });
    assert.deepEqual(lines, [
      '10.0 kB of 30.0 kB (33 %), 1.0 kB/s, 20 s left',
      '20.0 kB of 30.0 kB (66 %), 1.0 kB/s, 10 s left',
    ]);
  });
});
