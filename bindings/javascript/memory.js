// SPDX-License-Identifier: MIT
// Tensors and the memory of JavaScript: nested and typed arrays that are copied, typed arrays that
// are shared.
import koffi from 'koffi';
import { Tensor, TapegradError, bringModes, check, choice, constants, library, raw, refuse, wrap }
  from './core.js';

const arrays = { float32: Float32Array, float64: Float64Array, float16: Uint16Array,
  bfloat16: Uint16Array, int8: Int8Array, int16: Int16Array, int32: Int32Array,
  int64: BigInt64Array, uint8: Uint8Array, bool: Uint8Array };
const dtypeOf = (array) =>
  Object.keys(arrays).find((dtype) => array instanceof arrays[dtype] && dtype !== 'float16');

// Numbers and the sizes of nested arrays, row by row.
function flatten(value, flat, shape, depth) {
  if (!Array.isArray(value)) {
    if (!['number', 'bigint', 'boolean'].includes(typeof value)) {
      refuse(`tensor: an element is ${String(value)}, which is no number`);
    }
    flat.push(value);
    return;
  }
  shape[depth] ??= value.length;
  if (shape[depth] !== value.length) {
    throw new TapegradError(constants.ERROR_SHAPE, 'tensor: rows of one array have ' +
      `${shape[depth]} and ${value.length} elements; give all the same number`);
  }
  for (const one of value) flatten(one, flat, shape, depth + 1);
}

/** tensor([[1, 2], [3, 4]], { dtype: 'float64', requiresGrad: true }); copies. A typed array brings
    its own dtype. */
export function tensor(values, { dtype, requiresGrad = false, shape } = {}) {
  let data = values;
  if (!ArrayBuffer.isView(values)) {
    const flat = [];
    shape = [];
    flatten(values, flat, shape, 0);
    dtype ??= 'float32';
    if (dtype === 'float16' || dtype === 'bfloat16') {
      return tensor(values).toDtype(dtype).setRequiresGrad(requiresGrad);
    }
    const array = arrays[dtype] ?? refuse(`tensor: dtype ${dtype} is unknown`);
    data = array.from(flat, array === BigInt64Array ? BigInt : Number);
  } else {
    dtype ??= dtypeOf(values);
    shape ??= [values.length];
    const count = shape.reduce((a, b) => a * b, 1);
    if (!(values instanceof arrays[dtype]) || count !== values.length) {
      refuse(`tensor: ${values.length} elements of ${values.constructor.name} are no ` +
        `${dtype}[${shape}]`);
    }
  }
  bringModes();
  return wrap.tensor(check(raw.tensor_create(data, choice('dtype', dtype), shape,
    Number(requiresGrad))));
}

// Elements in the order of rows, in a typed array of their own.
Tensor.prototype.toTypedArray = function () {
  const array = new arrays[this.dtype](this.numel);
  check(raw.tensor_copy_out(this.handle, array));
  return array;
};
/** Nested arrays of numbers and booleans; a number alone for rank 0. */
Tensor.prototype.toArray = function () {
  const { dtype, shape } = this;
  if (dtype === 'float16' || dtype === 'bfloat16') return this.toDtype('float32').toArray();
  const change = dtype === 'bool' ? Boolean : Number;
  const list = Array.from(this.toTypedArray(), change);
  let next = 0;
  const rows = (depth) => (depth === shape.length ? list[next++]
    : Array.from({ length: shape[depth] }, () => rows(depth + 1)));
  return rows(0);
};

// What is written through data is seen in the tensor, and the other way round. As long as the typed
// array, or another one over its buffer, is in use, so is the tensor.
const holders = new WeakMap();
Object.defineProperty(Tensor.prototype, 'data', { get() {
  if (!this.isContiguous) refuse('data: elements are not in the order of rows; use contiguous()');
  const address = check(raw.tensor_data(this.handle));
  const array = arrays[this.dtype];
  if (this.numel === 0) return new array(0);
  const buffer = koffi.view(address, this.nbytes);
  holders.set(buffer, this);
  return new array(buffer);
} });

// A deleter must not enter JavaScript (it may run on any thread), so it is tg_release on an object
// of our own: as long as that object is alive, so is the typed array.
const lent = new Map();
const release = library.symbol('tg_release');
function dropWhatCameBack() {
  for (const token of lent.keys()) if (!raw.is_valid(token)[0]) lent.delete(token);
}
/** A tensor over the memory of a typed array, kept as long as a tensor, view or graph reads it. */
export function fromTypedArray(array, { shape = [array.length], strides = null, flags = 0,
  dtype = dtypeOf(array) } = {}) {
  dropWhatCameBack();
  const needed = strides ? 0 : shape.reduce((a, b) => a * b, 1);
  if (needed > array.length) refuse(`fromTypedArray: ${array.length} elements are no [${shape}]`);
  bringModes();
  const { buffer } = array; // V8 moves a small array as long as nobody has asked for its buffer
  const token = check(raw.object_create('lent memory of JavaScript', null, null));
  const [status, handle] = raw.tensor_from_memory(array, choice('dtype', dtype), shape, strides,
    flags, release, BigInt(token));
  if (status !== 0) {
    const error = new TapegradError(status);
    raw.release(token);
    throw error;
  }
  lent.set(token, buffer);
  return wrap.tensor(handle);
}
/** How many typed arrays are lent now. */
export const lentArrays = () => (dropWhatCameBack(), lent.size);
