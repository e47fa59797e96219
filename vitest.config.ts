import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["core", "plugins", "testbed", "launch-page", "test"].map((folder) => `${folder}/**/*.test.ts`),
    globalSetup: ["test/support/mlflow-global-setup.ts", "test/support/compile-global-setup.ts"],
    testTimeout: 180_000,
    hookTimeout: 300_000,
    // Two cores: more workers only make onnxruntime's threads fight each other.
    maxWorkers: 2,
    pool: "forks",
  },
});
