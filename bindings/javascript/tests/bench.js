// SPDX-License-Identifier: MIT
// What one small call costs: add of 8 floats in each mode, its result released by hand and by the
// collector. Prints "way/mode nanoseconds", the least of several rounds in processor time.
import tapegrad, { collect, inferenceMode, noGrad } from '../index.js';

const ways = {
  Node: (a, b, count) => { for (let n = 0; n < count; n++) a.add(b).release(); },
  'Node, by the collector': async (a, b, count) => {
    for (let n = 0; n < count; n++) a.add(b);
    await collect();
  },
};
async function measure(mode, requiresGrad) {
  const a = tapegrad.tensor([1, 2, 3, 4, 5, 6, 7, 8], { requiresGrad }), b = tapegrad.ones([8]);
  for (const [way, body] of Object.entries(ways)) {
    let best = Infinity;
    const count = 20000;
    for (let round = 0; round < 10; round++) {
      await collect();
      const start = process.cpuUsage();
      await body(a, b, count);
      const { user, system } = process.cpuUsage(start);
      best = Math.min(best, (user + system) * 1000 / count);
    }
    console.log(`${way}/${mode} ${best.toFixed(1)}`);
  }
}
await inferenceMode(measure, 'inference', false);
await noGrad(measure, 'no_grad', true);
await measure('grad', true);
