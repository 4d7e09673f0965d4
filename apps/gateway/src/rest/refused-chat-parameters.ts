import type { RefusedParameters } from './parse-body.ts';

/** Parameters of OpenAI's chat completions that are not supported, each with the reason. */
export const REFUSED_CHAT_PARAMETERS: RefusedParameters = {
  audio: 'answers are text',
  function_call: 'the model cannot call functions',
  functions: 'the model cannot call functions',
  metadata: 'answers are not stored',
  moderation: 'answers are not moderated',
  parallel_tool_calls: 'the model cannot call tools',
  prediction: 'predicted output is not used',
  prompt_cache_key: 'prefixes are cached by content; cache_salt separates them',
  prompt_cache_options: 'prefixes are cached by content; cache_salt separates them',
  prompt_cache_retention: 'prefixes are cached by content; cache_salt separates them',
  reasoning_effort: 'the model does not reason apart from its answer',
  safety_identifier: 'callers are not told apart; user is accepted',
  service_tier: 'there is one tier',
  tool_choice: 'the model cannot call tools',
  tools: 'the model cannot call tools',
  verbosity: 'use max_tokens',
  web_search_options: 'there is no web search',
};
