export { OnnxDecoder, type OnnxDecoderOptions } from './decoder.ts';
export type { DecodeEntry, Decoder, ImageRows, PrefillStep } from './decoder-interface.ts';
export { decoderThreads } from './decoder-threads.ts';
export { Engine, type EngineLoad, type EngineOptions } from './engine.ts';
export type { PositionLogprobs, TokenLogprob } from './logprobs.ts';
export { TokenHistory } from './penalties.ts';
export type {
  FinishReason,
  Generation,
  PromptImageRows,
  SequenceListener,
  SequenceRequest,
  SequenceSummary,
  SequenceTimings,
  SequenceUsage,
  TokenEvent,
} from './request.ts';
export { type Choice, type SampledToken, Sampler } from './sampler.ts';
export type { PartialSampling, SamplingDefaults, SamplingParameters } from './sampling-parameters.ts';
export { validateSampling } from './validate-sampling.ts';
