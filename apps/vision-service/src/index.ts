export { VISION_SETTINGS, type VisionSettings } from './settings.ts';
export { loadVisionStage, type VisionStage, type VisionStageOptions } from './vision-stage.ts';
