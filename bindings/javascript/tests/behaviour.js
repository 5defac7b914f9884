// SPDX-License-Identifier: MIT
// What the binding itself promises, beyond the functions: errors, modes of async contexts, scopes,
// memory that is shared.
import assert from 'node:assert/strict';
import koffi from 'koffi';
import { setTimeout as wait } from 'node:timers/promises';
import tapegrad, { TapegradError, collect, noGrad, inferenceMode, raw } from '../index.js';

const tests = [];
const test = (name, body) => tests.push([name, body]);
function fault(body) {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof TapegradError, String(error));
    return error;
  }
  assert.fail('nothing was thrown');
}

test('an error has code, status and message', () => {
  const error = fault(() => tapegrad.ones([2, 3]).add(tapegrad.ones([4])));
  assert.equal(error.code, tapegrad.ERROR_SHAPE);
  assert.equal(error.status, 'TG_ERROR_SHAPE');
  assert.equal(error.name, 'TapegradError');
  assert.match(error.message, /^tg_add: shapes \[2, 3\] and \[4\] do not broadcast/);
});

test('what C cannot see is refused', () => {
  const x = tapegrad.ones([2]);
  const invalid = (body) => assert.equal(fault(body).code, tapegrad.ERROR_INVALID_ARGUMENT);
  invalid(() => tapegrad.ones([2], { dtype: 'float31' }));
  invalid(() => tapegrad.safetensorsLoad('a\0b'));
  invalid(() => x.mm(3));
  invalid(() => x.mm(null));
  invalid(() => x.softmax(0.5));
  invalid(() => tapegrad.numThreadsSet(2 ** 32 + 1));
  invalid(() => tapegrad.manualSeed(-1));
  invalid(() => tapegrad.ones([2.5]));
  invalid(() => tapegrad.ones('2'));
  invalid(() => tapegrad.full('x', [2]));
  invalid(() => tapegrad.tensor([1, 'a']));
  invalid(() => tapegrad.tensor([1, null]));
  assert.equal(fault(() => x.add('q')).message, 'add: b is q, and an object of tapegrad is needed');
  assert.deepEqual(tapegrad.ones(2).toArray(), [1, 1]);
  assert.equal(fault(() => tapegrad.tensor([[1, 2], [3]])).code, tapegrad.ERROR_SHAPE);
  x.release();
  assert.equal(fault(() => x.sum()).code, tapegrad.ERROR_INVALID_HANDLE);
});

test('tensors are made of arrays and become arrays', () => {
  const x = tapegrad.tensor([[1, 2, 3], [4, 5, 6]], { dtype: 'float64', requiresGrad: true });
  assert.deepEqual(x.shape, [2, 3]);
  assert.equal(x.dtype, 'float64');
  assert.equal(x.requiresGrad, true);
  assert.deepEqual(x.mul(2).toArray(), [[2, 4, 6], [8, 10, 12]]);
  assert.deepEqual(x.sum(0).toArray(), [5, 7, 9]);
  assert.deepEqual(x.sum([1], { keepdim: true }).shape, [2, 1]);
  assert.equal(x.mean().item(), 3.5);
  const [values, indices] = x.max(1);
  assert.deepEqual([values.toArray(), indices.toArray()], [[3, 6], [2, 2]]);
  assert.deepEqual(tapegrad.tensor([1, 0], { dtype: 'bool' }).toArray(), [true, false]);
  assert.deepEqual(tapegrad.tensor([0.5], { dtype: 'bfloat16' }).toArray(), [0.5]);
  assert.deepEqual(tapegrad.tensor(new Int16Array([1, 2])).dtype, 'int16');
  assert.equal(tapegrad.tensor(7).toArray(), 7);
  assert.equal(String(tapegrad.tensor([1, 2])), 'tensor([1., 2.])');
  assert.deepEqual(tapegrad.zeros([2, 0]).toArray(), [[], []]);
  assert.equal(x.split(2, 1).length, 2);
});

test('gradients', () => {
  const x = tapegrad.tensor([1, 2, 3], { requiresGrad: true });
  assert.equal(x.grad, null);
  const y = x.pow(2).sum();
  assert.equal(y.gradFn.name, 'SumBackward');
  assert.deepEqual(tapegrad.grad(y, x, { flags: tapegrad.RETAIN_GRAPH })[0].toArray(), [2, 4, 6]);
  y.backward();
  assert.deepEqual(x.grad.toArray(), [2, 4, 6]);
  const weight = tapegrad.nn.linear(3, 1).parameters;
  assert.deepEqual(weight.map((w) => w.shape), [[1, 3], [1]]);
});

test('a mode gives what its function gives and is left when it throws', () => {
  const x = tapegrad.ones([2]).setRequiresGrad(true);
  assert.deepEqual(noGrad((n) => [n, x.mul(n).requiresGrad], 3), [3, false]);
  assert.throws(() => inferenceMode(() => { throw new RangeError('mine'); }), RangeError);
  assert.equal(tapegrad.isInferenceModeEnabled(), false);
  assert.equal(raw.is_inference_mode_enabled()[0], 0);
  assert.equal(inferenceMode(false, tapegrad.isInferenceModeEnabled), false);
  assert.equal(inferenceMode(() => tapegrad.zeros([1]).isInference), true);
  assert.equal(inferenceMode(() => tapegrad.tensor([1]).isInference), true);
  assert.equal(fault(() => inferenceMode(() => noGrad(() => 0))).code, tapegrad.ERROR_MODE);
  assert.equal(tapegrad.setGradEnabled(false, tapegrad.isGradEnabled), false);
  assert.equal(noGrad(() => tapegrad.enableGrad(tapegrad.isGradEnabled)), true);
  assert.equal(tapegrad.isGradEnabled(), true);
});

test('1,000 async contexts keep their own modes', async () => {
  const modes = [
    [(body) => body(), true, false], [noGrad, false, false], [inferenceMode, false, true],
    [(body) => noGrad(() => tapegrad.enableGrad(body)), true, false],
  ];
  const x = tapegrad.ones([2]).setRequiresGrad(true);
  const task = async (number) => {
    const [mode, grad, inference] = modes[number % modes.length];
    await mode(async () => {
      for (let turn = 0; turn < 5; turn++) {
        assert.equal(tapegrad.isGradEnabled(), grad);
        assert.equal(tapegrad.isInferenceModeEnabled(), inference);
        assert.equal(x.mul(2).requiresGrad, grad);
        const error = fault(() => x.add(tapegrad.ones([number + 3])));
        assert.ok(error.message.includes(`[${number + 3}]`));
        await (turn % 2 ? wait(number % 3) : null);
      }
      // A context begins in the modes of its maker and does not change them.
      await (async () => {
        assert.equal(tapegrad.isGradEnabled(), grad);
        await tapegrad.setGradEnabled(!grad, () => wait(1));
      })();
      assert.equal(tapegrad.isGradEnabled(), grad);
    });
    assert.equal(tapegrad.isGradEnabled(), true);
  };
  await Promise.all(Array.from({ length: 1000 }, (_, number) => task(number)));
  assert.equal(tapegrad.isGradEnabled(), true);
  assert.equal(tapegrad.isInferenceModeEnabled(), false);
});

test('a timer goes on in the mode that it was made in', async () => {
  const seen = await noGrad(() => new Promise((done) =>
    setTimeout(() => done(tapegrad.isGradEnabled()), 1)));
  assert.equal(seen, false);
});

test('a scope releases all but what it returns', () => {
  const before = tapegrad.liveHandles();
  const y = tapegrad.scope(() => {
    let x = tapegrad.ones([2]);
    for (let n = 0; n < 100; n++) x = x.add(1);
    return x;
  });
  assert.equal(tapegrad.liveHandles(), before + 1);
  assert.deepEqual(y.toArray(), [101, 101]);
  assert.equal(fault(() => tapegrad.scope(async () => 0)).code, tapegrad.ERROR_INVALID_ARGUMENT);
});

test('data shares the memory of the tensor and keeps it', async () => {
  let x = tapegrad.zeros([3]);
  const { data } = x;
  assert.ok(data instanceof Float32Array);
  data[1] = 5;
  assert.deepEqual(x.toArray(), [0, 5, 0]);
  x.fill_(7);
  assert.equal(data[2], 7);
  x = null;
  await collect();
  tapegrad.zeros([3]);
  assert.deepEqual([...data], [7, 7, 7]);
  assert.equal(fault(() => tapegrad.ones([2, 3]).t().data).code, tapegrad.ERROR_INVALID_ARGUMENT);
});

test('fromTypedArray shares an array and gives it back when nothing uses it', async () => {
  const array = new Float64Array([1, 2, 3, 4]);
  const x = tapegrad.fromTypedArray(array, { shape: [2, 2], strides: [1, 2] });
  assert.deepEqual(x.toArray(), [[1, 3], [2, 4]]);
  array[0] = 10;
  assert.equal(x.sum().item(), 19);
  x.mul_(2);
  assert.equal(array[0], 20);
  const view = x.select(0, 0);
  x.release();
  assert.equal(tapegrad.lentArrays(), 1); // the view still reads it
  await collect();
  assert.deepEqual(view.toArray(), [20, 6]);
  view.release();
  assert.equal(tapegrad.lentArrays(), 0);
  assert.equal(fault(() => tapegrad.fromTypedArray(array, { shape: [5] })).code,
    tapegrad.ERROR_INVALID_ARGUMENT);
  assert.equal(fault(() => tapegrad.fromTypedArray(array, { shape: [-1] })).code,
    tapegrad.ERROR_INVALID_ARGUMENT);
  assert.equal(tapegrad.lentArrays(), 0);
});

test('Symbol.dispose releases, once', () => {
  if (!Symbol.dispose) return;
  const x = tapegrad.ones([2]);
  const before = tapegrad.liveHandles();
  x[Symbol.dispose]();
  x[Symbol.dispose]();
  assert.equal(tapegrad.liveHandles(), before - 1);
});

test('`using` releases at the end of the block, where the language has it', () => {
  let body;
  try {
    body = new Function('make', '{ using x = make(); x.sum(); } return 1;');
  } catch {
    console.log(`(Node ${process.version} does not parse \`using\`)`);
    return;
  }
  const before = tapegrad.liveHandles();
  let made;
  body(() => (made = tapegrad.ones([2])));
  assert.equal(made.handle, 0);
  assert.equal(tapegrad.liveHandles(), before + 1); // the sum
});

test('a log gets the message of each call that fails', async () => {
  const lines = [];
  tapegrad.setLog((level, text) => {
    lines.push([level, text]);
    tapegrad.ones([2]).release(); // it may call the library
    if (lines.length === 2) throw new Error('of the log');
  });
  const warned = new Promise((done) => process.once('warning', done));
  const x = tapegrad.ones([2, 3]);
  for (let n = 4; n < 6; n++) fault(() => x.add(tapegrad.ones([n])));
  assert.equal((await warned).message, 'of the log');
  // So on a thread that is not of JavaScript: it waits for the event loop.
  const backward = koffi.load(process.env.TG_LIBRARY).func('int32_t tg_backward(uint64_t output)');
  await new Promise((done) => backward.async(5, done));
  assert.match(lines[2][1], /^tg_backward: /);
  tapegrad.setLog(null);
  fault(() => x.add(tapegrad.ones([6])));
  assert.equal(lines.length, 3);
  assert.equal(lines[0][0], tapegrad.LOG_ERROR);
  assert.match(lines[1][1], /^tg_add: shapes \[2, 3\] and \[5\] do not broadcast/);
});

test('where memory is scarce a function is asked, and the request tried again', () => {
  const kept = [];
  const asked = [];
  const inside = (body) => { try { body(); } catch (error) { return error.code; } };
  const before = tapegrad.memoryCurrent();
  for (let n = 0; n < 4; n++) kept.push(tapegrad.zeros([1 << 18])); // a MiB each
  tapegrad.memoryLimitSet(before + 4.5 * (1 << 20));
  try {
    tapegrad.setMemoryPressure((current, wanted) => {
      asked.push([current, wanted, inside(() => kept[0].sum())]);
      kept.pop()?.release();
      return asked.length < 3;
    });
    tapegrad.zeros([1 << 18]).release();
    assert.equal(kept.length, 3);
    assert.ok(asked[0][0] >= 4 << 20 && asked[0][1] >= 1 << 20, String(asked));
    assert.equal(asked[0][2], tapegrad.ERROR_MODE); // it is in the middle of a call
    assert.equal(fault(() => tapegrad.zeros([1 << 22])).code, tapegrad.ERROR_OUT_OF_MEMORY);
    assert.ok(asked.length >= 2, String(asked));
    const times = asked.length;
    tapegrad.setMemoryPressure(null);
    fault(() => tapegrad.zeros([1 << 22]));
    assert.equal(asked.length, times);
    tapegrad.memoryLimitSet(0);
    tapegrad.setMemoryPressure(() => { asked.push('soft'); return true; },
      { softLimit: tapegrad.memoryCurrent() + 1000 });
    tapegrad.zeros([1 << 18]).release();
    assert.equal(asked.pop(), 'soft');
  } finally {
    tapegrad.setMemoryPressure(null);
    tapegrad.memoryLimitSet(0);
  }
});

for (const [name, body] of tests) {
  try {
    await body();
  } catch (error) {
    console.error(`FAILED: ${name}\n`, error);
    process.exit(1);
  }
}
console.log(`${tests.length} tests of the binding`);
