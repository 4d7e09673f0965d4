/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Filters of the reference image processors, by the field's names; antialiased when they shrink. */
export type Resample = 'lanczos3' | 'bicubic' | 'bilinear';

/** A step from one 8-bit image to the next, as the reference processors do them: one after the other. */
export type ImageStep = ResizeStep | CropStep | PadStep;

/** Resizes to this size with the plan's filter. */
export interface ResizeStep extends Size {
  readonly kind: 'resize';
}

/** Keeps the box of this size whose upper left pixel is given; it lies inside the image. */
export interface CropStep extends Size {
  readonly kind: 'crop';
  readonly left: number;
  readonly top: number;
}

/** Lays the image on a canvas of this size, its upper left pixel at the place given; it fits there. */
export interface PadStep extends Size {
  readonly kind: 'pad';
  readonly left: number;
  readonly top: number;
  /** Of the canvas: red, green and blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/** One look at an image: what is done to it, and the tiles that it is then cut into, row by row. */
export interface ImageView {
  /** Index of an earlier view whose last image this one starts from; the source image where absent. */
  readonly from?: number | undefined;
  readonly steps: readonly ImageStep[];
  /** Size of the view's tiles. The view's last image has a multiple of it. */
  readonly tile: Size;
}

/**
 * What one image becomes: the family's geometry, worked out from the source size alone. The tiles of the views follow
 * each other; views may differ in the size of their tiles.
 */
export interface ImagePlan {
  readonly views: readonly ImageView[];
  /** Rows of tiles that the layout reports; 0 when the image is not split. */
  readonly rows: number;
  /** Columns of tiles that the layout reports; 0 when the image is not split. */
  readonly columns: number;
  /** Size that the layout reports: that of the resized image which is cut into tiles. */
  readonly processed: Size;
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

/** One input of the vision graph. */
export interface Tile extends Size {
  /** Normalised pixels [3, height, width], in a buffer of their own. The receiver owns them. */
  readonly pixels: Float32Array<ArrayBuffer>;
}

/** A decoded image as the vision graph takes it. */
export interface PreparedImage {
  /** View after view, each row by row. */
  readonly tiles: readonly Tile[];
  readonly grid: TileGrid;
}

/** What an image may cost before it is decoded. */
export interface ImageLimits {
  /** Most encoded bytes. */
  readonly maxBytes: number;
  /** Most pixels, width times height of the source. */
  readonly maxPixels: number;
}
