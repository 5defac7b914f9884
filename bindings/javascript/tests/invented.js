// SPDX-License-Identifier: MIT
// With a library in which every status is 9999: each function shown to people throws an error with
// that number, and nothing else happens.
import assert from 'node:assert/strict';
import tapegrad, { Handle, TapegradError, Tensor, raw } from '../index.js';

let count = 0;
function tries(name, call) {
  const object = new Tensor(1);
  const objects = [object];
  for (const given of [[], [object, object, object], [1, 1, 1], [object, 1, 1], [objects, objects],
    [objects, 1, 1], [[1], [1]], [1, 1, [1]], [1, object], ['x', object], ['x', 'y'], ['x', 1]]) {
    try {
      call(...given);
    } catch (error) {
      if (error instanceof TapegradError && error.code === 9999) {
        assert.equal(error.message, 'invented');
        count++;
        return;
      }
      continue;
    }
    assert.fail(`${name} took 9999 for success`);
  }
  assert.fail(`${name} never came to the library`);
}
const answers = ['memoryCurrent', 'memoryPeak', 'memoryCached', 'memoryPeakReset', 'numThreads'];
const { nn, optim } = tapegrad;
for (const [name, f] of [...Object.entries(nn), ...Object.entries(optim)]) tries(name, f);
for (const name of ['zeros', 'randn', 'cat', 'grad', 'manualSeed', 'safetensorsLoad', 'blasInfo',
  'tensor', 'noGrad', 'inferenceMode', 'scope', 'dictCreate', 'clipGradNorm_']) {
  tries(name, tapegrad[name]);
}
for (const name of ['Tensor', 'Module', 'Optimizer', 'Dict']) {
  const { prototype } = tapegrad[name];
  for (const [key, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (['constructor', 'parameters'].includes(key) || answers.includes(key)) continue;
    tries(`${name}.${key}`, (...given) => (value ?? get).apply(new tapegrad[name](1), given));
  }
}
tries('release', () => new Handle(1).release());
assert.ok(count > 150, `only ${count} functions were tried`);
// Statuses reach people through every function of the lower layer, too.
assert.deepEqual([raw.nn_relu()[0], raw.drain()[0]], [9999, 9999]);
console.log(`${count} functions gave the error 9999`);
