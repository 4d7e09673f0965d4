import { z } from 'zod';
import { channels, divisors, pixelValues, resample } from '../image-fields.ts';
import { count, maybe, withDefault } from '../settings.ts';
import { gridPinpoints } from './grid-pinpoints.ts';

/** The image processor's settings, every default filled in. */
export type LlavaImageSettings = z.output<ReturnType<typeof imageSettings>>;

/** CLIP's mean and deviation of each channel: transformers' OPENAI_CLIP_MEAN and OPENAI_CLIP_STD. */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;

const CLIP = {
  size: { shortest_edge: 224 },
  do_center_crop: true,
  crop_size: 224,
  do_pad: false,
  image_mean: CLIP_MEAN,
  image_std: CLIP_STD,
};

const SIGLIP = {
  ...CLIP,
  size: { height: 224, width: 224 },
  do_center_crop: false,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
};

/** Image processors by `image_processor_type`, with the defaults of transformers' classes of these names. */
const PROCESSORS = {
  CLIPImageProcessor: CLIP,
  SiglipImageProcessor: SIGLIP,
  LlavaImageProcessor: CLIP,
  LlavaNextImageProcessor: CLIP,
} as const;

type ProcessorType = keyof typeof PROCESSORS;

/** The image processors that a family takes; the first is that of a file that names none. */
export type SupportedProcessors = readonly [ProcessorType, ...ProcessorType[]];

/** Larger than what any tower takes (at most 1024 today); bounds what a file may make of every image. */
const MAX_EDGE = 4096;

const edge = count.max(MAX_EDGE);
const heightAndWidth = z.strictObject({ height: edge, width: edge });

const size = z.union([
  edge.transform((shortest) => ({ shortest_edge: shortest })),
  z.strictObject({ shortest_edge: edge }),
  heightAndWidth,
]);

const cropSize = z.union([edge.transform((side) => ({ width: side, height: side })), heightAndWidth]);

/** An image processor's settings as JSON, with the defaults of its type. */
export function imageSettings(supported: SupportedProcessors) {
  return z.preprocess(
    (given) => fillDefaults(given, supported[0]),
    z
      .looseObject({
        image_processor_type: z.enum(supported),
        do_resize: withDefault(z.boolean(), true),
        size,
        do_center_crop: z.boolean(),
        crop_size: cropSize,
        do_pad: z.boolean(),
        resample: withDefault(resample, 'bicubic'),
        do_rescale: withDefault(z.boolean(), true),
        rescale_factor: withDefault(z.number().positive(), 1 / 255),
        do_normalize: withDefault(z.boolean(), true),
        image_mean: channels,
        image_std: divisors,
        image_grid_pinpoints: maybe(gridPinpoints),
      })
      .transform((raw) => ({
        /** Colour of the square that the image is laid on before all else; none where undefined. */
        padColour: padsToSquare(raw) ? colourOf(raw.image_mean) : undefined,
        /** The resize: of the shorter side, in proportion, or to a fixed size; none where undefined. */
        size: raw.do_resize ? raw.size : undefined,
        /** Size that is cut from the middle, or filled up with black; none where undefined. */
        crop: raw.do_center_crop ? raw.crop_size : undefined,
        resample: raw.resample,
        ...pixelValues(raw),
        /** Sizes that an image may be brought to before it is cut into tiles; only LlavaNextImageProcessor has them. */
        gridPinpoints: raw.image_grid_pinpoints,
      })),
  );
}

type Mean = z.output<typeof channels>;

/** In the other processors `do_pad` fills up a batch, which never changes an image. */
function padsToSquare(raw: {
  readonly image_processor_type: ProcessorType;
  readonly do_pad: boolean;
}): boolean {
  return raw.image_processor_type === 'LlavaImageProcessor' && raw.do_pad;
}

/** LlavaImageProcessor's background: the mean colour, its fraction of a level cut off. */
function colourOf(mean: Mean): Mean {
  return [Math.trunc(mean[0] * 255), Math.trunc(mean[1] * 255), Math.trunc(mean[2] * 255)];
}

function fillDefaults(given: unknown, usual: ProcessorType): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const type = typeOf(given) ?? usual;
  const known = Object.entries(PROCESSORS).find(([name]) => name === type);
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  return { ...known?.[1], ...said, image_processor_type: type };
}

/** The type without the suffix of a backend, in either spelling of the field. */
function typeOf(given: object): unknown {
  if ('image_processor_type' in given && typeof given.image_processor_type === 'string')
    return given.image_processor_type.replace(/(Fast|Pil)$/, '');
  if ('feature_extractor_type' in given && typeof given.feature_extractor_type === 'string')
    return given.feature_extractor_type.replace(/FeatureExtractor$/, 'ImageProcessor');
  return undefined;
}
