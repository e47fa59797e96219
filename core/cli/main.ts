#!/usr/bin/env node
import { run } from "./run.ts";

const { env, stdout, stderr } = process;
// A reader that has seen enough (`dualtail list | head`) is no failure.
stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.exitCode = await run(process.argv.slice(2), { env, cwd: process.cwd(), stdout, stderr });
