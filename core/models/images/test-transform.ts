import { DualtailError } from "../../errors.ts";
import type { Filter, Preprocessor } from "../checkpoint/preprocessor-config.ts";
import { centred, shortSideTo, wholeImage } from "./placing.ts";
import { finishOf, planned, type Size, type Transform } from "./transform.ts";

export interface TestTransformOptions {
  /** Length of the short side after scaling, instead of the checkpoint's; LIFT: 8/7 of the tower's input (256 for 224). */
  readonly shortestEdge?: number;
  /** Instead of the checkpoint's; LIFT: bilinear. */
  readonly filter?: Filter;
  /** Whose rounding places the crop; default "transformers". */
  readonly centring?: "transformers" | "torchvision";
}

/**
 * The checkpoint's own preprocessing, as transformers' CLIPImageProcessor does it: scale, cut from the centre,
 * normalise. Where the cut is larger than the image, the rest is black. With the options, torchvision's Resize and
 * CenterCrop as LIFT uses them.
 */
export function testTransform(preprocessor: Preprocessor, options: TestTransformOptions = {}): Transform {
  const { imageSize: side } = preprocessor;
  const { shortestEdge, filter, centring = "transformers" } = options;
  const resize = shortestEdge === undefined ? preprocessor.resize : { shortestEdge };
  const square = { width: side, height: side };
  const crop = shortestEdge === undefined ? preprocessor.crop : square;
  return planned({
    finish: finishOf(preprocessor, filter),
    place(size) {
      const scaled = scaledSize(size, resize);
      const cut = crop ?? scaled;
      if (cut.height !== side || cut.width !== side) {
        throw new DualtailError(
          `preprocessor_config.json makes ${cut.width}×${cut.height} pixels of an image of ${size.width}×${size.height}, but the tower takes ${side}×${side}`,
          { hint: "set do_center_crop, or give size a height and a width" },
        );
      }
      return [{ box: wholeImage(size), ...scaled, ...centred(scaled, side, centring), mirrored: false }];
    },
  });
}

function scaledSize(size: Size, resize: Preprocessor["resize"]): Size {
  if (resize === undefined) return { width: size.width, height: size.height };
  if ("height" in resize) return { width: resize.width, height: resize.height };
  return shortSideTo(resize.shortestEdge, size);
}
