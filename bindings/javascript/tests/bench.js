// SPDX-License-Identifier: MIT
// What one small call costs: the sum of two tensors of 8 floats, made and released.
import tapegrad, { collect, noGrad, scope } from '../index.js';

const a = tapegrad.ones([8]), b = tapegrad.ones([8]);
const byHand = (count) => { for (let n = 0; n < count; n++) a.add(b).release(); };
const byScope = (count) => {
  for (let n = 0; n < count; n += 100) scope(() => { for (let m = 0; m < 100; m++) a.add(b); });
};
const byCollector = (count) => { for (let n = 0; n < count; n++) a.add(b); };
async function nanoseconds(body) {
  let best = Infinity;
  for (let n = 0; n < 7; n++) {
    const count = 20000;
    const start = process.cpuUsage();
    body(count);
    if (body === byCollector) await collect();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) * 1000 / count);
    await collect();
  }
  return `${best.toFixed(0)} ns`;
}
byHand(20000);
console.log('add of 8 floats, released: ', await nanoseconds(byHand));
console.log('add of 8 floats, in a scope:', await nanoseconds(byScope));
console.log('add of 8 floats, collected: ', await nanoseconds(byCollector));
console.log('after a mode was used:      ', await noGrad(() => nanoseconds(byHand)));
