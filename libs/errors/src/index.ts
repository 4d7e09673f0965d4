export { CATALOGUE, type CatalogueEntry, type ErrorCode, GRPC_STATUS, type GrpcStatus } from './catalogue.ts';
export { DiptychError, type ErrorOptions, isErrorCode, toDiptychError } from './diptych-error.ts';
export { reasonOf } from './reason-of.ts';
