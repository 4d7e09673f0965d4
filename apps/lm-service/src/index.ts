export { type LanguageStage, type LanguageStageOptions, loadLanguageStage } from './language-stage.ts';
export { LM_SETTINGS, type LmSettings } from './settings.ts';
