import { openCheckpoint } from '@diptych/checkpoint';
import { prepareImage } from '@diptych/image';
import { describeModel } from '@diptych/models';
import sharp from 'sharp';
import { SMOLVLM_256M } from '../../shapes/smolvlm-256m.ts';
import { writeSmallFiles } from '../../write-checkpoint.ts';
import type { MicroCase } from '../micro-case.ts';

/** From encoded bytes to normalised tiles, by SmolVLM's plan: decode, resize, cut. */
export const IMAGE_PREPARATION: readonly MicroCase[] = [
  imageCase('image/512-pixels-whole', { edge: 512, split: false }),
  imageCase('image/2048-pixels-17-tiles', { edge: 2048, split: true }),
];

function imageCase(
  name: string,
  { edge, split }: { readonly edge: number; readonly split: boolean },
): MicroCase {
  return {
    name,
    prepare: async ({ folder }) => {
      await writeSmallFiles(folder, SMOLVLM_256M);
      const { vision } = await describeModel(await openCheckpoint(folder));
      const bytes = await picture(edge);
      return { run: () => prepareImage(bytes, (source) => vision.planImage(source, { split })) };
    },
  };
}

/** A JPEG with something to see at every place. */
async function picture(edge: number): Promise<Uint8Array> {
  const pixels = Uint8Array.from(
    { length: 3 * edge * edge },
    (_, index) => 128 + 100 * Math.sin(index / 900) + 20 * Math.sin(index * 7),
  );
  return await sharp(pixels, { raw: { width: edge, height: edge, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}
