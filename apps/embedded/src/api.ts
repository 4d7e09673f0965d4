/** How a model is opened. Names, ranges and defaults are those of the services' settings. */
export interface OpenOptions {
  /** Checkpoint: its folder, or `org/name[@revision]` of the hub, downloaded where the cache lacks it. */
  readonly model: string;
  /** Id of the model in answers. Default: its repository, or the name of its folder. */
  readonly modelId?: string;
  /** Folder for compiled models. Default: `DIPTYCH_HOME`, else diptych in the user's cache folder. */
  readonly home?: string;
  /** How weights are stored, for example `int8`; `auto` goes by this machine and the size of the model. */
  readonly weights?: string;
  /** Threads of the language model. Default: as many as the machine runs at once. */
  readonly threads?: number;
  /** Threads of the image encoder. Default: as many as the machine runs at once. */
  readonly visionThreads?: number;
  /** Sequences that decode at once, each with a cache of its own. Default: what memory allows, at most 16. */
  readonly slots?: number;
  /** Most tokens of one sequence, prompt and answer. Default: what model and memory allow, at most 8192. */
  readonly context?: number;
  /** Most answers that wait for a slot, and most images in work; further ones fail with `queue_full`. */
  readonly queue?: number;
  /** Most tokens guessed at once where an answer repeats what was said before; 0 guesses none. Answers are the same. */
  readonly speculate?: number;
  /** Jinja file that replaces the chat template of the checkpoint. */
  readonly chatTemplate?: string;
  /** Most bytes of embeddings kept for images seen before; 0 keeps none. */
  readonly cacheBytes?: number;
  /** Largest encoded image in bytes. */
  readonly maxImageBytes?: number;
  /** Largest image in pixels, width times height. */
  readonly maxImagePixels?: number;
  /** Milliseconds to fetch one image from its address. */
  readonly imageTimeoutMs?: number;
  /** Also fetch images from loopback and private addresses. */
  readonly allowPrivateImageHosts?: boolean;
  /** Told in words what takes long: a download, a compile. */
  readonly onProgress?: (message: string) => void;
}

/** A model in this process, ready to answer. Disposing closes it. */
export interface EmbeddedModel extends AsyncDisposable {
  /** Its id in answers. */
  readonly id: string;
  /** Answers a conversation: the body of `POST /v1/chat/completions`. */
  chat(body: ChatBody, options?: AnswerOptions): Answer<ChatChunk, ChatCompletion>;
  /** Continues a raw prompt: the body of `POST /v1/completions`. */
  complete(body: CompletionBody, options?: AnswerOptions): Answer<CompletionChunk, Completion>;
  /**
   * Frees the model. Running answers end with `shutting_down`, and so does every later one: wait for those that matter
   * first. Calling it again joins the first call.
   */
  close(): Promise<void>;
}

/**
 * An answer: iterate over it for the chunks that REST streams, or take it whole. Either begins it, each time anew, and
 * throws DiptychErrors. Leaving the iteration early ends the generation and frees its slot.
 */
export interface Answer<Chunk, Whole> extends AsyncIterable<Chunk> {
  /** The whole answer as one object, once it is complete. */
  whole(): Promise<Whole>;
}

/** How an answer is waited for. */
export interface AnswerOptions {
  /** Ends the answer with `cancelled`, or with the signal's reason where that is a DiptychError. */
  readonly signal?: AbortSignal;
}

/** An image: a data URI, base64, an http(s) address, or the bytes of a file. They must not change meanwhile. */
export type ChatImage = string | Uint8Array;

/** A piece of a message. */
export type ChatPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'image_url';
      readonly image_url: { readonly url: ChatImage; readonly detail?: 'auto' | 'low' | 'high' | null };
    };

/** A turn of a conversation. Images belong into user messages. */
export interface ChatMessage {
  readonly role: 'system' | 'developer' | 'user' | 'assistant';
  readonly content: string | readonly ChatPart[];
}

/** How tokens are chosen. What is left out is as the checkpoint says. */
export interface SamplingBody {
  readonly max_tokens?: number | null;
  readonly min_tokens?: number | null;
  readonly temperature?: number | null;
  readonly top_k?: number | null;
  readonly top_p?: number | null;
  readonly min_p?: number | null;
  readonly repetition_penalty?: number | null;
  readonly presence_penalty?: number | null;
  readonly frequency_penalty?: number | null;
  readonly logit_bias?: Readonly<Record<string, number>> | null;
  readonly seed?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly stop_token_ids?: readonly number[] | null;
  readonly ignore_eos?: boolean | null;
  readonly n?: number | null;
  /** Answers share what is cached of their prompts only within one salt. */
  readonly cache_salt?: string | null;
  /** The model's id, which may be left out. */
  readonly model?: string;
  /** Says nothing here: how the answer is read decides. */
  readonly stream?: boolean | null;
  /** `include_usage` adds a last chunk with usage and timings. */
  readonly stream_options?: { readonly include_usage?: boolean | null } | null;
}

/** The body of `POST /v1/chat/completions`; images may be bytes. See docs/api.md for each field. */
export interface ChatBody extends SamplingBody {
  readonly messages: readonly ChatMessage[];
  readonly max_completion_tokens?: number | null;
  readonly logprobs?: boolean | null;
  readonly top_logprobs?: number | null;
}

/** The body of `POST /v1/completions`; images may be bytes. See docs/api.md for each field. */
export interface CompletionBody extends SamplingBody {
  readonly prompt: string;
  /** One for each image placeholder of the prompt, in order. */
  readonly images?: readonly ChatImage[] | null;
  readonly logprobs?: number | null;
  readonly add_special_tokens?: boolean | null;
}

/** Tokens used. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number; readonly image_tokens: number };
}

/** Where the time of an answer went, in milliseconds. */
export interface Timings {
  readonly fetch: number;
  readonly decode_resize: number;
  readonly encode: number;
  readonly queue: number;
  readonly prefill: number;
  readonly decode: number;
  readonly ttft: number;
}

/** A token and how likely it was. */
export interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[];
  readonly top_logprobs: readonly Omit<Logprob, 'top_logprobs'>[];
}

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

interface ChoiceEnd {
  readonly index: number;
  readonly finish_reason: 'stop' | 'length' | null;
}

interface ChatLogprobs {
  readonly logprobs: { readonly content: readonly Logprob[] } | null;
}

interface CompletionLogprobs {
  readonly logprobs: {
    readonly tokens: readonly string[];
    readonly token_logprobs: readonly number[];
    readonly top_logprobs: readonly Readonly<Record<string, number>>[];
    readonly text_offset: readonly number[];
  } | null;
}

interface ChunkEnd {
  /** Of the last chunk, where `include_usage` asked for it. */
  readonly usage?: Usage | null;
  readonly timings?: Timings;
}

interface WholeEnd {
  readonly usage: Usage;
  readonly timings: Timings;
}

/** A part of a chat answer, as REST streams it. */
export interface ChatChunk extends Head, ChunkEnd {
  readonly object: 'chat.completion.chunk';
  readonly choices: readonly (ChoiceEnd &
    ChatLogprobs & { readonly delta: { readonly role?: 'assistant'; readonly content?: string } })[];
}

/** A whole chat answer. */
export interface ChatCompletion extends Head, WholeEnd {
  readonly object: 'chat.completion';
  readonly choices: readonly (ChoiceEnd &
    ChatLogprobs & { readonly message: { readonly role: 'assistant'; readonly content: string } })[];
}

/** A part of a continued prompt, as REST streams it. */
export interface CompletionChunk extends Head, ChunkEnd {
  readonly object: 'text_completion';
  readonly choices: readonly (ChoiceEnd & CompletionLogprobs & { readonly text: string })[];
}

/** A whole continued prompt. */
export interface Completion extends Head, WholeEnd {
  readonly object: 'text_completion';
  readonly choices: readonly (ChoiceEnd & CompletionLogprobs & { readonly text: string })[];
}
