import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';

/** What is read of a `chat.completion.chunk`. */
export interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly image_tokens: number; readonly cached_tokens: number };
  } | null;
  readonly timings?: Readonly<Record<string, number>>;
  readonly error?: unknown;
}

/** The text of a chunk, empty where it has none. */
export function textOf({ choices }: Pick<Chunk, 'choices'>): string {
  return choices.map(({ delta }) => delta.content ?? '').join('');
}

/**
 * Asks a gateway over REST and yields the answer's chunks as they come, the last with usage and timings. Aborting
 * hangs up, and the chunks end.
 */
export async function* streamChat(url: string, body: object, signal?: AbortSignal): AsyncGenerator<Chunk> {
  const response = await post(url, body, signal);
  if (response.statusCode !== 200)
    throw new Error(`the gateway answered ${String(response.statusCode)}: ${await whole(response)}`);
  for await (const line of createInterface({ input: response })) {
    if (!line.startsWith('data: ') || line === 'data: [DONE]') continue;
    const chunk = JSON.parse(line.slice('data: '.length)) as Chunk;
    if (chunk.error !== undefined) throw new Error(`the answer failed: ${JSON.stringify(chunk.error)}`);
    yield chunk;
  }
}

/** Node's own client: `fetch` gives up on an answer whose first byte takes five minutes, as on a slow machine it may. */
async function post(url: string, body: object, signal?: AbortSignal): Promise<IncomingMessage> {
  const call = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(signal && { signal }),
  });
  call.end(JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return response;
}

async function whole(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += String(part);
  return text;
}
