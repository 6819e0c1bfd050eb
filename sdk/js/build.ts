/**
 * Builds `dist/`: ES modules with their types for bundlers, `auricle.js` for pages without one. The last one also goes into
 * the Python package, for the service hands it out. Fails when the client has grown past its 5 KB.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type BuildOptions } from "esbuild";

/** Bytes, gzipped, that each file may have. */
const LARGEST: Record<string, number> = { "index.js": 5 * 1024, "auricle.js": 5 * 1024 };

process.chdir(fileURLToPath(new URL(".", import.meta.url)));
rmSync("dist", { recursive: true, force: true });
const shared: BuildOptions = { bundle: true, minify: true, target: "es2022", legalComments: "none" };
await build({ ...shared, entryPoints: ["src/index.ts"], format: "esm", outfile: "dist/index.js" });
await build({ ...shared, entryPoints: ["src/middleware/index.ts"], format: "esm", outfile: "dist/middleware.js" });
// The hook shares the client of the main entry, which is not bundled twice.
await build({
  ...shared,
  entryPoints: ["src/react.ts"],
  format: "esm",
  outfile: "dist/react.js",
  external: ["react"],
  plugins: [
    {
      name: "main entry",
      setup: (made) => made.onResolve({ filter: /^\.\/init\.ts$/ }, () => ({ path: "./index.js", external: true })),
    },
  ],
});
await build({ ...shared, entryPoints: ["src/global.ts"], format: "iife", globalName: "auricle", outfile: "dist/auricle.js" });
execFileSync("tsc", ["--project", "tsconfig.build.json"], { stdio: "inherit" });

const SERVICE = "../../src/auricle";
if (existsSync(SERVICE)) cpSync("dist/auricle.js", `${SERVICE}/script/auricle.js`, { recursive: true });

for (const [name, largest] of Object.entries(LARGEST)) {
  const size = gzipSync(readFileSync(`dist/${name}`), { level: 9 }).length;
  console.log(`${name}: ${size} bytes gzipped, at most ${largest}`);
  if (size > largest) process.exitCode = 1;
}
