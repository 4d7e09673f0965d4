export type {
  ImageLayout,
  ImageLimits,
  ImagePlan,
  ImagePlanner,
  ImageStep,
  ImageView,
  PreparedImage,
  Resample,
  Size,
  Tile,
  TileGrid,
} from './image-plan.ts';
export { DEFAULT_IMAGE_LIMITS, prepareImage } from './prepare-image.ts';
