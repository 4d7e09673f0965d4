import { invalid, isObject, type JsonObject, type TokenizerFile } from './tokenizer-json.ts';

/** Ids that the post-processor puts around a text, for example a start token. */
export interface Frame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Reads what the `post_processor` of tokenizer.json puts around a single text. Throws `checkpoint_invalid`. */
export function readFrame({ json }: TokenizerFile): Frame {
  return frameOf(json.post_processor);
}

const NOTHING: Frame = { before: [], after: [] };

function frameOf(config: unknown): Frame {
  if (!isObject(config)) return NOTHING;
  switch (config.type) {
    case 'Sequence':
      return list(config.processors).map(frameOf).reduce(wrap, NOTHING);
    case 'TemplateProcessing':
      return templateFrame(config);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return {
        before: list(config.cls).slice(1).map(tokenId),
        after: list(config.sep).slice(1).map(tokenId),
      };
    case 'ByteLevel':
      return NOTHING;
    default:
      throw invalid(`has a post_processor of type ${JSON.stringify(config.type)}, which is not supported`);
  }
}

function wrap(inner: Frame, outer: Frame): Frame {
  return { before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] };
}

/** `single` is a list of special tokens with the text's place among them. */
function templateFrame(config: JsonObject): Frame {
  const single = list(config.single);
  const place = single.findIndex((part) => isObject(part) && 'Sequence' in part);
  if (place < 0) throw invalid('has a post_processor without a place for the text');
  const ids = (parts: readonly unknown[]) => parts.flatMap((part) => specialIds(config, part));
  return { before: ids(single.slice(0, place)), after: ids(single.slice(place + 1)) };
}

function specialIds(config: JsonObject, part: unknown): number[] {
  const name = isObject(part) && isObject(part.SpecialToken) ? part.SpecialToken.id : undefined;
  const tokens = isObject(config.special_tokens) ? config.special_tokens : {};
  const token = typeof name === 'string' ? tokens[name] : undefined;
  return list(isObject(token) ? token.ids : undefined).map(tokenId);
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid('has a post_processor that cannot be read');
  return value;
}

function tokenId(value: unknown): number {
  if (typeof value !== 'number') throw invalid('has a post_processor with a token that has no id');
  return value;
}
