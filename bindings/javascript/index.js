// SPDX-License-Identifier: MIT
// tapegrad for JavaScript: tensors, automatic differentiation by a tape, and inference mode.
//   import tapegrad from 'tapegrad';            all of it, PyTorch's names in camel case
//   import { Tensor, noGrad } from 'tapegrad';  what the language has constructs for
import * as core from './core.js';
import { setLog, setMemoryPressure } from './callbacks.js';
import { fromTypedArray, lentArrays, tensor } from './memory.js';

export { Dict, Generator, Handle, Module, Optimizer, TapegradError, Tensor, collect, constants,
  decorate, enableGrad, inferenceMode, isGradEnabled, isInferenceModeEnabled, liveHandles,
  modeNesting, nn, noGrad, optim, pressure, raw, scope, setGradEnabled, version } from './core.js';
export { fromTypedArray, lentArrays, setLog, setMemoryPressure, tensor };

const { functions, constants, ...rest } = core;
export default { ...functions, ...constants, ...rest, tensor, fromTypedArray, lentArrays, setLog,
  setMemoryPressure };
