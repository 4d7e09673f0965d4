import { api, type Pointer } from './api.ts';
import { create } from './status.ts';

/** OrtDeviceAllocator: memory that is the device's own, not an arena's. */
const DEVICE_ALLOCATOR = 0;
/** OrtMemTypeDefault. */
const DEFAULT_MEMORY = 0;

const known = new Map<string, Pointer>();

/**
 * OrtMemoryInfo that says where a tensor's buffer lies, by ONNX Runtime's device name. One for each device, kept for
 * the life of the process.
 */
export function memoryInfo(device: string, deviceId = 0): Pointer {
  const key = `${device}:${deviceId}`;
  const info =
    known.get(key) ??
    create((out) => api().createMemoryInfo(device, DEVICE_ALLOCATOR, deviceId, DEFAULT_MEMORY, out));
  known.set(key, info);
  return info;
}
