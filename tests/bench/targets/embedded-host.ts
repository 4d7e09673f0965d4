/** The engine in process, in a process of its own: one question a line in, one answer a line out. */
import { createInterface } from 'node:readline';
import { type ChatBody, openModel } from '@diptych/embedded';
import { collectAnswer } from './collect-answer.ts';

const { weights, ...options } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly model: string;
  readonly weights: string;
  readonly home: string;
  readonly slots: number;
  readonly context: number;
};
await using model = await openModel({ ...options, weights });
say({ ready: `in process, ${weights}` });
for await (const line of createInterface({ input: process.stdin })) {
  const body = JSON.parse(line) as ChatBody;
  say(await collectAnswer(() => model.chat({ ...body, stream_options: { include_usage: true } })));
}

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
