// SPDX-License-Identifier: MIT
// Finalizers on other threads under load: four workers compute with a tensor of the main thread, by
// handles of their own which their collectors release, and make and drop tensors, while the main
// thread computes with it too and drops handles. Values stay right, and no handle is left.
import assert from 'node:assert/strict';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import tapegrad, { Tensor, collect, noGrad } from '../index.js';

const turn = () => new Promise((done) => setImmediate(done));

async function work(shared, rounds, number) {
  const mode = number % 2 ? noGrad : (body) => body();
  for (let n = 0; n < rounds; n++) {
    mode(() => {
      const y = shared().mul(tapegrad.full(n, [1000])).sum();
      assert.equal(y.requiresGrad, number % 2 === 0);
      assert.equal(y.item(), 1000 * n);
      const error = (() => {
        try { return y.mm(y); } catch (thrown) { return thrown; }
      })();
      assert.match(error.message, /^tg_mm: /);
    });
    if (n % 20 === 0) await turn();
  }
}

if (isMainThread) {
  await collect();
  const live = tapegrad.liveHandles();
  let x = tapegrad.ones([1000]).setRequiresGrad(true);
  const workers = Array.from({ length: 4 }, (_, n) => {
    const handles = Array.from({ length: 500 }, () => x.share());
    return new Worker(new URL(import.meta.url), { workerData: { handles, number: n } });
  });
  const ended = workers.map((worker) => new Promise((done, failed) => {
    worker.on('error', failed);
    worker.on('exit', done);
  }));
  await work(() => x, 2000, 0);
  assert.deepEqual(await Promise.all(ended), [0, 0, 0, 0]);
  x.release();
  x = null;
  await collect();
  assert.equal(tapegrad.liveHandles(), live, 'handles are left');
  // A call that fails in a worker waits until the function of the main thread has its message.
  const lines = [];
  tapegrad.setLog((level, text) => lines.push(text));
  const worker = new Worker(new URL(import.meta.url), { workerData: { failures: 50 } });
  await new Promise((done, failed) => {
    worker.on('error', failed);
    worker.on('exit', done);
  });
  tapegrad.setLog(null);
  assert.equal(lines.length, 50);
  assert.ok(lines.every((text) => text.startsWith('tg_mm: ')), lines[0]);
  console.log('four workers and the main thread, no handle left');
} else if (workerData.failures) {
  const x = tapegrad.ones([2]);
  for (let n = 0; n < workerData.failures; n++) assert.throws(() => x.mm(x), /tg_mm: /);
  x.release();
  assert.throws(() => tapegrad.setLog(() => 0), { code: tapegrad.ERROR_INVALID_ARGUMENT });
  parentPort.close();
} else {
  const { handles, number } = workerData;
  // Each handle is used a few times, then its box is dropped and the collector releases it.
  let one = null, uses = 0;
  await work(() => {
    if (uses++ % 4 === 0) one = Tensor.from(handles.pop());
    return one;
  }, 2000, number);
  one = null;
  await collect();
  await collect();
  parentPort.close();
}
