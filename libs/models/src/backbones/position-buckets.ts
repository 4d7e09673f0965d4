/**
 * Position of each patch along one side of a full tile of `patches` patches, among the `trained` positions of the
 * embedding table: transformers' Idefics3VisionEmbeddings, which compares fractions of the side with the bounds of
 * equal buckets in float32. Its rounding is part of the result: at some sizes (19, 25, 29, ...) two patches share a
 * position although there is one for each.
 */
export function positionBuckets(patches: number, trained: number): number[] {
  const bounds = bucketBounds(trained);
  const step = Math.fround(1 / patches);
  return Array.from({ length: patches }, (_, patch) => {
    const fraction = Math.min(Math.fround(patch * step), LARGEST_FRACTION);
    return bounds.filter((bound) => bound <= fraction).length;
  });
}

/** The reference clamps fractions to this, so that none reaches 1. */
const LARGEST_FRACTION = Math.fround(1 - 1e-6);

/** PyTorch on x86 fills a range by runs of eight, two at a time; what is left over is filled one by one. */
const LANES = 8;
const RUN = 2 * LANES;

/**
 * torch.arange(1 / n, 1, 1 / n) in float32, as PyTorch rounds it on x86: within a run of eight each value is the
 * run's rounded start plus a multiple of the step.
 */
function bucketBounds(buckets: number): number[] {
  const width = 1 / buckets;
  const length = Math.ceil((1 - width) / width);
  const inRuns = length - (length % RUN);
  return Array.from({ length }, (_, index) => {
    const lane = index < inRuns ? index % LANES : 0;
    return Math.fround(Math.fround(width + (index - lane) * width) + lane * width);
  });
}
