/**
 * `npm run bench`: the training step alone; `-- --against torch`: everything beside PyTorch; `-- --images`: where an
 * image's time goes; `-- --opening`: where that of opening a checkpoint goes.
 */
if (process.argv.includes("--against")) {
  const { benchAgainstTorch } = await import("./against/main.ts");
  await benchAgainstTorch(process.argv.slice(2));
} else if (process.argv.includes("--images")) {
  const { benchStages } = await import("./images/main.ts");
  await benchStages(process.argv.slice(2));
} else if (process.argv.includes("--opening")) {
  const { benchOpening } = await import("./opening.ts");
  await benchOpening(process.argv.slice(2));
} else {
  await import("./step.ts");
}
