/**
 * CMYK [N × 4] as RGB without a profile, as Pillow converts: every ink takes its share of what black leaves,
 * R = (255 − K) · (255 − C) / 255, rounded.
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, at = 0; from < cmyk.length; from += 4, at += 3) {
    const light = 255 - cmyk[from + 3]!;
    rgb[at] = light - share(cmyk[from]!, light);
    rgb[at + 1] = light - share(cmyk[from + 1]!, light);
    rgb[at + 2] = light - share(cmyk[from + 2]!, light);
  }
  return rgb;
}

/** a · b / 255, rounded. */
function share(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}
