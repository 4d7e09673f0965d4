export type {
  ImageLayout,
  ImageLimits,
  ImagePlan,
  ImagePlanner,
  PreparedImage,
  Resample,
  Size,
  TileGrid,
} from './image-plan.ts';
export { DEFAULT_IMAGE_LIMITS, prepareImage } from './prepare-image.ts';
