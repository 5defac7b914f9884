// SPDX-License-Identifier: MIT
// Functions of JavaScript that the library calls: a log, and what is asked where memory is scarce.
// The library calls on the thread whose call fails or needs memory. A worker, or a thread of another
// language, waits until the event loop of the main thread has run the function.
import { isMainThread } from 'node:worker_threads';
import koffi from 'koffi';
import { check, raw, refuse } from './core.js';

// One function of C for each, made once, since the library may be inside it while another is set.
// What a function throws has no call to end; it becomes a warning of the process.
function door(declaration, set, wrongAnswer) {
  let current = null, address = null;
  const call = (...given) => {
    try {
      return current === null ? wrongAnswer : current(...given);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
      return wrongAnswer;
    }
  };
  return (body, ...rest) => {
    // The library outlives a worker, and would call what has ended with it.
    if (!isMainThread) refuse('a function that the library calls belongs to the main thread');
    if (body !== null && address === null) {
      address = koffi.register(call, koffi.pointer(koffi.proto(declaration)));
      process.on('exit', () => set(null, null, null, ...rest));
    }
    check(set(body === null ? null : address, null, null, ...rest));
    current = body;
  };
}

const lendLog = door(
  'void tapegrad_log(void *user_data, int32_t level, const char *text)', raw.log_set);
const lendPressure = door(
  'int32_t tapegrad_pressure(void *user_data, uint64_t current, uint64_t wanted)',
  raw.memory_pressure_set, 1);

/** log(level, text) gets the message of each call that fails, with LOG_ERROR, and what is to know of
    the BLAS; null takes it away. */
export function setLog(log) {
  lendLog(log && ((_, level, text) => { log(level, text); }));
}
/** relieve(current, wanted) is asked where a request would pass softLimit bytes (0: none) or was
    refused: true if it gave memory back and the request is worth another try. It runs in the middle
    of a call, so it may release and ask, no more. null takes it away. */
export function setMemoryPressure(relieve, { softLimit = 0 } = {}) {
  lendPressure(relieve && ((_, current, wanted) =>
    (relieve(Number(current), Number(wanted)) ? 0 : 1)), softLimit);
}
