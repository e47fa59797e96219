/** Mean feature of each class, [classes × width], summed in double precision; features [labels × width]. */
export function classMeans(
  features: Float32Array,
  labels: Int32Array,
  classes: number,
  width: number,
): Float32Array {
  const sums = new Float64Array(classes * width);
  const counts = new Float64Array(classes);
  for (const [i, label] of labels.entries()) {
    counts[label]!++;
    for (let d = 0; d < width; d++) sums[label * width + d]! += features[i * width + d]!;
  }
  return Float32Array.from(sums, (sum, at) => sum / Math.max(1, counts[Math.floor(at / width)]!));
}
