export { WEIGHT_CHOICES, type WeightsSetting } from './choose-weights.ts';
export { compiledFormats } from './compiled-formats.ts';
export type { GenerationDefaults } from './generation-config.ts';
export { describeModel, type LoadOptions, loadModel } from './load-model.ts';
export { acceptFamily, familyOf, type LocateModelOptions, locateModel } from './locate-model.ts';
export type {
  CompiledGraph,
  LanguageDescription,
  LoadedModel,
  Model,
  ModelDescription,
  PlanOptions,
  VisionDescription,
} from './model.ts';
export { openSession } from './open-session.ts';
export { STAGES, type Stage } from './stage.ts';
