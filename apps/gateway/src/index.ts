export { type LoadTemplateOptions, loadTemplate } from './load-template.ts';
export {
  type LocalAnswer,
  type LocalBody,
  LocalGateway,
  type LocalGatewayOptions,
} from './local-gateway.ts';
export { GATEWAY_SETTINGS, type GatewaySettings } from './settings.ts';
export { type Stages, stagesOf } from './stages/stages.ts';
