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
