/** Preloaded, with `--expose-gc`, where memory is watched: the message `heap` is answered by what the heap holds without garbage. */

process.on("message", (message: unknown) => {
  if (message !== "heap") return;
  globalThis.gc?.();
  process.send?.({ heapBytes: process.memoryUsage().heapUsed });
});
