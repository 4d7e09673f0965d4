export { address, bytes, choice, file, flag, folder, integer, model, text } from './kinds.ts';
export { loadSettings } from './load-settings.ts';
export {
  type ParsedSettings,
  parseSettings,
  type SettingsDefinition,
  type SettingsShape,
  type SettingsValues,
} from './parse-settings.ts';
export { readValues } from './read-values.ts';
