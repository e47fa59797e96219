/** `npm run bench`: the training step alone; `npm run bench -- --against torch`: everything beside PyTorch. */
if (process.argv.includes("--against")) {
  const { benchAgainstTorch } = await import("./against/main.ts");
  await benchAgainstTorch(process.argv.slice(2));
} else {
  await import("./step.ts");
}
