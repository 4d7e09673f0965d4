import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { toDiptychError } from '@diptych/errors';
import { WEIGHT_CHOICES } from '@diptych/models';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AskOptions, ask } from './ask.ts';
import { list } from './list.ts';
import { pull } from './pull.ts';
import { serve } from './serve.ts';
import { ServiceStartError } from './service-process.ts';

const DEFAULT_MODEL =
  process.env['DIPTYCH_MODEL'] ?? fileURLToPath(new URL('../../../models/pico', import.meta.url));

const MODEL_HELP = 'checkpoint: a folder, or org/name[@revision] of the hub';

const program = new Command('diptych').description('Serves vision-language models on this machine.');

program
  .command('serve')
  .description('start the three services and print how to use them')
  .option('--model <folder|org/name>', MODEL_HELP, DEFAULT_MODEL)
  .addOption(chatTemplateOption())
  .addOption(weightsOption())
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
  .option('--model <folder|org/name>', `start the services for the question on this ${MODEL_HELP}`)
  .addOption(chatTemplateOption().conflicts('gateway'))
  .addOption(weightsOption().conflicts('gateway'))
  .option('--max-tokens <n>', 'most tokens to generate', positiveInteger)
  .action((words: string[], options: Omit<AskOptions, 'defaultModel'>) =>
    ask(words, { ...options, defaultModel: DEFAULT_MODEL }),
  );

program
  .command('pull')
  .description('download a model of the hub, or bring it up to date, and print its folder')
  .argument('<org/name>', 'a repository, or org/name@revision with a branch, tag or commit')
  .action(pull);

program
  .command('list')
  .description('list the downloaded models that can be served')
  .option('--json', 'print one JSON array', false)
  .action(list);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`diptych: ${describe(error)}\n`);
  process.exitCode = 1;
}

function chatTemplateOption(): Option {
  const description = 'Jinja file that replaces the chat template of the checkpoint';
  return new Option('--chat-template <file>', description).argParser(readableFile);
}

/** Without a default: the services have one, and read DIPTYCH_WEIGHTS. */
function weightsOption(): Option {
  const description = 'how weights are stored (default: auto, or DIPTYCH_WEIGHTS)';
  return new Option('--weights <format>', description).choices(WEIGHT_CHOICES);
}

/** Looked at here, too: the gateway, which reads it, may start only once the model is compiled. */
function readableFile(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch {
    throw new InvalidArgumentError('Expected a file that can be read.');
  }
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
