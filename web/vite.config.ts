import { defineConfig } from "vite";

// NOTE: nothing is put into the page itself, for its content security policy lets neither scripts nor styles stand in it.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/auricle/dashboard",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 700,
  },
});
