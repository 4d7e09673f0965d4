/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Filters of the reference image processors, by the field's names; antialiased when they shrink. */
export type Resample = 'lanczos3' | 'bicubic' | 'bilinear';

/**
 * What one image becomes: the family's geometry, worked out from the source size alone.
 *
 * `resizes` are done one after the other, each from the 8-bit result of the one before, as the reference
 * processors do. After the last one the image is either `columns * tileSize` by `rows * tileSize` and is cut
 * into tiles row by row, or, with `rows` and `columns` 0, `tileSize` square and is the only tile.
 */
export interface ImagePlan {
  readonly resizes: readonly Size[];
  /** Rows of tiles; 0 when the image is not split. */
  readonly rows: number;
  /** Columns of tiles; 0 when the image is not split. */
  readonly columns: number;
  /** Edge of a tile in pixels, the vision encoder's input size. */
  readonly tileSize: number;
  /** Whether a split image is followed by itself, resized to one tile. */
  readonly globalView: boolean;
  readonly resample: Resample;
  /** Factor from 8-bit values to the range of `mean` and `std`: `rescale_factor`, mostly 1/255. */
  readonly rescale: number;
  /** Subtracted from each channel (red, green, blue): `image_mean`. */
  readonly mean: readonly [number, number, number];
  /** Divides each channel after that: `image_std`. */
  readonly std: readonly [number, number, number];
}

/** Works out the plan of an image from its size after orientation. Pure and cheap. */
export type ImagePlanner = (source: Size) => ImagePlan;

/** How an image was cut; the fields of the contract's `TileLayout` that geometry alone decides. */
export interface TileGrid {
  /** Size of the source in pixels, after orientation. */
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  /** Size in pixels of the resized image that was cut into tiles. */
  readonly processedWidth: number;
  readonly processedHeight: number;
  /** Rows of tiles; 0 when the image was not split and there is only one tile. */
  readonly rows: number;
  /** Columns of tiles; 0 when the image was not split. */
  readonly columns: number;
}

/** The contract's `TileLayout`: a grid, and the feature rows of each tile in the order of the tiles. */
export interface ImageLayout extends TileGrid {
  readonly tileTokens: readonly number[];
}

/** A decoded image as the vision graph takes it. */
export interface PreparedImage {
  /** Normalised pixels, shape [tileCount, 3, tileSize, tileSize]; row by row, the global view last. The receiver owns it. */
  readonly tiles: Float32Array<ArrayBuffer>;
  readonly tileCount: number;
  readonly tileSize: number;
  readonly grid: TileGrid;
}

/** What an image may cost before it is decoded. */
export interface ImageLimits {
  /** Most encoded bytes. */
  readonly maxBytes: number;
  /** Most pixels, width times height of the source. */
  readonly maxPixels: number;
}
