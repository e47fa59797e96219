import type { Filter, Preprocessor } from "../checkpoint/preprocessor-config.ts";
import { halfToEven, shortSideTo, wholeImage } from "./placing.ts";
import { finishOf, planned, type Transform } from "./transform.ts";

/** Crops per image. */
export const CROPS = { five: 5, ten: 10 } as const;
export type CropSet = keyof typeof CROPS;

export interface CropsTransformOptions {
  readonly crops: CropSet;
  /** Pixels by which the short side of the scaled image exceeds the tower's input; LIFT: 24. */
  readonly expand: number;
  /** Default bilinear, as in LIFT, whatever the checkpoint's own is. */
  readonly filter?: Filter;
}

/**
 * The crops of a test-time ensemble, one after another into `out` [crops × channels × size × size], as torchvision's
 * Resize (short side), FiveCrop and TenCrop make them: upper left, upper right, lower left, lower right, centre; ten
 * crops go on with those of the mirrored image.
 */
export function cropsTransform(
  preprocessor: Preprocessor,
  { crops, expand, filter = "bilinear" }: CropsTransformOptions,
): Transform {
  const { imageSize: side } = preprocessor;
  return planned({
    finish: finishOf(preprocessor, filter),
    place(size) {
      const scaled = shortSideTo(side + expand, size);
      const [right, bottom] = [scaled.width - side, scaled.height - side];
      const centre = [halfToEven(right), halfToEven(bottom)] as const;
      const corners = [[0, 0], [right, 0], [0, bottom], [right, bottom], centre] as const;
      return Array.from({ length: CROPS[crops] }, (_, i) => {
        const mirrored = i >= corners.length;
        const [x, top] = corners[i % corners.length]!;
        // A crop of the mirrored image is the mirrored crop from the other side.
        return { box: wholeImage(size), ...scaled, left: mirrored ? right - x : x, top, mirrored };
      });
    },
  });
}
