/**
 * Artifacts are SVG: MLflow's UI shows them, they are sharp at any size, and the reader's browser has fonts. PNG exists
 * for places that show no SVG; it depends on fonts of the machine that draws, which a bare server does not have.
 */

/**
 * Draws an SVG as PNG.
 *
 * @param scale pixels per SVG unit
 * @returns undefined where the machine has no font to draw text with (the picture would lack every label)
 */
export async function renderPng(svg: string, scale = 2): Promise<Uint8Array | undefined> {
  if (!(await canDrawText())) return undefined;
  const { default: sharp } = await import("sharp");
  return new Uint8Array(
    await sharp(Buffer.from(svg), { density: 72 * scale })
      .png({ compressionLevel: 9 })
      .toBuffer(),
  );
}

/**
 * Whether this machine can draw the text of an SVG; found by drawing some. Without fonts it leaves nothing, or the same
 * empty box for every letter: different letters must leave different marks.
 */
export async function canDrawText(): Promise<boolean> {
  const { default: sharp } = await import("sharp");
  const draw = (text: string) => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"><rect width="60" height="30" fill="white"/>' +
      `<text x="5" y="22" font-size="20" font-family="sans-serif" fill="black">${text}</text></svg>`;
    return sharp(Buffer.from(svg)).greyscale().raw().toBuffer();
  };
  const [one, other] = await Promise.all([draw("W"), draw("i")]);
  return !one.equals(other);
}
