/**
 * Asks the held-out questions of the bundled model through the three services, and prints the share of right
 * answers by kind, for drawing styles that training saw and for the one that it never saw.
 *
 *     npm run --silent eval:pico -- --json
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { ChatRequestSchema, ChatService } from '@diptych/contract';
import { createClient } from '@diptych/rpc';
import { MODEL_HOME, PICO, startPico } from '@diptych/testing';
import { type Group, type Look, loadEvalSet, type Question } from './eval-set.ts';
import { isExact, Scorer } from './score.ts';

const KINDS = ['what', 'what_exact', 'count', 'colour', 'where', 'present', 'second_image'] as const;
/** Longest answer that is scored, as of the set's README. */
const MAX_TOKENS = 64;
/** Questions under way at once: enough to fill the language service's slots. */
const CONCURRENCY = 8;

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    model: { type: 'string', default: PICO },
    mistakes: { type: 'boolean', default: false },
    weights: { type: 'string', default: 'float32' },
  },
});

// A process that a signal ends by itself leaves the services behind; one that exits stops them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { scenes, concepts, questions } = loadEvalSet();
const scorer = new Scorer(concepts);
const tally = new Map<string, { right: number; asked: number }>();

{
  await using services = await startPico({
    model: flags.model,
    env: { ...process.env, DIPTYCH_HOME: MODEL_HOME, DIPTYCH_WEIGHTS: flags.weights },
  });
  using client = createClient(ChatService, { address: services.grpc, name: 'gateway' });
  const waiting = questions.values();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const question of waiting) score(question, await ask(client, question));
    }),
  );
}
const result = { scenes, seen: shares('seen'), unseen: shares('unseen') };
process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : table(result));

async function ask(
  client: ReturnType<typeof createClient<typeof ChatService>>,
  { first, ask: look }: Question,
): Promise<string> {
  const earlier = first ? [await userTurn(first), assistantTurn(first.answer)] : [];
  const messages = [...earlier, await userTurn(look)];
  const request = create(ChatRequestSchema, {
    messages,
    sampling: { temperature: 0, maxTokens: MAX_TOKENS },
  });
  let text = '';
  for await (const { event } of client.chat(request)) if (event.case === 'delta') text += event.value.text;
  return text;
}

async function userTurn({ image, text }: Look) {
  return {
    role: 'user',
    content: [
      { part: { case: 'image' as const, value: await readFile(image) } },
      { part: { case: 'text' as const, value: text } },
    ],
  };
}

function assistantTurn(text: string) {
  return { role: 'assistant', content: [{ part: { case: 'text' as const, value: text } }] };
}

function score(question: Question, answer: string): void {
  const { group, kind, expected, concept } = question;
  const right = scorer.isRight(kind, answer, expected, concept);
  count(group, kind, right);
  if (kind === 'what') count(group, 'what_exact', isExact(answer, expected));
  if (flags.mistakes && !right) {
    process.stderr.write(`${group} ${kind}: ${question.ask.text}\n  ${expected.text}\n  ${answer.trim()}\n`);
  }
}

function count(group: Group, kind: string, right: boolean): void {
  const key = `${group} ${kind}`;
  const entry = tally.get(key) ?? { right: 0, asked: 0 };
  tally.set(key, entry);
  entry.asked++;
  if (right) entry.right++;
}

function shares(group: Group): Record<string, number> {
  return Object.fromEntries(
    KINDS.map((kind) => {
      const { right, asked } = tally.get(`${group} ${kind}`) ?? { right: 0, asked: 1 };
      return [kind, Math.round((right / asked) * 1000) / 1000];
    }),
  );
}

function table({ seen, unseen }: typeof result): string {
  const percent = (share: number | undefined) => `${((share ?? 0) * 100).toFixed(1).padStart(6)} %`;
  const rows = KINDS.map((kind) => `${kind.padEnd(14)}${percent(seen[kind])}  ${percent(unseen[kind])}`);
  return [`${String(scenes)} scenes`, `${' '.repeat(14)}    seen    unseen`, ...rows, ''].join('\n');
}
