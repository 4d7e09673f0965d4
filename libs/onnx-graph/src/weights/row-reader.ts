import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { DiptychError } from '@diptych/errors';
import { matrixSize, type TensorPart, type WeightSource } from './weight-source.ts';
import { DTYPE_BYTES, widen } from './widen.ts';

/**
 * Reads rows of weights as float32 into memory of its own, which grows to the largest piece that was asked for. It
 * reads synchronously: it is made for threads that do nothing else.
 */
export class RowReader implements Disposable {
  readonly #files = new Map<string, number>();
  #bytes = new Uint8Array(0);
  #floats = new Float32Array(0);

  /**
   * Rows `first` to `first + count` of a weight, valid until the next call.
   *
   * @throws DiptychError `checkpoint_invalid` naming file and tensor where the file cannot be read or has ended.
   */
  read(source: WeightSource, first: number, count: number): Float32Array {
    const { columns } = matrixSize(source.shape);
    const [begin, end] = [first * columns, (first + count) * columns];
    if (this.#floats.length < end - begin) this.#floats = new Float32Array(end - begin);
    let partBegin = 0;
    for (const part of source.parts) {
      const from = Math.max(begin, partBegin);
      const to = Math.min(end, partBegin + part.elements);
      if (from < to) this.#readPart(part, from - partBegin, this.#floats.subarray(from - begin, to - begin));
      partBegin += part.elements;
    }
    assert.ok(partBegin >= end, `the parts of ${source.name} have ${partBegin} elements`);
    return this.#floats.subarray(0, end - begin);
  }

  #readPart(part: TensorPart, skip: number, into: Float32Array): void {
    const width = DTYPE_BYTES[part.dtype];
    const length = into.length * width;
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    const bytes = this.#bytes.subarray(0, length);
    let done = 0;
    while (done < length) {
      const read = this.#pread(part, bytes.subarray(done), part.offset + skip * width + done);
      if (read === 0) throw unreadable(part, 'the file became shorter while it was being read');
      done += read;
    }
    widen(part.dtype, bytes, into);
  }

  #pread(part: TensorPart, into: Uint8Array, position: number): number {
    try {
      return readSync(this.#open(part.path), into, 0, into.length, position);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw unreadable(part, `the file cannot be read (${reason})`, cause);
    }
  }

  #open(path: string): number {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const file = openSync(path, 'r');
    this.#files.set(path, file);
    return file;
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }
}

function unreadable({ path, tensor }: TensorPart, problem: string, cause?: unknown): DiptychError {
  const message = `${basename(path)}: tensor ${JSON.stringify(tensor)}: ${problem}.`;
  return new DiptychError('checkpoint_invalid', message, { cause });
}
