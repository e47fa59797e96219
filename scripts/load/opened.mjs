/**
 * Imported by a server under test before all else: writes down what is opened, listed or looked at on the disk, which
 * processes are started and where connections go. One JSON line each in the file that LOAD_OPENED names.
 */
import childProcess from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { fileURLToPath } from "node:url";

const output = fs.openSync(process.env.LOAD_OPENED, "a");
const { writeSync } = fs;
const note = (kind, what) => writeSync(output, `${JSON.stringify([kind, what])}\n`);
const textOf = (value) =>
  value instanceof URL ? fileURLToPath(value) : Buffer.isBuffer(value) ? value.toString() : value;

const PATHS =
  /^(access|cp|copyFile|createReadStream|exists|lstat|open|opendir|readdir|readFile|readlink|realpath|rm|rmdir|stat|statfs|unlink|watch|watchFile|writeFile|appendFile|mkdir|rename)(Sync)?$/;
for (const api of [fs, fs.promises]) {
  for (const name of Object.keys(api).filter((key) => PATHS.test(key))) {
    const original = api[name];
    const watched = function (first, ...rest) {
      const path = textOf(first);
      if (typeof path === "string") note("path", path);
      return original.call(this, first, ...rest);
    };
    api[name] = Object.assign(watched, original);
  }
}
for (const name of ["spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync", "fork"]) {
  const original = childProcess[name];
  childProcess[name] = (command, ...rest) => {
    note("process", String(command));
    return original(command, ...rest);
  };
}
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  note("connection", `${options?.host ?? "localhost"}:${options?.port ?? options}`);
  return connect.apply(this, args);
};
syncBuiltinESMExports();
