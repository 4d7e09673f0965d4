export {
  type ServiceExit,
  type ServiceName,
  type Services,
  type StartOptions,
  startServices,
} from './services.ts';
