// SPDX-License-Identifier: MIT
// 100,000 tensors of 40 KB (4 GB in all) are made and dropped; nothing is released by hand.
// Resident memory stays flat, and at the end no handle is left.
import assert from 'node:assert/strict';
import tapegrad, { collect } from '../index.js';

const resident = () => process.memoryUsage().rss / 2 ** 20;
const turn = () => new Promise((done) => setImmediate(done));

await collect();
const live = tapegrad.liveHandles();
let early = 0, most = 0;
for (let n = 1; n <= 100000; n++) {
  tapegrad.full(n, [10000]);
  if (n % 50 === 0) await turn(); // as a server does, between two requests
  if (n % 5000 === 0) {
    if (n <= 20000) early = Math.max(early, resident());
    most = Math.max(most, resident());
  }
}
await collect();
console.log(`resident after 20,000 tensors ${early.toFixed(0)} MB, at most ${most.toFixed(0)} MB`);
assert.ok(most < early * 1.2 + 30, 'resident memory grows');
assert.equal(tapegrad.liveHandles(), live, 'handles are left');
// In a loop that never waits, scopes release.
for (let n = 0; n < 1000; n++) {
  tapegrad.scope(() => {
    for (let m = 0; m < 100; m++) tapegrad.full(m, [10000]);
  });
}
assert.ok(resident() < early * 1.2 + 30, 'scopes leave something');
assert.equal(tapegrad.liveHandles(), live, 'handles are left');
console.log('collected');
