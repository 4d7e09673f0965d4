import { fileURLToPath } from 'node:url';
import { DiptychError } from '@diptych/errors';

/** Folder of onnxruntime-node that holds `<platform>/<arch>/`; named after the Node-API version of its binding. */
const BINARIES = '../bin/napi-v6';

const FILE_BY_PLATFORM: Readonly<Record<string, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

/**
 * Path of the ONNX Runtime shared library that the onnxruntime-node package ships for this machine.
 *
 * @throws DiptychError `runtime_failed` where the package has no library for the platform.
 */
export function libraryPath(platform: string = process.platform, arch: string = process.arch): string {
  const file = FILE_BY_PLATFORM[platform];
  if (file === undefined) throw unsupported(platform);
  const entry = import.meta.resolve('onnxruntime-node');
  return fileURLToPath(new URL(`${BINARIES}/${platform}/${arch}/${file}`, entry));
}

function unsupported(platform: string): DiptychError {
  const known = Object.keys(FILE_BY_PLATFORM).join(', ');
  return new DiptychError(
    'runtime_failed',
    `ONNX Runtime has no library for ${platform}; it has one for ${known}.`,
  );
}
