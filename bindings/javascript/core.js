// SPDX-License-Identifier: MIT
// The constructs of the language around the functions that generated.js has: classes whose objects
// the collector ends, errors, modes of async contexts.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import koffi from 'koffi';
import { constants, enums, kinds, makePeople, makeRaw } from './generated.js';

const file = process.env.TG_LIBRARY ?? 'libtapegrad.so.0';
let library;
try {
  library = koffi.load(file);
} catch (error) {
  throw new Error(`tapegrad: ${file} cannot be loaded; install it, or set TG_LIBRARY to the path of ` +
    'libtapegrad.so.0', { cause: error });
}

// ---- values between the two languages ----

// Places for results, two of a kind, made once: they are read as soon as the call is over.
const box = {};
const arrays = { int32_t: Int32Array, uint32_t: Uint32Array, int64_t: BigInt64Array,
  uint64_t: BigUint64Array, size_t: BigUint64Array, double: Float64Array,
  pointer: BigUint64Array, handle: BigUint64Array };
const halves = new Map();
for (const [kind, array] of Object.entries(arrays)) {
  for (const n of [1, 2, 3]) {
    const one = new array(1);
    box[kind + n] = one;
    if (kind === 'handle') halves.set(one, new Uint32Array(one.buffer));
  }
}
const exact = (value) => { // a number where it is exact, else a BigInt
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};
const first = (place) => place[0];
const read = { int32_t: first, uint32_t: first, double: first, pointer: first,
  int64_t: (place) => exact(place[0]), uint64_t: (place) => exact(place[0]),
  size_t: (place) => exact(place[0]),
  handle: (place) => { // below 2^53
    const half = halves.get(place);
    return half[1] * 4294967296 + half[0];
  } };

const toIntegers = (list) =>
  list instanceof BigInt64Array ? list : BigInt64Array.from(list, BigInt);
const toHandles = (list) =>
  BigUint64Array.from(list, (one) => BigInt(one instanceof Handle ? one.handle : one ?? 0));

/** Every function of the C interface, with numbers for handles: gives [status, ...results]. */
export const raw = makeRaw(library, { box, read, toIntegers, toHandles });

// ---- errors ----

/** What a call that failed throws: code is the number, status its name. */
export class TapegradError extends Error {
  constructor(code, message) {
    // Read first: what is done below could call the library.
    const text = message ?? raw.last_error_message()[0];
    super(text);
    this.name = 'TapegradError';
    this.code = code;
    this.status = raw.status_name(code)[0];
  }
}
const fail = (code, message) => { throw new TapegradError(code, message); };
const refuse = (message) => fail(constants.ERROR_INVALID_ARGUMENT, message);
/** The only or all results of a raw call; throws where its status is not 0. */
export function check([status, ...results]) {
  if (status !== 0) fail(status);
  return results.length > 1 ? results : results[0];
}

// ---- modes: they belong to an async context, which each call brings to the thread ----

const storage = new AsyncLocalStorage();
const root = { state: 0 };
let active = root, used = false;

function switchTo(task) {
  active.state = check(raw.state_set(task.state));
  active = task;
}
// What every call begins with. A promise, timer or stream that was made in a mode goes on in it.
function bringModes() {
  if (!used) return;
  const task = storage.getStore() ?? root;
  if (task !== active) switchTo(task);
}
function mode(enter, exit) {
  return (value, body, ...rest) => {
    bringModes();
    check(value === undefined ? raw[enter]() : raw[enter](value));
    let state;
    try {
      state = check(raw.state_get());
    } finally {
      check(raw[exit]());
    }
    used = true;
    try {
      return storage.run({ state }, body, ...rest);
    } finally {
      bringModes();
    }
  };
}
const inMode = {
  noGrad: mode('no_grad_enter', 'no_grad_exit'),
  enableGrad: mode('enable_grad_enter', 'enable_grad_exit'),
  setGradEnabled: mode('set_grad_enabled_enter', 'set_grad_enabled_exit'),
  inferenceMode: mode('inference_mode_enter', 'inference_mode_exit'),
};
/** Calls body in the mode and gives what it gives; where that is a promise, the mode holds in all
    that follows inside it, and nowhere else. */
export const noGrad = (body, ...rest) => inMode.noGrad(undefined, body, ...rest);
export const enableGrad = (body, ...rest) => inMode.enableGrad(undefined, body, ...rest);
export const setGradEnabled = (on, body, ...rest) => inMode.setGradEnabled(bit(on), body, ...rest);
/** inferenceMode(body, ...) or inferenceMode(false, body, ...) */
export const inferenceMode = (on, body, ...rest) => typeof on === 'function'
  ? inMode.inferenceMode(1, on, ...(body === undefined ? [] : [body, ...rest]))
  : inMode.inferenceMode(bit(on), body, ...rest);
/** A function that runs in a mode whenever it is called: decorate(noGrad, predict) */
export const decorate = (which, body) =>
  function (...given) { return which(() => body.apply(this, given)); };
export const isGradEnabled = () => (bringModes(), raw.is_grad_enabled()[0] !== 0);
export const isInferenceModeEnabled = () =>
  (bringModes(), raw.is_inference_mode_enabled()[0] !== 0);
export const modeNesting = (word) => {
  bringModes();
  check(raw.mode_nesting_set(choice('nesting', word)));
};

// ---- objects: a box of one field, ended by the collector ----

// A cell is what the object and its finalizer share: release() empties it, which costs a third of
// taking the object out of the registry.
const finalizers = new FinalizationRegistry((cell) => {
  const { handle } = cell;
  if (handle === 0) return;
  alive?.delete(cell);
  // What a scope has released already is passed over: a failed release would be the last error.
  if (!scopes || raw.is_valid(handle)[0]) raw.release(handle);
});
let scopes = false; // has there been one?
// A worker that ends runs no finalizers, and the library outlives it; so it knows what it has.
const alive = isMainThread ? null : new Set();
if (alive) {
  process.on('exit', () => {
    for (const { handle } of alive) if (raw.is_valid(handle)[0]) raw.release(handle);
  });
}

/** What holds a handle. release(), or `using` where the language has it, ends it at once. */
export class Handle {
  #cell;
  constructor(handle) {
    this.#cell = { handle };
    finalizers.register(this, this.#cell);
    alive?.add(this.#cell);
  }
  get handle() { return this.#cell.handle; }
  release() {
    const { handle } = this;
    this.#cell.handle = 0;
    alive?.delete(this.#cell);
    const [status] = raw.release(handle);
    if (status !== 0) fail(status);
  }
  isSame(other) { return check(raw.is_same(this.handle, other.handle)) !== 0; }
  /** A second handle of the object, as a number: to be sent to a worker and wrapped there. */
  share() { return check(raw.alias(this.handle)); }
  /** Takes over a handle that share() gave. */
  static from(handle) { return new this(handle); }
}
if (Symbol.dispose) {
  Handle.prototype[Symbol.dispose] = function () { if (this.handle !== 0) this.release(); };
}

// The collector sees an object of a few bytes and not the tensor behind it. So after every 64 new
// ones the library is asked what tensors hold, and where that has grown a lot since the last time,
// the collector runs. Its finalizers wait for the event loop, so once between two turns is enough.
export const pressure = { bytes: 64 * 1024 * 1024 };
setFlagsFromString('--expose-gc');
const gc = globalThis.gc ?? runInNewContext('gc');
let made = 0, held = 0, collected = false;
function look() {
  made = 0;
  const [now] = raw.memory_current();
  if (now < held) held = now;
  if (collected || now < held + pressure.bytes) return;
  collected = true;
  gc();
  setTimeout(() => {
    collected = false;
    [held] = raw.memory_current();
  }, 0).unref();
}
/** Runs the collector and the finalizers of what it found dead. */
export async function collect() {
  gc();
  for (let n = 0; n < 2; n++) await new Promise((done) => setTimeout(done, 0));
}

const classes = {}, wrap = {};
for (const kind of kinds) {
  const name = kind[0].toUpperCase() + kind.slice(1);
  classes[kind] = { [name]: class extends Handle {} }[name];
  wrap[kind] = (handle) => {
    if (++made >= 64) look();
    return new classes[kind](handle);
  };
}
export const { tensor: Tensor, module: Module, optimizer: Optimizer, dict: Dict,
  generator: Generator } = classes;

// ---- what the generated functions stand on ----

const bit = (value) => (typeof value === 'boolean' ? Number(value) : value);
// A word that is unknown stays an error of the library, which names the function.
const choice = (group, value) => (typeof value === 'string' ? enums[group][value] ?? -1 : value);
const words = Object.fromEntries(Object.entries(enums).map(([group, members]) =>
  [group, new Map(Object.entries(members).map(([word, value]) => [value, word]))]));
const wordOf = (group, value) => words[group].get(value) ?? value;
const ranges = { int32_t: [-(2 ** 31), 2 ** 31 - 1], uint32_t: [0, 2 ** 32 - 1],
  int64_t: [-(2n ** 63n), 2n ** 63n - 1n], uint64_t: [0, 2n ** 64n - 1n],
  size_t: [0, 2n ** 64n - 1n] };
function integer(value, c, what) {
  const whole = typeof value === 'bigint' || Number.isInteger(value);
  if (!whole || value < ranges[c][0] || value > ranges[c][1]) {
    refuse(`${what} is ${String(value)}, which is no integer that fits ${c}`);
  }
  return value;
}
/** A list of integers, or one alone. */
function integers(list, what) {
  if (list == null || list instanceof BigInt64Array) return list;
  if (typeof list === 'number') return [integer(list, 'int64_t', what)];
  if (typeof list === 'string' || !list[Symbol.iterator]) {
    refuse(`${what} is ${String(list)}; give an array of integers`);
  }
  return Array.from(list, (one) => integer(one, 'int64_t', what));
}
function number(value, what) {
  if (typeof value !== 'number') refuse(`${what} is ${String(value)}, which is no number`);
  return value;
}
function handleOf(object, what) {
  if (!(object instanceof Handle)) {
    refuse(`${what} is ${String(object)}, and an object of tapegrad is needed`);
  }
  return object.handle;
}
const listOf = (objects) => (objects instanceof Handle ? [objects] : [...objects]);
function checkedText(text) {
  if (text?.includes('\0')) refuse('a text has a NUL in it, where the library would end it');
  return text;
}
const decoder = new TextDecoder();
function textOut(call, given) {
  for (let size = 1024; ;) {
    const buffer = new Uint8Array(size);
    const length = check(call(...given, buffer));
    if (length < size) return decoder.decode(buffer.subarray(0, length));
    size = length + 1;
  }
}
function arrayOut(call, wrapOne, count, given) {
  const length = count < 0 ? check(call(...given, null)) : count;
  const buffer = new BigUint64Array(length);
  check(call(...given, buffer));
  const list = Array.from(wrapOne ? buffer : new BigInt64Array(buffer.buffer), Number);
  return wrapOne ? list.map((handle) => (handle ? wrapOne(handle) : null)) : list;
}
const property = (target, name, get) =>
  Object.defineProperty(target, name, { get, configurable: true });

const people = makePeople(raw, classes, { bringModes, fail, wrap, bit, choice, integer, integers,
  number, wordOf, handleOf, listOf, checkedText, textOut, arrayOut, property });

Object.assign(Tensor.prototype, {
  toString() { return this.format(); },
  setRequiresGrad(on) {
    bringModes();
    check(raw.tensor_set_requires_grad(this.handle, bit(on)));
    return this;
  },
});
Object.defineProperty(Module.prototype, 'parameters', { get() {
  return Array.from({ length: this.parameterCount() }, (_, n) => this.parameterAt(n));
} });

/** Handles made in body are released when it is over, but that of what it returns. */
export function scope(body, ...rest) {
  scopes = true;
  const own = check(raw.scope_enter());
  try {
    const given = body(...rest);
    for (const one of Array.isArray(given) ? given : [given]) {
      if (one instanceof Handle) check(raw.scope_keep(own, one.handle));
      if (one instanceof Promise) refuse('a scope belongs to the thread; its body cannot wait');
    }
    return given;
  } finally {
    check(raw.scope_exit(own));
  }
}

export const version = () => raw.version_string()[0];
export const liveHandles = () => raw.live_handles()[0];
export const { functions, nn, optim } = people;
export { bringModes, choice, constants, enums, library, refuse, wrap };
