// SPDX-License-Identifier: MIT
// kit.js KIT FOLDER: replays the conformance kit through `raw`, the table of functions that the
// whole binding stands on. Ends at the first step that gives something else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { raw } from '../index.js';
import { enums } from '../generated.js';

const arrays = { float32: Float32Array, float64: Float64Array, int8: Int8Array, int16: Int16Array,
  int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, bool: Uint8Array, text: Uint8Array,
  handle: BigUint64Array };
const [, , kitPath, folder] = process.argv;
const live = new Map(), gone = new Map();
const start = raw.live_handles()[0];

const odd = { inf: Infinity, '-inf': -Infinity, nan: NaN };
const number = (given) => (typeof given === 'string' ? odd[given] ?? BigInt(given) : given);

function arrayOf(dtype, values) {
  const whole = dtype === 'int64' || dtype === 'handle';
  return arrays[dtype].from(values, (one) => (whole ? BigInt(one) : number(one)));
}

function handle(name) {
  if (name === null) return 0;
  if (!live.has(name)) throw new Error(`no handle ${name}`);
  return live.get(name);
}

function argument(given) {
  const [[kind, value]] = Object.entries(given);
  switch (kind) {
    case 'none': return null;
    case 'handle': return handle(value);
    case 'stale': return gone.get(value);
    case 'path': return join(folder, value);
    case 'handle_array': return value.map(handle);
    case 'bytes': return arrayOf(value.dtype, value.values);
    case 'buffer': return new arrays[given.of](value);
    case 'int64': case 'double': return number(value);
    default: return value; // raw_handle, text, int64_array, double_array
  }
}

function differ(what, got, wanted) {
  throw new Error(`${what} is ${got}, not ${wanted}`);
}

function same(what, got, given, tolerance) {
  const wanted = number(given);
  if (Object.is(got, wanted) || got == wanted) return;
  if (tolerance && Math.abs(got - wanted) <= tolerance * Math.max(1, Math.abs(wanted))) return;
  differ(what, got, wanted);
}

function sameText(what, got, wanted) {
  if (got !== wanted) differ(what, got, wanted);
}

function bind(what, name, got) {
  if ((name === null) !== (got === 0)) differ(what, got, name === null ? 0 : 'a handle');
  if (name !== null) live.set(name, got);
}

function result(what, got, wanted) {
  if (wanted.any) return;
  if ('handle' in wanted) bind(what, wanted.handle, got);
  else if ('text' in wanted) sameText(what, got, wanted.text);
  else same(what, got, wanted.int64 ?? wanted.double, wanted.tolerance);
}

function buffer(what, memory, wanted) {
  if (wanted.any) return;
  if ('text' in wanted) {
    const text = new TextDecoder().decode(memory.subarray(0, memory.indexOf(0)));
    sameText(what, text, wanted.text);
    return;
  }
  (wanted.int64_array ?? wanted.values ?? []).forEach((value, n) =>
    same(`${what}[${n}]`, Number(memory[n]), value));
  (wanted.handle_array ?? []).forEach((name, n) => bind(what, name, Number(memory[n])));
}

function call(step) {
  const given = step.arguments.map(argument);
  const got = raw[step.call.slice('tg_'.length)](...given);
  if ('status' in step) {
    const status = got.shift();
    if (status !== step.status) differ('the status', status, step.status);
    if (status !== 0) {
      const [message] = raw.last_error_message();
      if (!message.includes(step.message)) differ('the message', message, step.message);
      return;
    }
  }
  for (const name of step.ends ?? []) {
    gone.set(name, live.get(name));
    live.delete(name);
  }
  step.results.forEach((wanted, n) => result(`result ${n}`, got[n], wanted));
  const buffers = given.filter((_, n) => 'buffer' in step.arguments[n]);
  (step.buffers ?? []).forEach((wanted, n) => buffer(`buffer ${n}`, buffers[n], wanted));
}

function look(step) {
  const x = handle(step.tensor);
  const ask = (name, ...more) => {
    const [status, got] = raw[`tensor_${name}`](x, ...more);
    if (status !== 0) differ(`the status of ${name}`, status, 0);
    return got;
  };
  same('dtype', ask('dtype'), enums.dtype[step.dtype]);
  const sizes = new BigInt64Array(16);
  same('rank', ask('shape', sizes), step.shape.length);
  step.shape.forEach((size, n) => same(`size ${n}`, Number(sizes[n]), size));
  const memory = new arrays[step.dtype](step.values.length);
  ask('copy_out', memory);
  step.values.forEach((value, n) =>
    same(`element ${n}`, Number(memory[n]), value, step.tolerance));
  for (const flag of ['requires_grad', 'is_leaf', 'is_inference']) {
    same(flag, ask(flag), step[flag]);
  }
}

const { steps } = JSON.parse(readFileSync(kitPath, 'utf8'));
steps.forEach((step, n) => {
  try {
    if ('call' in step) call(step);
    else if ('tensor' in step) look(step);
    else same('live handles', raw.live_handles()[0] - start, step.live_handles);
  } catch (error) {
    const name = step.call ?? step.tensor ?? 'live_handles';
    console.error(`step ${n + 1} (${name}): ${error.message}`);
    process.exit(1);
  }
});
console.log(`${steps.length} steps of the kit, no difference`);
