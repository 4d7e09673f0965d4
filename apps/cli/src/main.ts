import { fileURLToPath } from 'node:url';
import { toDiptychError } from '@diptych/errors';
import { Command, InvalidArgumentError } from 'commander';
import { type AskOptions, ask } from './ask.ts';
import { serve } from './serve.ts';
import { ServiceStartError } from './service-process.ts';

const DEFAULT_MODEL =
  process.env['DIPTYCH_MODEL'] ?? fileURLToPath(new URL('../../../models/pico', import.meta.url));

const program = new Command('diptych').description('Serves vision-language models on this machine.');

program
  .command('serve')
  .description('start the three services and print how to use them')
  .option('--model <folder>', 'checkpoint to serve', DEFAULT_MODEL)
  .option('--listen <host:port>', 'address of the REST API', '127.0.0.1:8000')
  .option('--grpc-listen <host:port>', 'address of the gRPC chat API', '127.0.0.1:50050')
  .option('--vision-listen <host:port>', 'address of the vision-service', '127.0.0.1:50051')
  .option('--language-listen <host:port>', 'address of the lm-service', '127.0.0.1:50052')
  .option('--verbose', 'print every log line of the services', false)
  .action(serve);

program
  .command('ask')
  .description('ask one question about images, and stream the answer')
  .argument('<words...>', 'IMAGE... "QUESTION": image files or http(s) addresses, then the question')
  .option('--json', 'print one JSON object: text, usage and timings in milliseconds', false)
  .option(
    '--gateway <host:port>',
    'gRPC address of a running gateway (default: 127.0.0.1:50050 if it answers)',
  )
  .option('--model <folder>', 'start the services on this checkpoint for the question')
  .option('--max-tokens <n>', 'most tokens to generate', positiveInteger)
  .action((words: string[], options: Omit<AskOptions, 'defaultModel'>) =>
    ask(words, { ...options, defaultModel: DEFAULT_MODEL }),
  );

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`diptych: ${describe(error)}\n`);
  process.exitCode = 1;
}

function positiveInteger(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number of at least 1.');
}

function describe(error: unknown): string {
  if (error instanceof ServiceStartError) return error.message;
  const { message, code, cause } = toDiptychError(error);
  if (code === 'internal') return cause instanceof Error ? cause.message : String(cause);
  return `${message} (${code})`;
}
