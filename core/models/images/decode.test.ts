import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../../test/support/temporary-folder.ts";
import { FileError } from "../../errors.ts";
import { decodeImage, imageSize } from "./decode.ts";

/** 2 × 1 pixels: red and blue. */
const RED_BLUE = Buffer.from([255, 0, 0, 0, 0, 255]);
const raw = (data: Uint8Array | Uint16Array, width: number, height: number, channels: 1 | 2 | 3 | 4) =>
  sharp(data, { raw: { width, height, channels } });

async function write(image: Sharp, name: string) {
  const path = join(await temporaryFolder(), name);
  await image.toFile(path);
  return { kind: "file", path } as const;
}

const pixels = async (source: Parameters<typeof decodeImage>[0], channels: 1 | 3) => [
  ...(await decodeImage(source, channels)).data,
];

describe("decodeImage", () => {
  it.each(["png", "webp", "tiff", "gif"] as const)(
    "reads a colour %s, as colour or as grey",
    async (format) => {
      const image = raw(RED_BLUE, 2, 1, 3);
      const source = await write(
        image.toFormat(format, { lossless: true, compression: "lzw" }),
        `image.${format}`,
      );
      expect(await decodeImage(source, 3)).toEqual({
        data: new Uint8Array(RED_BLUE),
        width: 2,
        height: 1,
        channels: 3,
      });
      // BT.601: 0.299 · 255 and 0.114 · 255.
      expect(await pixels(source, 1)).toEqual([76, 29]);
    },
  );

  it("reads a grey image, as grey or as colour", async () => {
    const source = await write(
      raw(Uint8Array.of(0, 100, 255), 3, 1, 1)
        .toColourspace("b-w")
        .png(),
      "grey.png",
    );
    expect((await sharp(source.path).metadata()).channels).toBe(1);
    expect(await pixels(source, 1)).toEqual([0, 100, 255]);
    expect(await pixels(source, 3)).toEqual([0, 0, 0, 100, 100, 100, 255, 255, 255]);
  });

  it('drops transparency and shows the colours behind it, as Pillow\'s convert("RGB")', async () => {
    const source = await write(raw(Uint8Array.of(255, 0, 0, 255, 7, 8, 9, 0), 2, 1, 4).png(), "alpha.png");
    expect(await pixels(source, 3)).toEqual([255, 0, 0, 7, 8, 9]);
    const grey = await write(
      raw(Uint8Array.of(10, 255, 10, 0), 2, 1, 2)
        .toColourspace("b-w")
        .png(),
      "grey-alpha.png",
    );
    expect(await pixels(grey, 1)).toEqual([10, 10]);
  });

  it("reads a palette", async () => {
    const source = await write(raw(RED_BLUE, 2, 1, 3).png({ palette: true }), "palette.png");
    expect((await sharp(source.path).metadata()).isPalette).toBe(true);
    expect(await pixels(source, 3)).toEqual([...RED_BLUE]);
  });

  it("reads the upper 8 of 16 bits; of grey alone it cuts off at 255, as Pillow's mode I;16", async () => {
    const deep = Uint16Array.of(0, 0x8080, 0xffff);
    const source = await write(raw(deep, 1, 1, 3).toColourspace("rgb16").png(), "deep.png");
    expect((await sharp(source.path).metadata()).depth).toBe("ushort");
    expect(await pixels(source, 3)).toEqual([0, 128, 255]);
    const grey = await write(raw(deep, 3, 1, 1).toColourspace("grey16").png(), "deep-grey.png");
    expect((await sharp(grey.path).metadata()).depth).toBe("ushort");
    expect(await pixels(grey, 1)).toEqual([0, 255, 255]);
  });

  it("reads CMYK", async () => {
    const flat = (colour: number[]) =>
      raw(
        Uint8Array.from({ length: 64 * 3 }, (_, i) => colour[i % 3]!),
        8,
        8,
        3,
      );
    const source = await write(
      flat([250, 250, 250]).toColourspace("cmyk").jpeg({ quality: 100 }),
      "cmyk.jpg",
    );
    expect((await sharp(source.path).metadata()).space).toBe("cmyk");
    const { data, channels } = await decodeImage(source, 3);
    expect({ length: data.length, channels }).toEqual({ length: 192, channels: 3 });
    expect(Math.min(...data)).toBeGreaterThan(235);
  });

  it("turns an image as its EXIF says", async () => {
    const source = await write(
      raw(RED_BLUE, 2, 1, 3).tiff({ compression: "lzw" }).withMetadata({ orientation: 6 }),
      "turned.tiff",
    );
    const image = await decodeImage(source, 3);
    expect([image.width, image.height]).toEqual([1, 2]);
    expect([...image.data]).toEqual([...RED_BLUE]);
    const mirrored = await write(
      raw(RED_BLUE, 2, 1, 3).tiff({ compression: "lzw" }).withMetadata({ orientation: 2 }),
      "mirrored.tiff",
    );
    expect(await pixels(mirrored, 3)).toEqual([0, 0, 255, 255, 0, 0]);
  });

  it("reads an overwritten file anew", async () => {
    const source = await write(raw(Uint8Array.of(1, 2, 3), 1, 1, 3).png(), "image.png");
    expect(await pixels(source, 3)).toEqual([1, 2, 3]);
    await raw(Uint8Array.of(4, 5, 6), 1, 1, 3)
      .png()
      .toFile(source.path);
    expect(await pixels(source, 3)).toEqual([4, 5, 6]);
  });

  it("takes pixels as they are, without a copy", async () => {
    const data = new Uint8Array(RED_BLUE);
    const source = { kind: "pixels", name: "raw", data, width: 2, height: 1, channels: 3 } as const;
    expect((await decodeImage(source, 3)).data).toBe(data);
    expect(await pixels(source, 1)).toEqual([76, 29]);
    await expect(decodeImage({ ...source, width: 3 }, 3)).rejects.toThrow(
      "raw: 3×1×3 pixels take 9 bytes, but it has 6",
    );
  });

  it("refuses sizes that the file cannot hold, or that no image of a data set has", async () => {
    const jpeg = await raw(RED_BLUE, 2, 1, 3).jpeg().toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(8192, frame + 5);
    jpeg.writeUInt16BE(8192, frame + 7);
    const decode = (bytes: Uint8Array) =>
      decodeImage({ kind: "encoded", name: "lie", bytes: async () => bytes }, 3);
    await expect(decode(jpeg)).rejects.toThrow(/lie: .* bytes cannot hold the 8192×8192 pixels/);
    const png = await raw(RED_BLUE, 2, 1, 3).png().toBuffer();
    png.writeUInt32BE(8193, 16);
    png.writeUInt32BE(8192, 20);
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    await expect(decode(png)).rejects.toThrow(/lie: .*pixel limit/);
  });

  it("reads the orientation where the decoder does, and none where the decoder has none", async () => {
    const turned = await raw(RED_BLUE, 2, 1, 3).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const tiff = turned.indexOf("Exif") + 6;
    const entry = turned.indexOf(Buffer.from([0x12, 0x01, 0x03, 0x00]));
    const edits: [number, number][] = [
      ...Array.from({ length: 13 }, (_, type) => [entry + 2, type] as [number, number]),
      ...[0, 2, 3, 4].map((count) => [entry + 4, count] as [number, number]),
      ...[0, 1, 8, 9].map((value) => [entry + 8, value] as [number, number]),
      [entry + 5, 1],
      [tiff, 0x4d],
      [tiff + 2, 43],
    ];
    const seen = new Set<number>();
    for (const [at, value] of edits) {
      const bytes = Buffer.from(turned);
      bytes[at] = value;
      const name = `byte ${at} is ${value}`;
      const { width, height } = await decodeImage({ kind: "encoded", name, bytes: async () => bytes }, 3);
      expect(await imageSize(name, bytes), name).toMatchObject({ width, height });
      seen.add(width);
    }
    expect(seen).toEqual(new Set([1, 2]));
  });

  it("names an image that is missing, damaged or none", async () => {
    const folder = await temporaryFolder();
    const good = await raw(
      Uint8Array.from({ length: 300 * 300 * 3 }, (_, i) => (i * i) % 251),
      300,
      300,
      3,
    )
      .jpeg()
      .toBuffer();
    await writeFile(join(folder, "cut.jpg"), good.subarray(0, good.length / 2));
    await writeFile(join(folder, "text.png"), "not an image");
    await writeFile(join(folder, "empty.png"), "");
    const errorOf = async (name: string) => {
      const error = await decodeImage({ kind: "file", path: join(folder, name) }, 3).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(FileError);
      expect((error as FileError).file).toBe(join(folder, name));
      return (error as FileError).oneLine;
    };
    expect(await errorOf("none.png")).toMatch(/there is no such image/);
    for (const name of ["cut.jpg", "text.png", "empty.png"]) {
      expect(await errorOf(name)).toMatch(/does not decode as an image \(.+\) — replace it or take it out/);
    }
  });
});
