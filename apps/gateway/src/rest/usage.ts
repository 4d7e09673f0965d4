import type { ChatTimings, Usage } from '@diptych/contract';

/** Tokens used, in OpenAI's shape. */
export function toUsage({ promptTokens, completionTokens, cachedTokens, imageTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, image_tokens: imageTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Where the time went, in milliseconds: an addition to OpenAI's shape that its clients pass over. */
export function toTimings(timings: ChatTimings) {
  return {
    fetch: round(timings.fetchMs),
    decode_resize: round(timings.decodeResizeMs),
    encode: round(timings.encodeMs),
    queue: round(timings.queueMs),
    prefill: round(timings.prefillMs),
    decode: round(timings.decodeMs),
    ttft: round(timings.ttftMs),
  };
}

/** Microseconds are below what is measured. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
