/* SPDX-License-Identifier: MIT */
/* The C interface of tapegrad: tensors, automatic differentiation by a tape, and inference mode.
 * This page is the whole contract; it can be read from top to bottom. C++ has tapegrad.hpp.
 *
 * ---- A program ----
 *
 *     #include <stdio.h>
 *     #include <tapegrad/tapegrad.h>
 *
 *     int main(void) {
 *       const float values[3] = {1, 2, 3};
 *       const int64_t shape[1] = {3};
 *       tg_tensor x = 0, square = 0, loss = 0, grad = 0;
 *       char text[200];
 *       if (tg_tensor_create(values, TG_FLOAT32, shape, 1, 1, &x) || tg_mul(x, x, &square) ||
 *           tg_sum(square, &loss) || tg_backward(loss) || tg_tensor_grad(x, &grad) ||
 *           tg_tensor_format(grad, text, sizeof text, NULL)) {
 *         fprintf(stderr, "%s\n", tg_last_error_message());
 *         return 1;
 *       }
 *       puts(text);
 *       tg_release(grad), tg_release(loss), tg_release(square), tg_release(x);
 *       return 0;
 *     }
 *
 * prints `tensor([2., 4., 6.])`, the gradient 2x of the sum of squares. Build it by `cc program.c
 * $(pkg-config --cflags --libs tapegrad)`.
 *
 * ---- Handles ----
 *
 * A tensor, module, optimizer and so on is named by a handle: a number below 2^53, so that the
 * doubles of JavaScript, Lua and R hold it exactly; 0 is "none". A handle is checked at each use:
 * one that was released, made up, 0 where an object is needed, or of another kind gives
 * TG_ERROR_INVALID_HANDLE with a message that says which of the four. It is never a crash, and
 * never another object: a slot is reused 2^29 - 1 times before an old handle could be taken for a
 * new one. At most 2^24 - 1 handles are live at once; a call that would make more gives
 * TG_ERROR_LIMIT.
 *
 * ---- Ownership ----
 *
 * Three words say who owns what, at each parameter:
 *   borrowed   used during the call alone; the caller still owns it afterwards.
 *   new        made by the call; the caller owns it and ends it by tg_release.
 *   consumed   handed over; after success it is the library's, after a failure still the caller's.
 * A released handle is dead at once; its object lives as long as something else holds it: a graph,
 * a view, a module, a dictionary, another handle of it (tg_alias). Scopes release many handles at
 * once. A parameter without one of these words is a plain value. Memory behind a pointer that goes
 * in is read during the call and never kept, unless the parameter's text says so.
 *
 * ---- Errors ----
 *
 * A function that can fail returns a tg_status: TG_OK (0), or one of the numbers below. The error's
 * text, which names the function, the operand, what was expected, what came and what to do, stays
 * in tg_last_error_message() of this thread until its next failing call. Success does not clear it.
 * A failed call changes nothing: no tensor, gradient, graph, module, mode or file. Of its results
 * only handles are written, with 0. The few exceptions are told where they apply.
 *
 * What each function can give, without being repeated below:
 *   TG_ERROR_LIMIT           a handle was to be made and 2^24 - 1 are live
 *   TG_ERROR_OUT_OF_MEMORY   memory was needed and could not be had (tg_memory_limit_set counts)
 *   TG_ERROR_CALLBACK        a callback threw a C++ exception; of a deleter: the last error alone
 *   TG_ERROR_INTERNAL        a fault of the library: please report it with the message
 * Checks come in this order: NULL pointers, handles, other arguments, modes, autograd, dtypes,
 * shapes, indices, unsupported requests; the first that fails is reported. (Two checks come before
 * the mode: an _out form beside a tensor that requires grad, and requires_grad of an integer or
 * bool tensor.)
 *
 * ---- How parameters are written ----
 *
 * - Results go through pointers, which stand last. NULL where a pointer is needed is
 *   TG_ERROR_INVALID_ARGUMENT. Booleans are int32_t 0 or 1, nothing else. Bits of flags that no
 *   constant of that function names are TG_ERROR_INVALID_ARGUMENT.
 * - Shape in: `const int64_t *shape, int32_t rank`; rank 0 may come with NULL. A negative rank,
 *   size or capacity is TG_ERROR_INVALID_ARGUMENT, a rank above 16 TG_ERROR_LIMIT, a product of
 *   sizes or of bytes above 2^63 - 1 TG_ERROR_SHAPE. A size may be 0. Strides and offsets count
 *   elements.
 * - Array in: pointer, then count.
 * - Array out: items, capacity, count. items NULL with capacity 0 asks for the count. A capacity
 *   that is too small is TG_ERROR_LIMIT: *count is then the number needed, and nothing else is
 *   written (handles of the array: 0). On every failure the handles of an array out are 0.
 * - Text in: NUL-terminated UTF-8; other bytes are TG_ERROR_INVALID_ARGUMENT.
 * - Text out: buffer, capacity, length. *length is the full length without the NUL; what fits is
 *   written and always ended by a NUL if capacity is above 0. buffer NULL with capacity 0 asks for
 *   the length. length may be NULL. A text that is cut is no error.
 *
 * ---- Tensors ----
 *
 * A tensor has a dtype, a shape of rank 0 to 16, strides and a storage. Views share the storage of
 * their base. Names of operators, the order of their parameters, broadcasting and type promotion
 * are those of PyTorch: shapes are aligned at their last dimension, and a size of 1 stretches; of
 * two dtypes the higher category wins (bool, integers, floating point), within a category the wider
 * (int8 and uint8 give int16); a tensor of rank 0 beside one of higher rank, and a scalar (a
 * double), decide only where they bring a higher category; a scalar never changes the category of a
 * tensor at all: on an integer tensor its value must be integral and fit, on a bool tensor it must
 * be 0 or 1, else TG_ERROR_DTYPE. Dimensions count from 0, or backwards from -1; where nothing else
 * is said, a tensor of rank 0 takes 0 and -1.
 *
 * ---- Modes ----
 *
 * Each thread has a grad mode (1 at first) and an inference mode (0 at first), changed by enter and
 * exit in pairs. An operator records itself on the tape when grad mode is 1, inference mode is 0,
 * its result is floating point and differentiable, an operand is no inference tensor, and one
 * requires grad.
 *
 *   mode                 y = x * 2, x requires grad      new tensors         backward from y
 *   normal               requires grad, has a grad_fn    normal              yes
 *   no_grad              a plain leaf                    normal              no (a later use may)
 *   inference_mode(1)    an inference tensor, no leaf    inference tensors   never
 *   inference_mode(0)    as normal, inside any mode
 *   enable_grad          as normal; but inside inference_mode(1) as that one
 *
 * An inference tensor carries no version that anyone can ask and can never be saved for backward,
 * be a root, get a gradient or be changed in place outside inference mode; these are TG_ERROR_MODE.
 * Its clone, made outside, is a normal tensor. no_grad and inference_mode are not nested in each
 * other (TG_ERROR_MODE) unless tg_mode_nesting_set(TG_NESTING_ALLOW) allows it on this thread.
 *
 * ---- Threads ----
 *
 * - Any handle may be used on any thread, and tg_release may be called on any thread at any time,
 *   finalizers included, also while another thread uses the object. "@threads any thread" means
 *   this: different objects from different threads, and one object read by many, are free.
 * - Writes of elements (in place, _out, copy in, backward into one leaf) are serialized by the
 *   library for `.grad` alone; other writes race with reads of elements, but never harm the library
 *   itself.
 * - Modes, scopes and the last error belong to a thread: "@threads this thread".
 * - Callbacks run on the thread that called the library, never on the library's own threads.
 *
 * ---- Callbacks ----
 *
 * user_data comes first. Handles given to a callback are borrowed until it returns; handles that it
 * gives become the library's, also where it then fails. It may call the library, and no lock is
 * held while it runs. It returns 0, or another number: that number is the outer call's status if
 * the last error of this thread was raised during the callback with this very code (`return
 * tg_mul(...)`, `return tg_error_set(...)`), else the call gives TG_ERROR_CALLBACK with the number
 * in tg_last_error_detail. It should not throw or longjmp through the library; a C++ exception is
 * caught and becomes TG_ERROR_CALLBACK. Where a callback is kept, its destructor runs exactly once,
 * when it is no longer needed; a call that fails keeps nothing, so then the destructor does not
 * run.
 *
 * ---- Limits ----
 *
 *   rank 16; bytes of a tensor below 2^63; 2^24 - 1 live handles; 65,535 operands of a call
 *   1,000 modes inside each other at least, 16 to be carried by tg_state_get
 *   4 KiB of an error's text, 200 bytes of a name in it; safetensors: a header of 100,000,000 bytes
 *   npy: a header of 65,536 bytes; npz: a directory of 100,000,000 bytes
 *
 * ---- The environment ----
 *
 * Two variables are read, once, at first use, and not in a setuid program: TG_BLAS (the name or
 * path of a BLAS library, or `none`) and TG_NUM_THREADS. The library prints nothing, ends no
 * process, installs no signal handler, starts no thread before work needs one, and leaves errno,
 * locale, rounding and the host's OpenMP and BLAS settings as they were.
 *
 * ---- Versions ----
 *
 * Within 0.x no function is removed or changed without a new soname; enums grow at their end alone.
 * A caller must bear a number that it does not know. Symbols carry the version TAPEGRAD_0.
 *
 * ---- The comments below ----
 *
 * Each stands directly above its function: what it does, then fields in this order: @param (one for
 * each parameter, in order), @shape, @dtypes, @gradient, @saved (operators: the rule of shapes,
 * what it takes, the gradients with g for that of the result, and what recording it keeps alive),
 * @return (functions that return a value), @errors, @threads, @blocks, @since. @errors is `none` or
 * a list of `CODE: when; CODE: when`.
 *
 * @blocks is `no, calls back no`, `yes, calls back no` or `yes, calls back yes`. It blocks where
 * some legal input takes it more than 1 ms: its work grows with elements, bytes, an array, a graph,
 * a module, a dictionary or a file, or it waits for another thread. It calls back where it runs
 * functions of the caller: the fn that it is given, those inside a module or an operator, hooks,
 * and the deleters and destructors of what it lets go. Not counted is what is set for the whole
 * process, which any call may run, and what another thread let go while this call used it.
 *
 * @param is written in fixed words, which `scripts/api` turns into api.json for bindings:
 *   array of N things        N is the parameter that counts them; so do `memory of N bytes` and
 *                            `elements by D, S and R` (dtype, shape and rank)
 *   borrowed, new, consumed  as told above; `borrowed and held`: the object keeps it as well;
 *                            `kept`: a function or user_data until its destructor runs; `copied`
 *   written, moved on        the object behind a borrowed handle changes
 *   may be NULL, NULL: what  the pointer may be NULL, and what that means (`NULL with capacity 0`
 *                            asks); else NULL is an error. For handles `may be 0` and `0: what`;
 *                            `0 among them: what`: for the handles of an array
 *   0 where, 0 for, 0 with   a handle that comes out may be 0; for an address `NULL where`
 *   valid while, valid until how long an address that comes out may be used
 *   counts no array: what    a count that is a plain number
 *   1 or 0, 1: what          a boolean. Constants stand first: `TG_READ_ONLY or 0`, a whole group
 *                            as `TG_FLOAT32 ... TG_BOOL` or `TG_REDUCTION_*` */
#ifndef TAPEGRAD_TAPEGRAD_H
#define TAPEGRAD_TAPEGRAD_H

#include <stddef.h>
#include <stdint.h>

/* Marks what the shared library exports. TG_NO_ATTRIBUTES leaves plain C for parsers that know no
 * attributes (LuaJIT's ffi.cdef, cffi, bindgen's kin), after `cc -E -P -DTG_NO_ATTRIBUTES`. */
#ifndef TG_API
#if defined(__GNUC__) && !defined(TG_NO_ATTRIBUTES)
#define TG_API __attribute__((visibility("default")))
#else
#define TG_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ==== Types and constants ==== */

typedef int32_t tg_status;  /* TG_OK or TG_ERROR_* */
typedef uint64_t tg_handle; /* below 2^53; 0: none */

/* The kinds of handles. The compiler does not tell them apart, each call does. */
typedef tg_handle tg_tensor;    /* elements, and perhaps a place on the tape */
typedef tg_handle tg_module;    /* a layer or a chain of them, with parameters */
typedef tg_handle tg_optimizer; /* changes parameters by their gradients */
typedef tg_handle tg_generator; /* random numbers; 0: the default one */
typedef tg_handle tg_operator;  /* an operator of a user */
typedef tg_handle tg_dict;      /* an ordered map from text to tensor */
typedef tg_handle tg_node;      /* a recorded call of the graph */
typedef tg_handle tg_hook;      /* a registered callback */
typedef tg_handle tg_scope;     /* collects handles and releases them together */
typedef tg_handle tg_token;     /* asks running calls to stop */
typedef tg_handle tg_context;   /* one run of a user's operator; lives during its callback */
typedef tg_handle tg_object;    /* an extension's own object */

/* tg_status: what a function that can fail returns */
enum {
  TG_OK = 0,                     /* done */
  TG_ERROR_INVALID_ARGUMENT = 1, /* NULL, bad number or text, a parameter out of its range */
  TG_ERROR_INVALID_HANDLE = 2,   /* stale, forged, 0 where one is needed, or of another kind */
  TG_ERROR_SHAPE = 3,            /* shapes do not fit, do not broadcast, or cannot be viewed so */
  TG_ERROR_DTYPE = 4,            /* not for this dtype, or the dtypes do not go together */
  TG_ERROR_INDEX = 5,            /* a dimension or an index out of range */
  TG_ERROR_MODE = 6,             /* nesting, unbalanced exit, misuse of an inference tensor */
  TG_ERROR_AUTOGRAD = 7,         /* nothing requires grad, graph freed, leaf in place */
  TG_ERROR_VERSION = 8,          /* a tensor saved for backward was changed in place */
  TG_ERROR_OUT_OF_MEMORY = 9,    /* the system or tg_memory_limit_set said no */
  TG_ERROR_LIMIT = 10,           /* a bound of this page or of the caller was reached */
  TG_ERROR_FORMAT = 11,          /* a file or text breaks its format; detail has the byte offset */
  TG_ERROR_IO = 12,              /* the system refused a file operation; detail has errno */
  TG_ERROR_NOT_FOUND = 13,       /* no such name, key, symbol or library */
  TG_ERROR_UNSUPPORTED = 14,     /* a sound request that this version does not do */
  TG_ERROR_CALLBACK = 15,        /* a callback failed on its own; detail has its number */
  TG_ERROR_CANCELLED = 16,       /* the token in use was cancelled */
  TG_ERROR_INTERNAL = 17,        /* a fault of the library */
  TG_ERROR_TIMEOUT = 18,         /* kept for extensions: a time limit of the caller's passed */
  TG_ERROR_PEER = 19             /* kept for extensions: another process failed */
};

/* dtype: only the floating ones (1 to 4) can require grad */
enum {
  TG_FLOAT32 = 1,  /* IEEE 754 binary32: C's float */
  TG_FLOAT64 = 2,  /* IEEE 754 binary64: C's double */
  TG_FLOAT16 = 3,  /* IEEE 754 binary16 */
  TG_BFLOAT16 = 4, /* the upper half of a float32 */
  TG_INT8 = 5,     /* int8_t */
  TG_INT16 = 6,    /* int16_t */
  TG_INT32 = 7,    /* int32_t */
  TG_INT64 = 8,    /* int64_t */
  TG_UINT8 = 9,    /* uint8_t */
  TG_BOOL = 10     /* one byte, 0 or 1 */
};

/* nesting: of tg_mode_nesting_set */
enum {
  TG_NESTING_REFUSE = 0, /* no_grad and inference mode are not nested in each other */
  TG_NESTING_ALLOW = 1   /* they are */
};
/* backward_flags: of tg_backward_from and tg_grad */
enum {
  TG_RETAIN_GRAPH = 1, /* saved tensors stay, for another pass over the graph */
  TG_CREATE_GRAPH = 2, /* the pass is recorded, for higher derivatives */
  TG_ALLOW_UNUSED = 4  /* an input that no output depends on gets 0, not an error */
};
/* reduction: of losses */
enum {
  TG_REDUCTION_NONE = 0, /* one loss for each element or row */
  TG_REDUCTION_MEAN = 1, /* their mean */
  TG_REDUCTION_SUM = 2   /* their sum */
};
/* memory_flags: of tg_tensor_from_memory */
enum { TG_READ_ONLY = 1 /* writing to the tensor is TG_ERROR_UNSUPPORTED */ };
/* file_flags: of tg_safetensors_load */
enum { TG_FILE_MAP = 1 /* map the file; the caller trusts it not to change */ };
/* dlpack_flags: exchange with other libraries by DLPack */
enum {
  TG_DLPACK_VERSIONED = 1, /* the struct of DLPack 1.x; without: that of 0.x */
  TG_DLPACK_COPY = 2       /* copy the elements instead of sharing them */
};
/* when: a hook on a node runs */
enum {
  TG_BEFORE = 0, /* before the node runs: it sees and replaces what comes in */
  TG_AFTER = 1   /* after it: it sees both and replaces what goes out */
};
/* operator_flags: of tg_operator_definition */
enum {
  TG_OPERATOR_THREAD_SAFE = 1,         /* several callers' threads may run it at once */
  TG_OPERATOR_ONCE_DIFFERENTIABLE = 2, /* its gradients cannot be differentiated */
  TG_OPERATOR_ORDERED = 4,             /* never dropped, reordered or run again by a checkpoint */
  TG_OPERATOR_ZERO_GRADS = 8           /* backward runs with zeros where no gradient came */
};
/* ffi_flags: of tg_ffi_definition */
enum {
  TG_FFI_THREAD_SAFE = 1,        /* several callers' threads may run it at once */
  TG_FFI_FORTRAN = 2,            /* arguments by address, arrays by columns */
  TG_FFI_FINITE_DIFFERENCES = 4, /* gradients by differences of values */
  TG_FFI_CHECK = 8               /* compare its gradient with differences */
};
/* log_level: of tg_log_fn */
enum {
  TG_LOG_ERROR = 1,   /* a call failed */
  TG_LOG_WARNING = 2, /* something that was there is not used, such as a BLAS */
  TG_LOG_INFO = 3     /* something was chosen or loaded */
};
/* value_type: of tg_value */
enum {
  TG_VALUE_NONE = 0,         /* NULL, or the handle 0 */
  TG_VALUE_HANDLE = 1,       /* as.handle */
  TG_VALUE_INT64 = 2,        /* as.integer */
  TG_VALUE_DOUBLE = 3,       /* as.number */
  TG_VALUE_TEXT = 4,         /* as.text, count bytes and a NUL */
  TG_VALUE_POINTER = 5,      /* as.pointer */
  TG_VALUE_INT64_ARRAY = 6,  /* as.array: count of int64_t */
  TG_VALUE_HANDLE_ARRAY = 7, /* as.array: count of tg_handle */
  TG_VALUE_DOUBLE_ARRAY = 8, /* as.array: count of double */
  TG_VALUE_BUFFER = 9,       /* as.pointer: count bytes, or elements of an array that comes out */
  TG_VALUE_RESULT = 10       /* kept for a later call of many: number of an earlier result */
};

/* Ends the life of user_data or of a payload. */
typedef void (*tg_destructor)(void *user_data);
/* Ends the life of borrowed memory; data is the pointer that tg_tensor_from_memory got. */
typedef void (*tg_deleter)(void *user_data, void *data);
/* Something to run, such as the body of tg_inference_mode_call. */
typedef int32_t (*tg_callback)(void *user_data);
/* A function of tensors: reads count inputs (borrowed), sets each of out_count outs (consumed). */
typedef int32_t (*tg_function)(void *user_data, const tg_tensor *inputs, size_t count,
                               tg_tensor *outs, size_t out_count);
/* A hook on a tensor (0 if it is gone); *out replaces the gradient, 0 keeps it. */
typedef int32_t (*tg_tensor_hook_fn)(void *user_data, tg_tensor tensor, tg_tensor grad,
                                     tg_tensor *out);
/* A hook on a node. TG_BEFORE: grad_inputs is NULL, replaced has output_count places; TG_AFTER: it
 * has input_count places. 0 keeps a gradient. */
typedef int32_t (*tg_node_hook_fn)(void *user_data, tg_node node, const tg_tensor *grad_inputs,
                                   size_t input_count, const tg_tensor *grad_outputs,
                                   size_t output_count, tg_tensor *replaced);
/* Saved-tensor hooks, at recording: puts something of its own in the place of a tensor. */
typedef int32_t (*tg_pack_fn)(void *user_data, tg_tensor x, void **packed);
/* When backward reads what was saved: makes the tensor again. */
typedef int32_t (*tg_unpack_fn)(void *user_data, void *packed, tg_tensor *out);
/* When the node goes: ends the life of what was packed. */
typedef void (*tg_packed_free_fn)(void *user_data, void *packed);
/* Takes a line of the log; level is TG_LOG_*. */
typedef void (*tg_log_fn)(void *user_data, int32_t level, const char *text);
/* Asked to free memory: 0 tries again, another number gives up. */
typedef int32_t (*tg_pressure_fn)(void *user_data, uint64_t current, uint64_t wanted);
/* One index of a parallel loop. */
typedef void (*tg_job_fn)(void *job, size_t index);
/* The host's pool: runs each index below count once. */
typedef int32_t (*tg_parallel_for_fn)(void *user_data, size_t count, tg_job_fn run, void *job);

/* One argument or result of a call by name, or of a user's operator. */
typedef struct tg_value {
  int32_t type;   /* TG_VALUE_* */
  uint32_t count; /* elements of an array, bytes of a text or of other buffers; else 0 */
  union {
    int64_t integer;   /* TG_VALUE_INT64; a uint64_t as two's complement */
    double number;     /* TG_VALUE_DOUBLE */
    uint64_t handle;   /* TG_VALUE_HANDLE */
    const char *text;  /* TG_VALUE_TEXT */
    const void *array; /* TG_VALUE_*_ARRAY */
    void *pointer;     /* TG_VALUE_POINTER, TG_VALUE_BUFFER */
  } as;                /* which member: type says it */
} tg_value;

/* What a task carries from call to call, whatever its thread. */
typedef struct tg_frame {
  size_t struct_size;    /* sizeof(tg_frame) */
  uint64_t state;        /* in and out: the word of tg_state_get */
  tg_scope scope;        /* in; 0: none */
  tg_token token;        /* in; 0: none */
  char *error;           /* out: text of this call's error; may be NULL */
  size_t error_capacity; /* bytes in error */
  size_t error_length;   /* out: the full length of the text without the NUL */
} tg_frame;

/* A user's operator, forward: sets each of outs (consumed). */
typedef int32_t (*tg_forward_fn)(void *user_data, tg_context context, const tg_tensor *inputs,
                                 size_t count, const tg_value *arguments, size_t argument_count,
                                 tg_tensor *outs, size_t out_count);
/* Its gradients, from those of its results; leaves 0 where none is asked for. */
typedef int32_t (*tg_backward_fn)(void *user_data, tg_context context,
                                  const tg_tensor *grad_outputs, size_t out_count,
                                  tg_tensor *grad_inputs, size_t count);
/* Its derivative along the tangents of its inputs, for forward mode. */
typedef int32_t (*tg_jvp_fn)(void *user_data, tg_context context, const tg_tensor *tangents,
                             size_t count, tg_tensor *out_tangents, size_t out_count);

/* What tg_operator_create makes an operator of. */
typedef struct tg_operator_definition {
  size_t struct_size;       /* sizeof(tg_operator_definition) */
  const char *name;         /* in messages; its node is the name and `Backward` */
  size_t out_count;         /* how many results it gives */
  uint32_t flags;           /* TG_OPERATOR_* */
  uint32_t reserved;        /* 0 */
  tg_forward_fn forward;    /* computes the results */
  tg_backward_fn backward;  /* NULL: not differentiable */
  tg_jvp_fn jvp;            /* NULL: by two backward products */
  void *user_data;          /* handed to each of them */
  tg_destructor destructor; /* ends the life of user_data; may be NULL */
} tg_operator_definition;

/* A routine of a foreign library, made an operator. */
typedef struct tg_ffi_definition {
  size_t struct_size;             /* sizeof(tg_ffi_definition) */
  const char *name;               /* in messages */
  const char *library;            /* path or soname; NULL: this process */
  const char *symbol;             /* name of the routine */
  const void *address;            /* instead of library and symbol; the caller keeps it mapped */
  const char *signature;          /* its arguments and result */
  const char *backward_library;   /* NULL: as library */
  const char *backward_symbol;    /* the routine of the gradient; NULL: none */
  const char *backward_signature; /* its arguments and result */
  const void *backward_address;   /* instead of backward_library and backward_symbol */
  uint32_t flags;                 /* TG_FFI_* */
  uint32_t reserved;              /* 0 */
} tg_ffi_definition;

/* ==== Library and errors ==== */

/** Version of the library that runs: major * 10000 + minor * 100 + patch; 100 is 0.1.0.
 *  @return the number
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API uint32_t tg_version(void);

/** The version as text, "0.1.0".
 *  @return static text
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API const char *tg_version_string(void);

/** The name of a status as the source code writes it, such as "TG_ERROR_SHAPE".
 *  @param status any number
 *  @return static text; "TG_ERROR_UNKNOWN" for a number that has no name
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API const char *tg_status_name(tg_status status);

/** What a status means and what usually helps, in a sentence or two.
 *  @param status any number
 *  @return static text, never NULL
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API const char *tg_status_explain(tg_status status);

/** The status of the last failing call on this thread.
 *  @return TG_OK before the first failure and after tg_last_error_clear
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_last_error(void);

/** The text of the last error on this thread, such as "tg_mm: ...": function, operand, expected,
 *  given, remedy. At most 4 KiB, UTF-8. It can be made even when memory has run out.
 *  @return text of the library, never NULL ("" where there was no error), valid until the next
 *      failing call, tg_last_error_clear or tg_error_set on this thread
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API const char *tg_last_error_message(void);

/** Copies the text of the last error, as much as fits, ended by a NUL if capacity is above 0.
 *  @param buffer memory of capacity bytes; may be NULL
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @return the full length without the NUL
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API size_t tg_last_error_copy(char *buffer, size_t capacity);

/** The numbers that go with the last error.
 *  @param number what the callback returned (TG_ERROR_CALLBACK), errno (TG_ERROR_IO), the byte
 *      offset (TG_ERROR_FORMAT), else 0; may be NULL
 *  @param operand position of the operand that is at fault, from 0; -1: none; may be NULL
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API void tg_last_error_detail(int64_t *number, int32_t *operand);

/** Forgets the last error of this thread: status TG_OK, text "".
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API void tg_last_error_clear(void);

/** Sets the last error of this thread; for callbacks and extensions, which say so what they are
 *  about to return: `return tg_error_set(TG_ERROR_IO, errno, "no such file");`.
 *  @param status the number to return; not 0. A number without a name stands as it is
 *  @param number goes to tg_last_error_detail
 *  @param message text, copied and cut at 4 KiB; NULL: that of tg_status_explain
 *  @return the status given
 *  @errors TG_ERROR_INVALID_ARGUMENT: status is 0, or message is not UTF-8
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_error_set(tg_status status, int64_t number, const char *message);

/** Frees caches and ends the threads of the library. The next call starts afresh. Modes, nesting
 *  rules and last errors of threads stay; a BLAS library that was used stays loaded. There is no
 *  need to call it before the process ends.
 *  @errors TG_ERROR_MODE: a handle is live, a tensor that tg_to_dlpack gave was not ended, another
 *      thread is inside a call, or a callback is running
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_shutdown(void);

/* ==== Handles ==== */

/** A second handle of the same object, with a life of its own. Handles are not counted: each owner
 *  holds and releases its own, so a double release is always found.
 *  @param handle any kind but scope, hook and context, borrowed
 *  @param out handle of the same kind, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: handle; TG_ERROR_MODE:
 *      handle is a scope; TG_ERROR_UNSUPPORTED: handle is a hook or a context, which have one owner
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_alias(tg_handle handle, tg_handle *out);

/** Ends a handle at once. The object goes when nothing else holds it; a call that uses it on
 *  another thread ends first. Takes no lock that a running call holds, so a finalizer may call it.
 *  0 is allowed and does nothing.
 *  @param handle any kind but scope, consumed; 0: none
 *  @errors TG_ERROR_INVALID_HANDLE: handle; TG_ERROR_MODE: handle is a scope, which tg_scope_exit
 *      ends
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_release(tg_handle handle);

/** Releases every handle of an array that is live, then reports the first that was not. 0 is
 *  allowed among them.
 *  @param handles array of count handles, consumed; 0 among them: passed over
 *  @param count how many
 *  @errors TG_ERROR_INVALID_ARGUMENT: handles is NULL; TG_ERROR_INVALID_HANDLE: one of handles;
 *      TG_ERROR_MODE: one is a scope; the others are released
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_release_many(const tg_handle *handles, size_t count);

/** Whether a handle is live, of whatever kind.
 *  @param handle any number, borrowed
 *  @return 1 or 0; on several threads the answer may be old when it arrives
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API int32_t tg_is_valid(tg_handle handle);

/** Whether two handles name one object, as a handle and its alias do. Two views of one storage are
 *  two objects (tg_tensor_storage_id compares storages).
 *  @param a any kind, borrowed
 *  @param b any kind, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_is_same(tg_handle a, tg_handle b, int32_t *out);

/** How many handles are live in this process, scopes included; a test holds it to its start value.
 *  Counts them now: some microseconds, and milliseconds where a million were live at one time.
 *  @return the number, exact while no other thread makes or releases handles
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API uint64_t tg_live_handles(void);

/** Makes a scope and makes it current on this thread. Tensor and node handles that calls of this
 *  thread give while it is current belong to it and are released at tg_scope_exit, so that a
 *  formula of many steps needs one release. Handles given to callbacks are not collected. Scopes
 *  nest. The time it costs grows with the live handles alone.
 *  @param out scope, new, by tg_scope_exit alone
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_scope_enter(tg_scope *out);

/** Takes a handle out of a scope: to the scope around it, or to the caller where there is none. A
 *  live handle that the scope does not hold stays as it is.
 *  @param scope one of this thread's chain of scopes, borrowed
 *  @param handle tensor or node, borrowed; afterwards owned as said above
 *  @errors TG_ERROR_INVALID_HANDLE: scope, handle; TG_ERROR_MODE: scope is not in this thread's
 *      chain
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_scope_keep(tg_scope scope, tg_handle handle);

/** Releases all handles of this thread's innermost scope, and the scope. A handle in it that was
 *  released already is passed over.
 *  @param scope this thread's innermost scope, consumed
 *  @errors TG_ERROR_INVALID_HANDLE: scope; TG_ERROR_MODE: scope is not the innermost one of this
 *      thread; nothing is released
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_scope_exit(tg_scope scope);

/** Puts a chain of scopes on this thread in place of the one it has, for runtimes that run several
 *  tasks on one thread: neither task then releases the other's handles. A thread that ends leaves
 *  its chain to this call.
 *  @param scope the innermost scope of the chain to use, borrowed; 0: none
 *  @param previous the scope that was in use, not a new handle; 0: none. May be NULL
 *  @errors TG_ERROR_INVALID_HANDLE: scope; TG_ERROR_MODE: scope is current on another thread
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_scope_use(tg_scope scope, tg_scope *previous);

/** Runs the deleters and destructors that wait, those that they add included, on this thread. Only
 *  needed after tg_drain_set.
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_drain(void);

/** Chooses where deleters and destructors of users run. With a wake function they wait for
 *  tg_drain: wake is called, on any thread that drops a last reference, and may only signal; what
 *  it returns is ignored. With NULL, as at the start, they run in the call that drops the last
 *  reference: a release, a backward, a set_grad. A former setting ends, and its destructor runs.
 *  @param wake a function that signals, kept; NULL: none
 *  @param user_data handed to wake and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_drain_set(tg_callback wake, void *user_data, tg_destructor destructor);

/* ==== Objects of extensions and bindings ==== */

/** A handle for a payload of an extension or a binding, checked, collected and counted like every
 *  other.
 *  @param type name of the payload's type, copied; types are compared by text
 *  @param payload any pointer, consumed; may be NULL
 *  @param destructor ends the life of payload when the object goes; may be NULL
 *  @param out object, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: type or out is NULL, or type is not UTF-8
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_object_create(const char *type, void *payload, tg_destructor destructor,
                                  tg_object *out);

/** The payload of an object, if it has the given type.
 *  @param object object, borrowed
 *  @param type the name given to tg_object_create
 *  @param out the payload, valid while the object lives
 *  @errors TG_ERROR_INVALID_ARGUMENT: type or out is NULL, or type is not UTF-8;
 *      TG_ERROR_INVALID_HANDLE: object, or the object has another type
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_object_payload(tg_object object, const char *type, void **out);

/* ==== Tensors: making ====
 * Tensors made while inference mode is 1 are inference tensors, whatever makes them. Sizes, ranks
 * and products of sizes are checked as told at the top: TG_ERROR_INVALID_ARGUMENT, TG_ERROR_LIMIT,
 * TG_ERROR_SHAPE, and TG_ERROR_OUT_OF_MEMORY where the bytes cannot be had. */

/** A tensor that holds a copy of row-major elements.
 *  @param data elements by dtype, shape and rank, aligned as their C type or not; NULL: zeros. A
 *      bool is one byte, each but 0 counts as 1
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param requires_grad 1: a leaf whose gradient backward collects; 0: not
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, requires_grad is neither 0 nor 1, or a size or rank is negative;
 *      TG_ERROR_SHAPE: the product of sizes or bytes is above 2^63 - 1; TG_ERROR_DTYPE:
 *      requires_grad is 1 and dtype is no floating one; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_create(const void *data, int32_t dtype, const int64_t *shape,
                                  int32_t rank, int32_t requires_grad, tg_tensor *out);

/** A tensor over memory of the caller, without a copy. Writing to the tensor writes there.
 *  @param data the first element, borrowed until deleter runs (without one: as long as a tensor,
 *      view or graph uses it); aligned to its dtype; may be NULL where the shape has no element
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param strides array of rank strides in elements, which may be 0 or negative; NULL: row-major.
 *      An element of stride 0 cannot be written (R6)
 *  @param rank 0 to 16
 *  @param flags TG_READ_ONLY or 0
 *  @param deleter called exactly once with (user_data, data) when nothing uses the memory any more;
 *      on failure never. May be NULL
 *  @param user_data handed to deleter, kept
 *  @param out tensor that requires no grad, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, data is NULL but the shape has elements, shape
 *      is NULL but rank is not 0, dtype is an unknown number, a size or rank is negative, or data
 *      is not aligned, or flags has an unknown bit; TG_ERROR_SHAPE: the strides reach further than
 *      2^63 - 1 bytes, or the product of sizes or bytes is above 2^63 - 1; TG_ERROR_LIMIT: rank is
 *      above 16
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_from_memory(void *data, int32_t dtype, const int64_t *shape,
                                       const int64_t *strides, int32_t rank, uint32_t flags,
                                       tg_deleter deleter, void *user_data, tg_tensor *out);

/** A tensor of rank 0 with one element.
 *  @param value the element; for an integer dtype integral and in range, for bool 0 or 1
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or dtype is an unknown number; TG_ERROR_DTYPE:
 *      dtype cannot hold value
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_scalar(double value, int32_t dtype, tg_tensor *out);

/** A tensor whose elements have no defined value yet.
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_SHAPE: the product of sizes or bytes
 *      is above 2^63 - 1; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_empty(int32_t dtype, const int64_t *shape, int32_t rank, tg_tensor *out);

/** A tensor of zeros.
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_SHAPE: the product of sizes or bytes
 *      is above 2^63 - 1; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_zeros(int32_t dtype, const int64_t *shape, int32_t rank, tg_tensor *out);

/** A tensor of ones.
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_SHAPE: the product of sizes or bytes
 *      is above 2^63 - 1; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ones(int32_t dtype, const int64_t *shape, int32_t rank, tg_tensor *out);

/** A tensor whose elements all have one value.
 *  @param value the element; for an integer dtype integral and in range, for bool 0 or 1
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_SHAPE: the product of sizes or bytes
 *      is above 2^63 - 1; TG_ERROR_DTYPE: dtype cannot hold value; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_full(double value, int32_t dtype, const int64_t *shape, int32_t rank,
                         tg_tensor *out);

/** As tg_full, for integers that a double cannot hold.
 *  @param value the element
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_SHAPE: the product of sizes or bytes
 *      is above 2^63 - 1; TG_ERROR_DTYPE: dtype is an integer one or bool and cannot hold value;
 *      TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_full_int64(int64_t value, int32_t dtype, const int64_t *shape, int32_t rank,
                               tg_tensor *out);

/** The identity matrix: ones where row and column are equal, else zeros.
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param rows 0 or more
 *  @param columns 0 or more
 *  @param out tensor of shape [rows, columns], new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, dtype is an unknown number, or a size is
 *      negative
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_eye(int32_t dtype, int64_t rows, int64_t columns, tg_tensor *out);

/** The numbers start, start + step, ... before end: ceil((end - start) / step) of them.
 *  @param start the first number
 *  @param end not reached
 *  @param step positive or negative, not 0
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param out tensor of rank 1, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, dtype is an unknown number, or step is 0 or
 *      leads away from end, or a number is not finite; TG_ERROR_SHAPE: there would be more than
 *      2^40 numbers; TG_ERROR_DTYPE: dtype is bool, or an integer one and start or step is not
 *      integral or not in range
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_arange(double start, double end, double step, int32_t dtype, tg_tensor *out);

/** Zeros of the shape and dtype of another tensor; requires no grad.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_zeros_like(tg_tensor x, tg_tensor *out);

/** Ones of the shape and dtype of another tensor; requires no grad.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ones_like(tg_tensor x, tg_tensor *out);

/** Sets the default generator to a seed and offset 0. It starts with seed 0.
 *  @param seed any number
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_manual_seed(uint64_t seed);

/** A generator of random numbers: Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random
 *  numbers, as easy as 1, 2, 3; 2011). The numbers depend on seed and offset alone and have the
 *  same bits on every machine. They are not PyTorch's.
 *  @param seed any number
 *  @param out generator at offset 0, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_generator_create(uint64_t seed, tg_generator *out);

/** Where a generator stands.
 *  @param generator generator, borrowed; 0: the default one
 *  @param seed its seed
 *  @param offset 128-bit blocks taken so far. A call of n elements takes its blocks at once, 4
 *      float32 or 2 float64 or int64 a block, rounded up
 *  @errors TG_ERROR_INVALID_ARGUMENT: seed or offset is NULL; TG_ERROR_INVALID_HANDLE: generator
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_generator_state_get(tg_generator generator, uint64_t *seed, uint64_t *offset);

/** Puts a generator where it stood, or anywhere else.
 *  @param generator generator, borrowed; 0: the default one
 *  @param seed its seed from now on
 *  @param offset the number of the next block
 *  @errors TG_ERROR_INVALID_HANDLE: generator
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_generator_state_set(tg_generator generator, uint64_t seed, uint64_t offset);

/** Uniform random numbers in [0, 1): 24 random bits / 2^24 for float32, 53 bits / 2^53 for float64.
 *  @param generator generator, borrowed, moved on; 0: the default one
 *  @param dtype TG_FLOAT32 or TG_FLOAT64
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_INVALID_HANDLE: generator;
 *      TG_ERROR_SHAPE: the product of sizes or bytes is above 2^63 - 1; TG_ERROR_DTYPE: dtype is
 *      not TG_FLOAT32 or TG_FLOAT64; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_rand(tg_generator generator, int32_t dtype, const int64_t *shape, int32_t rank,
                         tg_tensor *out);

/** Normal random numbers of mean 0 and deviation 1 (Box and Muller, 1958), with the library's own
 *  logarithm and sine so that bits are the same everywhere.
 *  @param generator generator, borrowed, moved on; 0: the default one
 *  @param dtype TG_FLOAT32 or TG_FLOAT64
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, or a size or rank is negative; TG_ERROR_INVALID_HANDLE: generator;
 *      TG_ERROR_SHAPE: the product of sizes or bytes is above 2^63 - 1; TG_ERROR_DTYPE: dtype is
 *      not TG_FLOAT32 or TG_FLOAT64; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_randn(tg_generator generator, int32_t dtype, const int64_t *shape, int32_t rank,
                          tg_tensor *out);

/** Uniform random integers in [low, high).
 *  @param generator generator, borrowed, moved on; 0: the default one
 *  @param low the least
 *  @param high one more than the greatest
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, dtype is an
 *      unknown number, a size or rank is negative, or low is not below high;
 *      TG_ERROR_INVALID_HANDLE: generator; TG_ERROR_SHAPE: the product of sizes or bytes is above
 *      2^63 - 1; TG_ERROR_DTYPE: dtype cannot hold low or high - 1; TG_ERROR_LIMIT: rank is above
 *      16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_randint(tg_generator generator, int64_t low, int64_t high, int32_t dtype,
                            const int64_t *shape, int32_t rank, tg_tensor *out);

/** The numbers 0 to n - 1 in random order (Fisher and Yates).
 *  @param generator generator, borrowed, moved on; 0: the default one
 *  @param n how many, 0 or more
 *  @param out tensor of shape [n], int64, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or n is negative; TG_ERROR_INVALID_HANDLE:
 *      generator
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_randperm(tg_generator generator, int64_t n, tg_tensor *out);

/* ==== Tensors: asking ====
 * These work in every mode, also on inference tensors, unless said. They record nothing. */

/** The dtype.
 *  @param x tensor, borrowed
 *  @param out TG_FLOAT32 ... TG_BOOL
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_dtype(tg_tensor x, int32_t *out);

/** The number of dimensions.
 *  @param x tensor, borrowed
 *  @param out 0 to 16
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_rank(tg_tensor x, int32_t *out);

/** The sizes of the dimensions.
 *  @param x tensor, borrowed
 *  @param shape array of capacity sizes; NULL with capacity 0 asks
 *  @param capacity places in shape
 *  @param rank the number of sizes
 *  @errors TG_ERROR_INVALID_ARGUMENT: rank is NULL, shape is NULL but rank is not 0, shape is NULL
 *      but capacity is not 0, or capacity is negative; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_LIMIT:
 *      capacity is smaller than the rank
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_shape(tg_tensor x, int64_t *shape, int32_t capacity, int32_t *rank);

/** The strides, in elements.
 *  @param x tensor, borrowed
 *  @param strides array of capacity strides; NULL with capacity 0 asks
 *  @param capacity places in strides
 *  @param rank the number of strides
 *  @errors TG_ERROR_INVALID_ARGUMENT: rank is NULL, strides is NULL but capacity is not 0, or
 *      capacity is negative; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_LIMIT: capacity is smaller than
 *      the rank
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_strides(tg_tensor x, int64_t *strides, int32_t capacity, int32_t *rank);

/** Where the first element stands in the storage, in elements.
 *  @param x tensor, borrowed
 *  @param out the offset
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_storage_offset(tg_tensor x, int64_t *out);

/** The size of one dimension.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param out the size
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: dim
 *      is out of range; rank 0 has none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_size(tg_tensor x, int64_t dim, int64_t *out);

/** The number of elements: the product of the sizes, 1 at rank 0.
 *  @param x tensor, borrowed
 *  @param out the number
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_numel(tg_tensor x, int64_t *out);

/** Bytes of its elements: their number times the size of one.
 *  @param x tensor, borrowed
 *  @param out the bytes
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_nbytes(tg_tensor x, uint64_t *out);

/** The address of the first element. Reading there is always allowed. Who writes there tells it by
 *  tg_tensor_mark_written, and knows that nobody reads meanwhile.
 *  @param x tensor, borrowed
 *  @param out the address, valid while any handle of this storage or a graph that saved it lives;
 *      NULL where there is no element
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_data(tg_tensor x, void **out);

/** Bytes that the tensor keeps alive. For a view they can be many more than tg_tensor_nbytes.
 *  @param x tensor, borrowed
 *  @param out the bytes of the whole storage
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_storage_nbytes(tg_tensor x, uint64_t *out);

/** A number that is equal exactly for tensors which share storage and live now.
 *  @param x tensor, borrowed
 *  @param out the number
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_storage_id(tg_tensor x, uint64_t *out);

/** Copies the elements, row-major, into a buffer. It also reads tensors that require grad.
 *  @param x tensor, borrowed
 *  @param buffer memory of bytes bytes, aligned or not; may be NULL where bytes is 0
 *  @param bytes exactly the bytes of the elements (tg_tensor_nbytes)
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but bytes is not 0, or bytes is another
 *      number; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_copy_out(tg_tensor x, void *buffer, size_t bytes);

/** The one element as a double.
 *  @param x tensor of one element, of any rank, borrowed
 *  @param out its value; bool gives 0 or 1
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: x
 *      has not exactly one element; TG_ERROR_DTYPE: an int64 that a double cannot hold
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_item(tg_tensor x, double *out);

/** The one element as an integer.
 *  @param x tensor of one element, integer or bool, borrowed
 *  @param out its value
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: x
 *      has not exactly one element; TG_ERROR_DTYPE: x is floating point
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_item_int64(tg_tensor x, int64_t *out);

/** The tensor as PyTorch prints it: `tensor([[1.0000, 2.5000]], requires_grad=True)`, 4 decimals,
 *  lines broken at 80 columns, more than 1,000 elements shortened; other dtypes than float32, int64
 *  and bool are named (`dtype=float64`).
 *  @param x tensor, borrowed
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_format(tg_tensor x, char *buffer, size_t capacity, size_t *length);

/** Whether the elements stand row-major without gaps.
 *  @param x tensor, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_is_contiguous(tg_tensor x, int32_t *out);

/** Whether it is a view of another tensor. Detached tensors and views of inference tensors are
 *  none.
 *  @param x tensor, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_is_view(tg_tensor x, int32_t *out);

/** Whether it is a leaf: a normal tensor that no recorded operator made. Inference tensors are
 *  never leaves.
 *  @param x tensor, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_is_leaf(tg_tensor x, int32_t *out);

/** Whether it was made in inference mode (or is a view of such a tensor). This never changes.
 *  @param x tensor, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_is_inference(tg_tensor x, int32_t *out);

/** Whether operators on it record. A view made in no_grad of a tensor that requires grad says 1
 *  too, but no gradient flows through it.
 *  @param x tensor, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_requires_grad(tg_tensor x, int32_t *out);

/** How often its storage was changed in place: each in-place operator, copy in, _out form and
 *  tg_tensor_mark_written adds 1, shared by all views and detached tensors.
 *  @param x tensor, borrowed
 *  @param out the number
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: x is
 *      an inference tensor, whose version nobody keeps
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_version(tg_tensor x, int64_t *out);

/** The gradient that backward collected or tg_tensor_set_grad stored.
 *  @param x tensor, borrowed
 *  @param out tensor that shares storage with it, new; 0 with TG_OK where there is none
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_grad(tg_tensor x, tg_tensor *out);

/** The node that made the tensor, where the graph can be entered.
 *  @param x tensor, borrowed
 *  @param out node, new; 0 with TG_OK for leaves and inference tensors
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: x is
 *      a stale view made in no_grad or inference mode (R4); TG_ERROR_AUTOGRAD: x is a stale output
 *      of tg_split (R4)
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_grad_fn(tg_tensor x, tg_node *out);

/** The name that tg_tensor_set_name gave, "" where there is none.
 *  @param x tensor, borrowed
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_name(tg_tensor x, char *buffer, size_t capacity, size_t *length);

/* ==== Tensors: changing ====
 * "In place" means here and below: x itself changes, its version rises by 1, and rules R1 to R6 of
 * the operators hold. */

/** Makes a tensor a leaf that collects a gradient, or no longer. On a tensor that has a grad_fn 1
 *  changes nothing.
 *  @param x tensor, borrowed
 *  @param requires_grad 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: requires_grad is neither 0 nor 1; TG_ERROR_INVALID_HANDLE: x;
 *      TG_ERROR_DTYPE: 1 for an integer or bool tensor; TG_ERROR_MODE: 1 for an inference tensor
 *      while inference mode is 0; TG_ERROR_AUTOGRAD: 0 for a tensor that has a grad_fn: use
 *      tg_detach
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_set_requires_grad(tg_tensor x, int32_t requires_grad);

/** Stores a gradient, detached; backward then adds to it in place, so it may be a view of the
 *  caller's own buffer. 0 takes the gradient away.
 *  @param x normal tensor, borrowed; an inference tensor where grad is 0
 *  @param grad normal tensor of the shape and dtype of x, borrowed, its storage shared; 0: none
 *  @errors TG_ERROR_INVALID_ARGUMENT: grad is x itself; TG_ERROR_INVALID_HANDLE: x, grad;
 *      TG_ERROR_SHAPE: grad has another shape than x; TG_ERROR_DTYPE: grad has another dtype than
 *      x; TG_ERROR_MODE: x or grad is an inference tensor
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_set_grad(tg_tensor x, tg_tensor grad);

/** Gives a tensor a name for messages and printed graphs.
 *  @param x tensor, borrowed
 *  @param name text, copied; "" takes the name away
 *  @errors TG_ERROR_INVALID_ARGUMENT: name is NULL, or name is not UTF-8; TG_ERROR_INVALID_HANDLE:
 *      x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_set_name(tg_tensor x, const char *name);

/** Lets backward store the gradient of a tensor that is no leaf, after all of its hooks. For a leaf
 *  that requires grad there is nothing to do.
 *  @param x normal tensor that requires grad, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: x is an inference tensor; TG_ERROR_AUTOGRAD:
 *      x does not require grad
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_retain_grad(tg_tensor x);

/** Copies row-major elements of a buffer into a tensor, in place.
 *  @param x tensor, borrowed, written
 *  @param buffer memory of bytes bytes, elements of the dtype of x, aligned or not; may be NULL
 *      where bytes is 0
 *  @param bytes exactly the bytes of the elements (tg_tensor_nbytes)
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but bytes is not 0, or bytes is another
 *      number; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_copy_in(tg_tensor x, const void *buffer, size_t bytes);

/** Says that the caller wrote elements through tg_tensor_data: the version rises by 1, so that
 *  backward finds a saved tensor that was changed.
 *  @param x tensor, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: x is an inference tensor and inference mode
 *      is 0; TG_ERROR_AUTOGRAD: x is a gradient that a hook or a backward was handed,
 *      and that runs
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_mark_written(tg_tensor x);

/** The same elements without history: shares storage and version with x, requires no grad, is no
 *  view.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_detach(tg_tensor x, tg_tensor *out);

/** Takes the history of a tensor away: it becomes a leaf that requires no grad. Views made before
 *  keep theirs.
 *  @param x tensor, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_AUTOGRAD: x is a view: use tg_detach
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_detach_(tg_tensor x);

/** A copy with its own storage, row-major; recorded. The clone of an inference tensor made outside
 *  inference mode is a normal tensor.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @gradient g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_clone(tg_tensor x, tg_tensor *out);

/** The tensor itself if its elements stand row-major, else its clone.
 *  @param x tensor, borrowed
 *  @param out tensor, or another handle of x, new
 *  @gradient g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_contiguous(tg_tensor x, tg_tensor *out);

/** Converts the elements; the tensor itself where it has the dtype. Floating point becomes integer
 *  by cutting towards 0, each number but 0 becomes true.
 *  @param x tensor, borrowed
 *  @param dtype TG_FLOAT32 ... TG_BOOL
 *  @param out tensor, or another handle of x, new
 *  @gradient g, converted back; integers have none
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or dtype is an unknown number;
 *      TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_to_dtype(tg_tensor x, int32_t dtype, tg_tensor *out);

/** Copies elements into a tensor, in place, broadcast and converted.
 *  @param x tensor, borrowed, written
 *  @param source tensor, borrowed
 *  @shape source broadcasts to x
 *  @dtypes any to any
 *  @gradient source: g, summed to its shape; the former value of x: 0
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x, source; TG_ERROR_SHAPE: source does not broadcast to x;
 *      TG_ERROR_MODE: R1, R2, R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_copy_(tg_tensor x, tg_tensor source);

/** Sets all elements to one value, in place.
 *  @param x tensor, borrowed, written
 *  @param value the element; for an integer tensor integral and in range, for bool 0 or 1
 *  @gradient the former value of x: 0
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: the dtype of x cannot hold value;
 *      TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_fill_(tg_tensor x, double value);

/** As tg_fill_, for integers that a double cannot hold.
 *  @param x tensor, borrowed, written
 *  @param value the element
 *  @gradient the former value of x: 0
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: the dtype of x is an integer one or bool and
 *      cannot hold value; TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED:
 *      R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_fill_int64_(tg_tensor x, int64_t value);

/** Sets all elements to 0, in place.
 *  @param x tensor, borrowed, written
 *  @gradient the former value of x: 0
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_zero_(tg_tensor x);

/* ==== Modes ====
 * Each enter pushes an entry on this thread's stack, its exit takes it off and restores what was
 * before. Only enter changes the modes. A _call form runs fn in the mode and leaves it on every
 * path. */

/** Enters inference mode (1), or leaves it for a while (0: grad mode 1, inference mode 0, also
 *  inside no_grad).
 *  @param mode 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: mode is neither 0 nor 1; TG_ERROR_MODE: mode is 1, the
 *      innermost entry is no_grad or set_grad_enabled(0), and nesting is refused; TG_ERROR_LIMIT:
 *      the stack is at its greatest depth
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_inference_mode_enter(int32_t mode);

/** Closes tg_inference_mode_enter, of either mode.
 *  @errors TG_ERROR_MODE: the innermost entry is of another kind, the stack is empty, or the entry
 *      belongs to a running _call
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_inference_mode_exit(void);

/** Turns recording off: results require no grad but are normal tensors.
 *  @errors TG_ERROR_MODE: inference mode is 1 and nesting is refused; TG_ERROR_LIMIT: the stack is
 *      at its greatest depth
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_no_grad_enter(void);

/** Closes tg_no_grad_enter.
 *  @errors TG_ERROR_MODE: the innermost entry is of another kind, the stack is empty, or the entry
 *      belongs to a running _call
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_no_grad_exit(void);

/** Turns grad mode on, inside no_grad for instance. In inference mode still nothing records. Never
 *  refused.
 *  @errors TG_ERROR_LIMIT: the stack is at its greatest depth
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_enable_grad_enter(void);

/** Closes tg_enable_grad_enter.
 *  @errors TG_ERROR_MODE: the innermost entry is of another kind, the stack is empty, or the entry
 *      belongs to a running _call
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_enable_grad_exit(void);

/** Sets grad mode, as tg_enable_grad_enter (1) or tg_no_grad_enter (0) does.
 *  @param enabled 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: enabled is neither 0 nor 1; TG_ERROR_MODE: enabled is 0,
 *      inference mode is 1 and nesting is refused; TG_ERROR_LIMIT: the stack is at its greatest
 *      depth
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_set_grad_enabled_enter(int32_t enabled);

/** Closes tg_set_grad_enabled_enter, and nothing else.
 *  @errors TG_ERROR_MODE: the innermost entry is of another kind, the stack is empty, or the entry
 *      belongs to a running _call
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_set_grad_enabled_exit(void);

/** The inference mode of this thread.
 *  @return 1 or 0
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API int32_t tg_is_inference_mode_enabled(void);

/** The grad mode of this thread.
 *  @return 1 or 0
 *  @errors none
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API int32_t tg_is_grad_enabled(void);

/** Runs fn once in inference_mode(mode) and gives its result.
 *  @param mode 1 or 0
 *  @param fn the body, called before this function returns
 *  @param user_data handed to fn
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn is NULL, or mode is neither 0 nor 1; TG_ERROR_MODE: the
 *      mode may not be entered (fn does not run), or fn returned 0 and left the stack of modes
 *      other than it found it; the stack is put back; TG_ERROR_LIMIT: the stack is at its greatest
 *      depth; TG_ERROR_CALLBACK: fn returned a number that no failing call explains; other statuses
 *      of fn stand as they are
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_inference_mode_call(int32_t mode, tg_callback fn, void *user_data);

/** Runs fn once in no_grad and gives its result.
 *  @param fn the body, called before this function returns
 *  @param user_data handed to fn
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn is NULL; TG_ERROR_MODE: the mode may not be entered (fn
 *      does not run), or fn returned 0 and left the stack of modes other than it found it; the
 *      stack is put back; TG_ERROR_LIMIT: the stack is at its greatest depth; TG_ERROR_CALLBACK: fn
 *      returned a number that no failing call explains; other statuses of fn stand as they are
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_no_grad_call(tg_callback fn, void *user_data);

/** Runs fn once in enable_grad and gives its result.
 *  @param fn the body, called before this function returns
 *  @param user_data handed to fn
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn is NULL; TG_ERROR_MODE: fn returned 0 and left the stack
 *      of modes other than it found it; the stack is put back; TG_ERROR_LIMIT: the stack is at its
 *      greatest depth; TG_ERROR_CALLBACK: fn returned a number that no failing call explains; other
 *      statuses of fn stand as they are
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_enable_grad_call(tg_callback fn, void *user_data);

/** Runs fn once in set_grad_enabled(enabled) and gives its result.
 *  @param enabled 1 or 0
 *  @param fn the body, called before this function returns
 *  @param user_data handed to fn
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn is NULL, or enabled is neither 0 nor 1; TG_ERROR_MODE: the
 *      mode may not be entered (fn does not run), or fn returned 0 and left the stack of modes
 *      other than it found it; the stack is put back; TG_ERROR_LIMIT: the stack is at its greatest
 *      depth; TG_ERROR_CALLBACK: fn returned a number that no failing call explains; other statuses
 *      of fn stand as they are
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_set_grad_enabled_call(int32_t enabled, tg_callback fn, void *user_data);

/** Whether no_grad and inference mode may be nested in each other on this thread: TG_NESTING_REFUSE
 *  at first. Works at any depth and acts on later enters alone.
 *  @param nesting TG_NESTING_REFUSE or TG_NESTING_ALLOW
 *  @errors TG_ERROR_INVALID_ARGUMENT: nesting is an unknown number
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mode_nesting_set(int32_t nesting);

/** The whole stack of modes of this thread with its nesting rule, as one number below 2^53; 0 is
 *  the state of a new thread. A task that moves to another thread takes its modes along so.
 *  @param state the word, usable on any thread, any number of times, with the same version of the
 *      library
 *  @errors TG_ERROR_INVALID_ARGUMENT: state is NULL; TG_ERROR_LIMIT: the stack is deeper than 16
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_state_get(uint64_t *state);

/** Replaces the stack of modes and the nesting rule of this thread; nesting is not judged anew.
 *  tg_state_set(previous, NULL) restores exactly.
 *  @param state a word of tg_state_get
 *  @param previous the word that was in force; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: no tg_state_get can have given state; TG_ERROR_LIMIT:
 *      previous is wanted and the stack is deeper than 16
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_state_set(uint64_t state, uint64_t *previous);

/* ==== Operators ====
 * Each operator gives a new row-major tensor unless it says "view". Names that end in an underscore
 * change their first operand in place; names that end in _out write into a given tensor. Where the
 * comments below say R1 to R7, these rules are meant:
 *
 *   R1  Where a call records, an inference tensor that would be saved, or that was made with
 *       requires_grad, is TG_ERROR_MODE: clone it outside inference mode, or make it in no_grad.
 *   R2  Writing to an inference tensor while inference mode is 0 is TG_ERROR_MODE: change it in
 *       inference mode, or change its clone.
 *   R3  Where a call would record, writing to a leaf that requires grad, or to a view of one, is
 *       TG_ERROR_AUTOGRAD: write in no_grad, or use the form that gives a new tensor. Writing to
 *       a gradient that a hook or a backward was handed is TG_ERROR_AUTOGRAD as long as that runs.
 *   R4  A view made in no_grad or inference mode, or an output of tg_split, cannot be written where
 *       the call would record. It goes stale when the storage of a base that requires grad is
 *       changed in place, by whatever way; then it cannot be used where a call would record. Both
 *       are TG_ERROR_MODE, of tg_split TG_ERROR_AUTOGRAD: make the view in grad mode; use tg_narrow
 *       for each part.
 *   R5  Writing through a plain view where the call records gives the view's base a new grad_fn, as
 *       writing to a base gives its plain views one: gradients are those of the new values.
 *   R6  Writing is TG_ERROR_UNSUPPORTED where the tensor is read-only, where a stride is 0 over a
 *       size above 1 (tg_fill_ and tg_zero_ may), and where operand and target overlap but are not
 *       the same elements: clone first.
 *   R7  _out forms never record: in grad mode an operand or out that requires grad is
 *       TG_ERROR_AUTOGRAD. out must have the shape of the result, else TG_ERROR_SHAPE, and a dtype
 *       of its category or a higher one, else TG_ERROR_DTYPE.
 *
 * @gradient writes g for the gradient of the result. Gradients of a broadcast operand are summed
 * to its shape, and have its dtype. They are made of differentiable operators, so that second and
 * higher derivatives follow. @saved says what recording keeps; what is kept and then changed in
 * place makes backward fail with TG_ERROR_VERSION. An operand is kept only where the gradient of
 * another needs it. */

/* ==== Operators: elementwise ==== */

/** The sum, elementwise: a + b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the two broadcast
 *  @dtypes all, promoted; of two bool tensors logical or
 *  @gradient a: g; b: g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_add(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The difference, elementwise: a - b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the two broadcast
 *  @dtypes all but bool - bool, promoted
 *  @gradient a: g; b: -g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast; TG_ERROR_DTYPE: both are bool; TG_ERROR_MODE: R1, R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sub(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The product, elementwise: a * b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the two broadcast
 *  @dtypes all, promoted; of two bool tensors logical and
 *  @gradient a: g b; b: g a
 *  @saved a if b needs a gradient, b if a does
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mul(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The quotient, elementwise: a / b. Integers are divided as real numbers.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the two broadcast
 *  @dtypes all, promoted; of integers and bool float32
 *  @gradient a: g / b; b: -g a / b^2
 *  @saved b; a if b needs a gradient
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_div(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Adds a number to each element: x + value.
 *  @param x tensor, borrowed
 *  @param value the summand
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all; that of x
 *  @gradient g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      an integer tensor and value is not integral or not in range, or x is bool and value is
 *      neither 0 nor 1; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_add_scalar(tg_tensor x, double value, tg_tensor *out);

/** Takes a number away from each element: x - value.
 *  @param x tensor, borrowed
 *  @param value what is taken away
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all but bool, but for value 0; that of x
 *  @gradient g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      an integer tensor and value is not integral or not in range, or x is bool and value is not
 *      0; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sub_scalar(tg_tensor x, double value, tg_tensor *out);

/** Multiplies each element by a number: x * value.
 *  @param x tensor, borrowed
 *  @param value the factor
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all; that of x
 *  @gradient g value
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      an integer tensor and value is not integral or not in range, or x is bool and value is
 *      neither 0 nor 1; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mul_scalar(tg_tensor x, double value, tg_tensor *out);

/** Divides each element by a number: x / value. Integers are divided as real numbers.
 *  @param x tensor, borrowed
 *  @param value the divisor
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all; integers and bool give float32
 *  @gradient g / value
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_div_scalar(tg_tensor x, double value, tg_tensor *out);

/** Raises each element to a power: x^exponent.
 *  @param x tensor, borrowed
 *  @param exponent any number; for an integer tensor integral and not negative
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all but bool; that of x
 *  @gradient g exponent x^(exponent - 1); 0 for exponent 0
 *  @saved x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      bool, or is an integer tensor and exponent is negative or not integral; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_pow_scalar(tg_tensor x, double exponent, tg_tensor *out);

/** Adds to a tensor in place: x = x + other.
 *  @param x tensor, borrowed, written
 *  @param other tensor, borrowed
 *  @shape other broadcasts to x
 *  @dtypes the promoted dtype must go into that of x
 *  @gradient that of tg_add
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x, other; TG_ERROR_SHAPE: other does not broadcast to x;
 *      TG_ERROR_DTYPE: the result does not go into the dtype of x; TG_ERROR_MODE: R1, R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_add_(tg_tensor x, tg_tensor other);

/** Subtracts from a tensor in place: x = x - other.
 *  @param x tensor, borrowed, written
 *  @param other tensor, borrowed
 *  @shape other broadcasts to x
 *  @dtypes the promoted dtype must go into that of x; not bool - bool
 *  @gradient that of tg_sub
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x, other; TG_ERROR_SHAPE: other does not broadcast to x;
 *      TG_ERROR_DTYPE: the result does not go into the dtype of x; TG_ERROR_MODE: R1, R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_sub_(tg_tensor x, tg_tensor other);

/** Multiplies a tensor in place: x = x * other.
 *  @param x tensor, borrowed, written
 *  @param other tensor, borrowed
 *  @shape other broadcasts to x
 *  @dtypes the promoted dtype must go into that of x
 *  @gradient that of tg_mul
 *  @saved the former x if other needs a gradient, other if x does
 *  @errors TG_ERROR_INVALID_HANDLE: x, other; TG_ERROR_SHAPE: other does not broadcast to x;
 *      TG_ERROR_DTYPE: the result does not go into the dtype of x; TG_ERROR_MODE: R1, R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_mul_(tg_tensor x, tg_tensor other);

/** Divides a tensor in place: x = x / other.
 *  @param x tensor, borrowed, written
 *  @param other tensor, borrowed
 *  @shape other broadcasts to x
 *  @dtypes x floating point
 *  @gradient that of tg_div
 *  @saved other; the former x if other needs a gradient
 *  @errors TG_ERROR_INVALID_HANDLE: x, other; TG_ERROR_SHAPE: other does not broadcast to x;
 *      TG_ERROR_DTYPE: the result does not go into the dtype of x; TG_ERROR_MODE: R1, R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_div_(tg_tensor x, tg_tensor other);

/** Adds a number in place: x = x + value.
 *  @param x tensor, borrowed, written
 *  @param value the summand
 *  @dtypes all
 *  @gradient g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is an integer tensor and value is not
 *      integral or not in range, or x is bool and value is neither 0 nor 1; TG_ERROR_MODE: R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_add_scalar_(tg_tensor x, double value);

/** Takes a number away in place: x = x - value.
 *  @param x tensor, borrowed, written
 *  @param value what is taken away
 *  @dtypes all but bool
 *  @gradient g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is bool, or is an integer tensor and value
 *      is not integral or not in range; TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_sub_scalar_(tg_tensor x, double value);

/** Multiplies by a number in place: x = x * value.
 *  @param x tensor, borrowed, written
 *  @param value the factor
 *  @dtypes all
 *  @gradient g value
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is an integer tensor and value is not
 *      integral or not in range, or x is bool and value is neither 0 nor 1; TG_ERROR_MODE: R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_mul_scalar_(tg_tensor x, double value);

/** Divides by a number in place: x = x / value.
 *  @param x tensor, borrowed, written
 *  @param value the divisor
 *  @dtypes floating point
 *  @gradient g / value
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_div_scalar_(tg_tensor x, double value);

/** Raises to a power in place: x = x^exponent.
 *  @param x tensor, borrowed, written
 *  @param exponent any number; for an integer tensor integral and not negative
 *  @dtypes all but bool
 *  @gradient g exponent x^(exponent - 1), with the former x; 0 for exponent 0
 *  @saved the former x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is bool, or is an integer tensor and
 *      exponent is negative or not integral; TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_pow_scalar_(tg_tensor x, double exponent);

/** The sum into a given tensor: out = a + b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_add; out has it already
 *  @dtypes those of tg_add
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_add_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** The difference into a given tensor: out = a - b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_sub; out has it already
 *  @dtypes those of tg_sub
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sub_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** The elementwise product into a given tensor: out = a * b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_mul; out has it already
 *  @dtypes those of tg_mul
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mul_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** The quotient into a given tensor: out = a / b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_div; out has it already
 *  @dtypes those of tg_div
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_div_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Adds a number into a given tensor: out = x + value.
 *  @param x tensor, borrowed
 *  @param value the summand
 *  @param out tensor, borrowed, written
 *  @shape that of tg_add_scalar; out has it already
 *  @dtypes those of tg_add_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_add_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Takes a number away into a given tensor: out = x - value.
 *  @param x tensor, borrowed
 *  @param value what is taken away
 *  @param out tensor, borrowed, written
 *  @shape that of tg_sub_scalar; out has it already
 *  @dtypes those of tg_sub_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sub_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Multiplies by a number into a given tensor: out = x * value.
 *  @param x tensor, borrowed
 *  @param value the factor
 *  @param out tensor, borrowed, written
 *  @shape that of tg_mul_scalar; out has it already
 *  @dtypes those of tg_mul_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mul_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Divides by a number into a given tensor: out = x / value.
 *  @param x tensor, borrowed
 *  @param value the divisor
 *  @param out tensor, borrowed, written
 *  @shape that of tg_div_scalar; out has it already
 *  @dtypes those of tg_div_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7; TG_ERROR_MODE:
 *      R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_div_scalar_out(tg_tensor x, double value, tg_tensor out);

/** A power into a given tensor: out = x^exponent.
 *  @param x tensor, borrowed
 *  @param exponent any number; for an integer tensor integral and not negative
 *  @param out tensor, borrowed, written
 *  @shape that of tg_pow_scalar; out has it already
 *  @dtypes those of tg_pow_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_pow_scalar_out(tg_tensor x, double exponent, tg_tensor out);

/** The matrix product of a and b into a given tensor.
 *  @param a tensor, shape [n, k], borrowed
 *  @param b tensor, shape [k, m], borrowed
 *  @param out tensor, shape [n, m], borrowed, written
 *  @shape that of tg_mm
 *  @dtypes those of tg_mm
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mm_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** The negative: -x.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all but bool
 *  @gradient -g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      bool; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_neg(tg_tensor x, tg_tensor *out);

/** The negative in place: x = -x.
 *  @param x tensor, borrowed, written
 *  @dtypes all but bool
 *  @gradient -g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is bool; TG_ERROR_MODE: R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_neg_(tg_tensor x);

/** The negative into a given tensor: out = -x.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_neg; out has it already
 *  @dtypes those of tg_neg
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_neg_out(tg_tensor x, tg_tensor out);

/** The magnitude: |x|.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all but bool
 *  @gradient g sign(x), 0 at 0
 *  @saved x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      bool; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_abs(tg_tensor x, tg_tensor *out);

/** The magnitude in place: x = |x|.
 *  @param x tensor, borrowed, written
 *  @dtypes all but bool
 *  @gradient g sign(x), with the former x; 0 at 0
 *  @saved the former x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is bool; TG_ERROR_MODE: R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_abs_(tg_tensor x);

/** The magnitude into a given tensor: out = |x|.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_abs; out has it already
 *  @dtypes those of tg_abs
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_abs_out(tg_tensor x, tg_tensor out);

/** The exponential function: e^x.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient g out
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_exp(tg_tensor x, tg_tensor *out);

/** The exponential function in place: x = e^x.
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient g x, with the new x
 *  @saved the new x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_exp_(tg_tensor x);

/** The exponential function into a given tensor: out = e^x.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_exp; out has it already
 *  @dtypes those of tg_exp
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_exp_out(tg_tensor x, tg_tensor out);

/** The natural logarithm of x.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient g / x
 *  @saved x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_log(tg_tensor x, tg_tensor *out);

/** The natural logarithm in place: x = ln x.
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient g / x, with the former x
 *  @saved the former x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_log_(tg_tensor x);

/** The natural logarithm into a given tensor: out = ln x.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_log; out has it already
 *  @dtypes those of tg_log
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_log_out(tg_tensor x, tg_tensor out);

/** The square root of x.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient g / (2 out), infinite at 0
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sqrt(tg_tensor x, tg_tensor *out);

/** The square root in place.
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient g / (2 x), with the new x
 *  @saved the new x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_sqrt_(tg_tensor x);

/** The square root into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_sqrt; out has it already
 *  @dtypes those of tg_sqrt
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sqrt_out(tg_tensor x, tg_tensor out);

/** The sine of x, in radians.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient g cos(x)
 *  @saved x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sin(tg_tensor x, tg_tensor *out);

/** The sine in place.
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient g cos(x), with the former x
 *  @saved the former x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_sin_(tg_tensor x);

/** The sine into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_sin; out has it already
 *  @dtypes those of tg_sin
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sin_out(tg_tensor x, tg_tensor out);

/** The cosine of x, in radians.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient -g sin(x)
 *  @saved x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_cos(tg_tensor x, tg_tensor *out);

/** The cosine in place.
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient -g sin(x), with the former x
 *  @saved the former x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_cos_(tg_tensor x);

/** The cosine into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_cos; out has it already
 *  @dtypes those of tg_cos
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_cos_out(tg_tensor x, tg_tensor out);

/** The hyperbolic tangent of x.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient g (1 - out^2)
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tanh(tg_tensor x, tg_tensor *out);

/** The hyperbolic tangent in place.
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient g (1 - x^2), with the new x
 *  @saved the new x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_tanh_(tg_tensor x);

/** The hyperbolic tangent into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_tanh; out has it already
 *  @dtypes those of tg_tanh
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tanh_out(tg_tensor x, tg_tensor out);

/** The logistic function: 1 / (1 + e^-x).
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes floating point
 *  @gradient g out (1 - out)
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sigmoid(tg_tensor x, tg_tensor *out);

/** The logistic function in place: x = 1 / (1 + e^-x).
 *  @param x tensor, borrowed, written
 *  @dtypes floating point
 *  @gradient g x (1 - x), with the new x
 *  @saved the new x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is not floating point; TG_ERROR_MODE: R2,
 *      R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_sigmoid_(tg_tensor x);

/** The logistic function into a given tensor: out = 1 / (1 + e^-x).
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_sigmoid; out has it already
 *  @dtypes those of tg_sigmoid
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sigmoid_out(tg_tensor x, tg_tensor out);

/** The rectifier: the greater of x and 0. NaN stays NaN.
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all but bool
 *  @gradient g where out is above 0, else 0
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      bool; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_relu(tg_tensor x, tg_tensor *out);

/** The rectifier in place: x becomes the greater of x and 0.
 *  @param x tensor, borrowed, written
 *  @dtypes all but bool
 *  @gradient g where the new x is above 0, else 0
 *  @saved the new x
 *  @errors TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is bool; TG_ERROR_MODE: R2, R4;
 *      TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_relu_(tg_tensor x);

/** The rectifier into a given tensor: out is the greater of x and 0.
 *  @param x tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_relu; out has it already
 *  @dtypes those of tg_relu
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_relu_out(tg_tensor x, tg_tensor out);

/** x brought into [low, high]: the smaller of high and the greater of low and x.
 *  @param x tensor, borrowed
 *  @param low the least value; -INFINITY: no bound
 *  @param high the greatest value; INFINITY: no bound
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes all but bool; that of x
 *  @gradient g where low < x < high, 0 elsewhere and at a bound
 *  @saved x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or low or high is NaN; TG_ERROR_INVALID_HANDLE:
 *      x; TG_ERROR_DTYPE: x is bool, or is an integer tensor and a bound is not integral;
 *      TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_clamp(tg_tensor x, double low, double high, tg_tensor *out);

/** Brings x into [low, high] in place.
 *  @param x tensor, borrowed, written
 *  @param low the least value; -INFINITY: no bound
 *  @param high the greatest value; INFINITY: no bound
 *  @dtypes all but bool
 *  @gradient g where low < x < high, with the former x; 0 elsewhere and at a bound
 *  @saved the former x
 *  @errors TG_ERROR_INVALID_ARGUMENT: low or high is NaN; TG_ERROR_INVALID_HANDLE: x;
 *      TG_ERROR_DTYPE: x is bool, or is an integer tensor and a bound is not integral;
 *      TG_ERROR_MODE: R2, R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_clamp_(tg_tensor x, double low, double high);

/** x brought into [low, high], into a given tensor.
 *  @param x tensor, borrowed
 *  @param low the least value; -INFINITY: no bound
 *  @param high the greatest value; INFINITY: no bound
 *  @param out tensor, borrowed, written
 *  @shape that of tg_clamp; out has it already
 *  @dtypes those of tg_clamp
 *  @errors TG_ERROR_INVALID_ARGUMENT: low or high is NaN; TG_ERROR_INVALID_HANDLE: x, out;
 *      TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_clamp_out(tg_tensor x, double low, double high, tg_tensor out);

/** The greater of two elements; NaN where one is NaN.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @gradient g to the greater, half each where they are equal
 *  @saved a and b
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_maximum(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The greater of two elements into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_maximum; out has it already
 *  @dtypes those of tg_maximum
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_maximum_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** The smaller of two elements; NaN where one is NaN.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @gradient g to the smaller, half each where they are equal
 *  @saved a and b
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_minimum(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The smaller of two elements into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_minimum; out has it already
 *  @dtypes those of tg_minimum
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_minimum_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Picks elements: a where condition is true, else b.
 *  @param condition tensor, bool, borrowed
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, new
 *  @shape the three broadcast
 *  @dtypes condition bool; a and b any, promoted
 *  @gradient a: g where condition is true, else 0; b: the other way round
 *  @saved condition
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: condition, a, b;
 *      TG_ERROR_SHAPE: the three do not broadcast; TG_ERROR_DTYPE: condition is not bool;
 *      TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_where(tg_tensor condition, tg_tensor a, tg_tensor b, tg_tensor *out);

/** Picks elements into a given tensor: out = a where condition is true, else b.
 *  @param condition tensor, bool, borrowed
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_where; out has it already
 *  @dtypes those of tg_where
 *  @errors TG_ERROR_INVALID_HANDLE: condition, a, b, out; TG_ERROR_SHAPE: R7, or as the form
 *      without out; TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_where_out(tg_tensor condition, tg_tensor a, tg_tensor b, tg_tensor out);

/* ==== Operators: comparison ====
 * They give bool tensors and never record. A NaN is unequal to all and neither smaller nor greater.
 * A scalar here is compared exactly, so that it may be 2.5 beside an integer tensor. */

/** Whether each element is equal to value.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, bool, new
 *  @shape that of x
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_eq_scalar(tg_tensor x, double value, tg_tensor *out);

/** Whether each element is equal to value, into a given tensor.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, borrowed, written
 *  @shape that of tg_eq_scalar; out has it already
 *  @dtypes those of tg_eq_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_eq_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Whether each element is not equal to value.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, bool, new
 *  @shape that of x
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ne_scalar(tg_tensor x, double value, tg_tensor *out);

/** Whether each element is not equal to value, into a given tensor.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, borrowed, written
 *  @shape that of tg_ne_scalar; out has it already
 *  @dtypes those of tg_ne_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ne_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Whether each element is smaller than value.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, bool, new
 *  @shape that of x
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_lt_scalar(tg_tensor x, double value, tg_tensor *out);

/** Whether each element is smaller than value, into a given tensor.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, borrowed, written
 *  @shape that of tg_lt_scalar; out has it already
 *  @dtypes those of tg_lt_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_lt_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Whether each element is at most value.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, bool, new
 *  @shape that of x
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_le_scalar(tg_tensor x, double value, tg_tensor *out);

/** Whether each element is at most value, into a given tensor.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, borrowed, written
 *  @shape that of tg_le_scalar; out has it already
 *  @dtypes those of tg_le_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_le_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Whether each element is greater than value.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, bool, new
 *  @shape that of x
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_gt_scalar(tg_tensor x, double value, tg_tensor *out);

/** Whether each element is greater than value, into a given tensor.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, borrowed, written
 *  @shape that of tg_gt_scalar; out has it already
 *  @dtypes those of tg_gt_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_gt_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Whether each element is at least value.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, bool, new
 *  @shape that of x
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ge_scalar(tg_tensor x, double value, tg_tensor *out);

/** Whether each element is at least value, into a given tensor.
 *  @param x tensor, borrowed
 *  @param value a number
 *  @param out tensor, borrowed, written
 *  @shape that of tg_ge_scalar; out has it already
 *  @dtypes those of tg_ge_scalar
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ge_scalar_out(tg_tensor x, double value, tg_tensor out);

/** Whether each element of a is not equal to that of b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, bool, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ne(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Whether each element of a is not equal to that of b, into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_ne; out has it already
 *  @dtypes those of tg_ne
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ne_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Whether each element of a is at most that of b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, bool, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_le(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Whether each element of a is at most that of b, into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_le; out has it already
 *  @dtypes those of tg_le
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_le_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Whether each element of a is at least that of b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, bool, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ge(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Whether each element of a is at least that of b, into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_ge; out has it already
 *  @dtypes those of tg_ge
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ge_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Whether each element of a is equal to that of b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, bool, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_eq(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Whether each element of a is equal to that of b, into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_eq; out has it already
 *  @dtypes those of tg_eq
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_eq_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Whether each element of a is smaller than that of b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, bool, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_lt(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Whether each element of a is smaller than that of b, into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_lt; out has it already
 *  @dtypes those of tg_lt
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_lt_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** Whether each element of a is greater than that of b.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, bool, new
 *  @shape the two broadcast
 *  @dtypes all, promoted
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      the shapes do not broadcast
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_gt(tg_tensor a, tg_tensor b, tg_tensor *out);

/** Whether each element of a is greater than that of b, into a given tensor.
 *  @param a tensor, borrowed
 *  @param b tensor, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_gt; out has it already
 *  @dtypes those of tg_gt
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_gt_out(tg_tensor a, tg_tensor b, tg_tensor out);

/* ==== Operators: reductions ====
 * dims may be negative and in any order; one given twice is TG_ERROR_INVALID_ARGUMENT. keepdim 1
 * leaves reduced dimensions with size 1. */

/** The sum of all elements.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, new
 *  @shape []
 *  @dtypes all; integers and bool give int64, which wraps around
 *  @gradient g for every element
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sum(tg_tensor x, tg_tensor *out);

/** The sum of all elements into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_sum; out has it already
 *  @dtypes those of tg_sum
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7; TG_ERROR_MODE:
 *      R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sum_out(tg_tensor x, tg_tensor out);

/** Sums over some dimensions.
 *  @param x tensor, borrowed
 *  @param dims array of count dimensions; may be NULL where count is 0
 *  @param count how many; 0: all dimensions
 *  @param keepdim 1 or 0
 *  @param out tensor, new
 *  @shape that of x without dims, or with size 1 there
 *  @dtypes all; integers and bool give int64
 *  @gradient g, stretched over dims
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, dims is NULL but count is not 0, keepdim is
 *      neither 0 nor 1, or a dimension is given twice; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX:
 *      a dimension is out of range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sum_dims(tg_tensor x, const int64_t *dims, size_t count, int32_t keepdim,
                             tg_tensor *out);

/** Sums over some dimensions into a given tensor.
 *  @param x tensor, borrowed
 *  @param dims array of count dimensions; may be NULL where count is 0
 *  @param count how many; 0: all dimensions
 *  @param keepdim 1 or 0
 *  @param out tensor, borrowed, written
 *  @shape that of tg_sum_dims; out has it already
 *  @dtypes those of tg_sum_dims
 *  @errors TG_ERROR_INVALID_ARGUMENT: dims is NULL but count is not 0, keepdim is neither 0 nor 1,
 *      or a dimension is given twice; TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_sum_dims_out(tg_tensor x, const int64_t *dims, size_t count, int32_t keepdim,
                                 tg_tensor out);

/** The mean of all elements; NaN where there are none.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, new
 *  @shape []
 *  @dtypes floating point
 *  @gradient g / n for every element
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not floating point: convert it first; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mean(tg_tensor x, tg_tensor *out);

/** The mean of all elements into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_mean; out has it already
 *  @dtypes those of tg_mean
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mean_out(tg_tensor x, tg_tensor out);

/** Means over some dimensions.
 *  @param x tensor, borrowed
 *  @param dims array of count dimensions; may be NULL where count is 0
 *  @param count how many; 0: all dimensions
 *  @param keepdim 1 or 0
 *  @param out tensor, new
 *  @shape that of x without dims, or with size 1 there
 *  @dtypes floating point
 *  @gradient g / n, stretched over dims
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, dims is NULL but count is not 0, keepdim is
 *      neither 0 nor 1, or a dimension is given twice; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE:
 *      x is not floating point: convert it first; TG_ERROR_INDEX: a dimension is out of range;
 *      TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mean_dims(tg_tensor x, const int64_t *dims, size_t count, int32_t keepdim,
                              tg_tensor *out);

/** Means over some dimensions into a given tensor.
 *  @param x tensor, borrowed
 *  @param dims array of count dimensions; may be NULL where count is 0
 *  @param count how many; 0: all dimensions
 *  @param keepdim 1 or 0
 *  @param out tensor, borrowed, written
 *  @shape that of tg_mean_dims; out has it already
 *  @dtypes those of tg_mean_dims
 *  @errors TG_ERROR_INVALID_ARGUMENT: dims is NULL but count is not 0, keepdim is neither 0 nor 1,
 *      or a dimension is given twice; TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_INDEX: as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mean_dims_out(tg_tensor x, const int64_t *dims, size_t count, int32_t keepdim,
                                  tg_tensor out);

/** The greatest element; NaN where one is NaN.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, new
 *  @shape []
 *  @dtypes all
 *  @gradient g to the greatest, shared evenly where several are equal
 *  @saved x and out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: x
 *      has no element; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_max(tg_tensor x, tg_tensor *out);

/** The greatest element into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_max; out has it already
 *  @dtypes those of tg_max
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_max_out(tg_tensor x, tg_tensor out);

/** The smallest element; NaN where one is NaN.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, new
 *  @shape []
 *  @dtypes all
 *  @gradient g to the smallest, shared evenly where several are equal
 *  @saved x and out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: x
 *      has no element; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_min(tg_tensor x, tg_tensor *out);

/** The smallest element into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_min; out has it already
 *  @dtypes those of tg_min
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_min_out(tg_tensor x, tg_tensor out);

/** The greatest elements along a dimension, and where they stand first; NaN counts as the greatest.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param values tensor, new
 *  @param indices tensor, int64, new
 *  @shape that of x without dim, or with size 1 there
 *  @dtypes all
 *  @gradient of values: g at the index, else 0
 *  @saved indices
 *  @errors TG_ERROR_INVALID_ARGUMENT: values or indices is NULL, or keepdim is neither 0 nor 1;
 *      TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: dim has size 0; TG_ERROR_INDEX: dim is out of
 *      range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_max_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor *values,
                            tg_tensor *indices);

/** The greatest elements along a dimension, and where they stand first, into two given tensors.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param values tensor, borrowed, written
 *  @param indices tensor, borrowed, written; int64, or floating point with the same numbers
 *  @shape that of tg_max_dim; values and indices have it already
 *  @dtypes those of tg_max_dim
 *  @errors TG_ERROR_INVALID_ARGUMENT: keepdim is neither 0 nor 1; TG_ERROR_INVALID_HANDLE: x,
 *      values, indices; TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7;
 *      TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6, or values and indices share memory
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_max_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor values,
                                tg_tensor indices);

/** The smallest elements along a dimension, and where they stand first; NaN counts as the smallest.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param values tensor, new
 *  @param indices tensor, int64, new
 *  @shape that of x without dim, or with size 1 there
 *  @dtypes all
 *  @gradient of values: g at the index, else 0
 *  @saved indices
 *  @errors TG_ERROR_INVALID_ARGUMENT: values or indices is NULL, or keepdim is neither 0 nor 1;
 *      TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: dim has size 0; TG_ERROR_INDEX: dim is out of
 *      range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_min_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor *values,
                            tg_tensor *indices);

/** The smallest elements along a dimension, and where they stand first, into two given tensors.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param values tensor, borrowed, written
 *  @param indices tensor, borrowed, written; int64, or floating point with the same numbers
 *  @shape that of tg_min_dim; values and indices have it already
 *  @dtypes those of tg_min_dim
 *  @errors TG_ERROR_INVALID_ARGUMENT: keepdim is neither 0 nor 1; TG_ERROR_INVALID_HANDLE: x,
 *      values, indices; TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7;
 *      TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6, or values and indices share memory
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_min_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor values,
                                tg_tensor indices);

/** Where the greatest element stands first, counted row-major.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, int64, new
 *  @shape []
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: x
 *      has no element
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmax(tg_tensor x, tg_tensor *out);

/** Where the greatest element stands first, into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_argmax; out has it already
 *  @dtypes those of tg_argmax
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmax_out(tg_tensor x, tg_tensor out);

/** Where the greatest elements stand first along a dimension.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param out tensor, int64, new
 *  @shape that of x without dim, or with size 1 there
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or keepdim is neither 0 nor 1;
 *      TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: dim has size 0; TG_ERROR_INDEX: dim is out of
 *      range
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmax_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor *out);

/** Where the greatest elements stand first along a dimension, into a given tensor.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param out tensor, borrowed, written
 *  @shape that of tg_argmax_dim; out has it already
 *  @dtypes those of tg_argmax_dim
 *  @errors TG_ERROR_INVALID_ARGUMENT: keepdim is neither 0 nor 1; TG_ERROR_INVALID_HANDLE: x, out;
 *      TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7; TG_ERROR_INDEX: as the
 *      form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmax_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor out);

/** Where the smallest element stands first, counted row-major.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, int64, new
 *  @shape []
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: x
 *      has no element
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmin(tg_tensor x, tg_tensor *out);

/** Where the smallest element stands first, into a given tensor.
 *  @param x tensor, borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_argmin; out has it already
 *  @dtypes those of tg_argmin
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmin_out(tg_tensor x, tg_tensor out);

/** Where the smallest elements stand first along a dimension.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param out tensor, int64, new
 *  @shape that of x without dim, or with size 1 there
 *  @dtypes all
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or keepdim is neither 0 nor 1;
 *      TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: dim has size 0; TG_ERROR_INDEX: dim is out of
 *      range
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmin_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor *out);

/** Where the smallest elements stand first along a dimension, into a given tensor.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param keepdim 1 or 0
 *  @param out tensor, borrowed, written
 *  @shape that of tg_argmin_dim; out has it already
 *  @dtypes those of tg_argmin_dim
 *  @errors TG_ERROR_INVALID_ARGUMENT: keepdim is neither 0 nor 1; TG_ERROR_INVALID_HANDLE: x, out;
 *      TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7; TG_ERROR_INDEX: as the
 *      form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_argmin_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor out);

/** e^x / sum of e^x along a dimension, with the greatest element taken away first so that nothing
 *  overflows.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes float32, float64
 *  @gradient out (g - sum of g out along dim)
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not float32 or float64; TG_ERROR_INDEX: dim is out of range; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_softmax(tg_tensor x, int64_t dim, tg_tensor *out);

/** The softmax along a dimension into a given tensor.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param out tensor, borrowed, written
 *  @shape that of tg_softmax; out has it already
 *  @dtypes those of tg_softmax
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD:
 *      R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_softmax_out(tg_tensor x, int64_t dim, tg_tensor out);

/** The logarithm of tg_softmax: x - log(sum of e^x) along a dimension.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param out tensor, new
 *  @shape that of x
 *  @dtypes float32, float64
 *  @gradient g - e^out (sum of g along dim)
 *  @saved out
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_DTYPE: x is
 *      not float32 or float64; TG_ERROR_INDEX: dim is out of range; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_log_softmax(tg_tensor x, int64_t dim, tg_tensor *out);

/** The logarithm of the softmax along a dimension into a given tensor.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param out tensor, borrowed, written
 *  @shape that of tg_log_softmax; out has it already
 *  @dtypes those of tg_log_softmax
 *  @errors TG_ERROR_INVALID_HANDLE: x, out; TG_ERROR_SHAPE: R7; TG_ERROR_DTYPE: R7, or as the form
 *      without out; TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD:
 *      R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_log_softmax_out(tg_tensor x, int64_t dim, tg_tensor out);

/* ==== Operators: products ====
 * Both operands have one dtype, float32 or float64; it is not promoted. Transposed operands are
 * read where they lie. Large products go to OpenBLAS where it is found (tg_blas_info); a result has
 * the same bits for any number of threads on one kind of processor. */

/** The matrix product: out[i, j] = sum over k of a[i, k] b[k, j].
 *  @param a tensor, shape [n, k], borrowed
 *  @param b tensor, shape [k, m], borrowed
 *  @param out tensor, new
 *  @shape [n, m]; k = 0 gives zeros
 *  @dtypes float32, float64
 *  @gradient a: g b^T; b: a^T g
 *  @saved a if b needs a gradient, b if a does
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE:
 *      an operand is no matrix, or the inner sizes differ; TG_ERROR_DTYPE: an operand is not
 *      float32 or float64, or they differ; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4;
 *      TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mm(tg_tensor a, tg_tensor b, tg_tensor *out);

/** One matrix product for each of a batch.
 *  @param a tensor, shape [batch, n, k], borrowed
 *  @param b tensor, shape [batch, k, m], borrowed
 *  @param out tensor, new
 *  @shape [batch, n, m]; nothing is broadcast (tg_matmul does)
 *  @dtypes float32, float64
 *  @gradient a: g b^T; b: a^T g, for each of the batch
 *  @saved a if b needs a gradient, b if a does
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE: a
 *      rank is not 3, or the batches or inner sizes differ; TG_ERROR_DTYPE: an operand is not
 *      float32 or float64, or they differ; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4;
 *      TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_bmm(tg_tensor a, tg_tensor b, tg_tensor *out);

/** One matrix product for each of a batch, into a given tensor.
 *  @param a tensor, shape [batch, n, k], borrowed
 *  @param b tensor, shape [batch, k, m], borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_bmm; out has it already
 *  @dtypes those of tg_bmm
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_bmm_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** A matrix times a vector.
 *  @param a tensor, shape [n, k], borrowed
 *  @param x tensor, shape [k], borrowed
 *  @param out tensor, new
 *  @shape [n]
 *  @dtypes float32, float64
 *  @gradient a: g x^T (outer product); x: a^T g
 *  @saved a if x needs a gradient, x if a does
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, x; TG_ERROR_SHAPE: a
 *      is no matrix, x no vector, or the inner sizes differ; TG_ERROR_DTYPE: an operand is not
 *      float32 or float64, or they differ; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4;
 *      TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mv(tg_tensor a, tg_tensor x, tg_tensor *out);

/** A matrix times a vector into a given tensor.
 *  @param a tensor, shape [n, k], borrowed
 *  @param x tensor, shape [k], borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_mv; out has it already
 *  @dtypes those of tg_mv
 *  @errors TG_ERROR_INVALID_HANDLE: a, x, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mv_out(tg_tensor a, tg_tensor x, tg_tensor out);

/** The sum of the products of two vectors' elements.
 *  @param a tensor, shape [n], borrowed
 *  @param b tensor, shape [n], borrowed
 *  @param out tensor of rank 0, new
 *  @shape []
 *  @dtypes float32, float64
 *  @gradient a: g b; b: g a
 *  @saved a if b needs a gradient, b if a does
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE: a
 *      rank is not 1, or the sizes differ; TG_ERROR_DTYPE: an operand is not float32 or float64, or
 *      they differ; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dot(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The sum of the products of two vectors' elements into a given tensor.
 *  @param a tensor, shape [n], borrowed
 *  @param b tensor, shape [n], borrowed
 *  @param out tensor of rank 0, borrowed, written
 *  @shape that of tg_dot; out has it already
 *  @dtypes those of tg_dot
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dot_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** The product that the ranks ask for: of two vectors tg_dot, of matrix and vector tg_mv, of two
 *  matrices tg_mm; above rank 2 the last two dimensions are matrices and those before broadcast. A
 *  vector on the left is a row, on the right a column, and its dimension of size 1 is taken away
 *  again.
 *  @param a tensor of rank 1 or more, borrowed
 *  @param b tensor of rank 1 or more, borrowed
 *  @param out tensor, new
 *  @shape [broadcast of the batches..., n, m]
 *  @dtypes float32, float64
 *  @gradient as tg_mm, summed over broadcast batches
 *  @saved a if b needs a gradient, b if a does
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: a, b; TG_ERROR_SHAPE: a
 *      rank is 0, the inner sizes differ, or the batches do not broadcast; TG_ERROR_DTYPE: an
 *      operand is not float32 or float64, or they differ; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD:
 *      R4; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_matmul(tg_tensor a, tg_tensor b, tg_tensor *out);

/** The product that the ranks ask for, into a given tensor.
 *  @param a tensor of rank 1 or more, borrowed
 *  @param b tensor of rank 1 or more, borrowed
 *  @param out tensor, borrowed, written
 *  @shape that of tg_matmul; out has it already
 *  @dtypes those of tg_matmul
 *  @errors TG_ERROR_INVALID_HANDLE: a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_matmul_out(tg_tensor a, tg_tensor b, tg_tensor out);

/** beta x + alpha (a b), with the matrix product of a and b. With beta 0 x is not read: its NaN
 *  stay out.
 *  @param x tensor that broadcasts to [n, m], borrowed
 *  @param a tensor, shape [n, k], borrowed
 *  @param b tensor, shape [k, m], borrowed
 *  @param beta factor of x
 *  @param alpha factor of the product
 *  @param out tensor, new
 *  @shape [n, m]
 *  @dtypes float32, float64
 *  @gradient x: beta g; a: alpha g b^T; b: alpha a^T g
 *  @saved a if b needs a gradient, b if a does; not x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x, a, b;
 *      TG_ERROR_SHAPE: a or b is no matrix, the inner sizes differ, or x does not broadcast to [n,
 *      m]; TG_ERROR_DTYPE: an operand is not float32 or float64, or they differ; TG_ERROR_MODE: R1,
 *      R4; TG_ERROR_AUTOGRAD: R4; TG_ERROR_CANCELLED: the token in use
 *      was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_addmm(tg_tensor x, tg_tensor a, tg_tensor b, double beta, double alpha,
                          tg_tensor *out);

/** Adds a matrix product in place: x = beta x + alpha (a b). With beta 0 x is not read: its NaN
 *  stay out.
 *  @param x tensor, shape [n, m], borrowed, written
 *  @param a tensor, shape [n, k], borrowed
 *  @param b tensor, shape [k, m], borrowed
 *  @param beta factor of x
 *  @param alpha factor of the product
 *  @dtypes float32, float64
 *  @gradient that of tg_addmm
 *  @saved a if b needs a gradient, b if a does; not x
 *  @errors TG_ERROR_INVALID_HANDLE: x, a, b; TG_ERROR_SHAPE: x, a or b is no matrix, or sizes
 *      differ; TG_ERROR_DTYPE: an operand is not float32 or float64, or they differ; TG_ERROR_MODE:
 *      R1, R2, R4; TG_ERROR_AUTOGRAD: R3, R4; TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the
 *      token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_addmm_(tg_tensor x, tg_tensor a, tg_tensor b, double beta, double alpha);

/** beta x + alpha (a b) into a given tensor.
 *  @param x tensor that broadcasts to [n, m], borrowed
 *  @param a tensor, shape [n, k], borrowed
 *  @param b tensor, shape [k, m], borrowed
 *  @param beta factor of x
 *  @param alpha factor of the product
 *  @param out tensor, borrowed, written
 *  @shape that of tg_addmm; out has it already
 *  @dtypes those of tg_addmm
 *  @errors TG_ERROR_INVALID_HANDLE: x, a, b, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_addmm_out(tg_tensor x, tg_tensor a, tg_tensor b, double beta, double alpha,
                              tg_tensor out);

/** A layer: x weight^T + bias.
 *  @param x tensor, shape [..., k], borrowed
 *  @param weight tensor, shape [m, k], borrowed
 *  @param bias tensor, shape [m], borrowed; 0: none
 *  @param out tensor, new
 *  @shape [..., m]
 *  @dtypes float32, float64
 *  @gradient x: g weight; weight: g^T x, summed over the rows; bias: g, summed over the rows
 *  @saved x if weight needs a gradient, weight if x does; not bias
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x, weight, bias;
 *      TG_ERROR_SHAPE: weight is no matrix, the sizes k differ, or bias is not [m]; TG_ERROR_DTYPE:
 *      an operand is not float32 or float64, or they differ; TG_ERROR_MODE: R1, R4;
 *      TG_ERROR_AUTOGRAD: R4; TG_ERROR_CANCELLED: the token in use was
 *      cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_linear(tg_tensor x, tg_tensor weight, tg_tensor bias, tg_tensor *out);

/** A layer into a given tensor: out = x weight^T + bias.
 *  @param x tensor, shape [..., k], borrowed
 *  @param weight tensor, shape [m, k], borrowed
 *  @param bias tensor, shape [m], borrowed; 0: none
 *  @param out tensor, borrowed, written
 *  @shape that of tg_linear; out has it already
 *  @dtypes those of tg_linear
 *  @errors TG_ERROR_INVALID_HANDLE: x, weight, bias, out; TG_ERROR_SHAPE: R7, or as the form
 *      without out; TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6; TG_ERROR_CANCELLED: the token in use was
 *      cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_linear_out(tg_tensor x, tg_tensor weight, tg_tensor bias, tg_tensor out);

/* ==== Operators: shape ====
 * A view shares the storage of x: a write through one is seen in the other. @saved is nothing for
 * all of them, or the indices. dtypes: all. */

/** x with another shape over the same elements in row-major order, without a copy.
 *  @param x tensor, borrowed
 *  @param shape array of rank sizes; one may be -1 and is computed from the others; may be NULL
 *      where rank is 0
 *  @param rank 0 to 16
 *  @param out view of x, new
 *  @shape as given, with as many elements as x
 *  @gradient g with the shape of x
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, or rank is
 *      negative, a size is below -1, or -1 stands twice; TG_ERROR_INVALID_HANDLE: x;
 *      TG_ERROR_SHAPE: the number of elements differs, -1 cannot be computed, or the strides of x
 *      do not allow it (tg_reshape copies); TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4;
 *      TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_view(tg_tensor x, const int64_t *shape, int32_t rank, tg_tensor *out);

/** x with another shape: a view where the strides allow it, else a copy.
 *  @param x tensor, borrowed
 *  @param shape array of rank sizes; one may be -1 and is computed from the others; may be NULL
 *      where rank is 0
 *  @param rank 0 to 16
 *  @param out view of x or a new tensor, new
 *  @shape as given, with as many elements as x
 *  @gradient g with the shape of x
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, or rank is
 *      negative, a size is below -1, or -1 stands twice; TG_ERROR_INVALID_HANDLE: x;
 *      TG_ERROR_SHAPE: the number of elements differs, or -1 cannot be computed; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_reshape(tg_tensor x, const int64_t *shape, int32_t rank, tg_tensor *out);

/** Makes the dimensions from start_dim to end_dim, both included, one; a view where the strides
 *  allow it.
 *  @param x tensor, borrowed
 *  @param start_dim from -rank to rank - 1
 *  @param end_dim not before start_dim
 *  @param out view of x, x itself where one dimension is flattened, or a new tensor, new
 *  @shape the product of the sizes in place of them; rank 0 becomes [1]
 *  @gradient g with the shape of x
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: a
 *      dimension is out of range, or start_dim comes after end_dim; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_flatten(tg_tensor x, int64_t start_dim, int64_t end_dim, tg_tensor *out);

/** The transpose of a matrix; a tensor of rank 0 or 1 as it is.
 *  @param x tensor of rank 2 or less, borrowed
 *  @param out view of x, new
 *  @shape [m, n] of [n, m]
 *  @gradient g^T
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: the
 *      rank is above 2; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_t(tg_tensor x, tg_tensor *out);

/** Swaps two dimensions.
 *  @param x tensor, borrowed
 *  @param dim0 from -rank to rank - 1
 *  @param dim1 from -rank to rank - 1
 *  @param out view of x, new
 *  @shape that of x with two sizes swapped
 *  @gradient g with the same two swapped
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: a
 *      dimension is out of range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_transpose(tg_tensor x, int64_t dim0, int64_t dim1, tg_tensor *out);

/** Puts the dimensions in another order.
 *  @param x tensor, borrowed
 *  @param dims array of count dimensions: dimension d of the result is dimension dims[d] of x;
 *      negative counts from the end; may be NULL where count is 0
 *  @param count the rank of x
 *  @param out view of x, new
 *  @shape the sizes of x in the order of dims
 *  @gradient g, permuted back
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, dims is NULL but count is not 0, or a dimension
 *      stands twice; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: count is not the rank of x;
 *      TG_ERROR_INDEX: a dimension is out of range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_permute(tg_tensor x, const int64_t *dims, size_t count, tg_tensor *out);

/** Stretches dimensions of size 1 without a copy (stride 0); new dimensions may stand in front.
 *  @param x tensor, borrowed
 *  @param shape array of rank sizes; -1 keeps a size; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param out view of x, new; it cannot be written (R6)
 *  @shape as given
 *  @gradient g, summed over what was stretched
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, or rank is
 *      negative, a size is below -1, or -1 stands for a new dimension; TG_ERROR_INVALID_HANDLE: x;
 *      TG_ERROR_SHAPE: rank is below that of x, or a size other than 1 would change, or the product
 *      of sizes or bytes is above 2^63 - 1; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4;
 *      TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_expand(tg_tensor x, const int64_t *shape, int32_t rank, tg_tensor *out);

/** Takes away all dimensions of size 1.
 *  @param x tensor, borrowed
 *  @param out view of x, new
 *  @shape that of x without its ones
 *  @gradient g with the shape of x
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_squeeze(tg_tensor x, tg_tensor *out);

/** Takes away one dimension if its size is 1.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param out view of x, new
 *  @shape that of x, without dim if its size is 1
 *  @gradient g with the shape of x
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: dim
 *      is out of range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_squeeze_dim(tg_tensor x, int64_t dim, tg_tensor *out);

/** Puts in a dimension of size 1.
 *  @param x tensor, borrowed
 *  @param dim where it stands in the result: from -rank - 1 to rank
 *  @param out view of x, new
 *  @shape that of x with a 1 at dim
 *  @gradient g with the shape of x
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: dim
 *      is out of range; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4; TG_ERROR_LIMIT: x has rank 16
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_unsqueeze(tg_tensor x, int64_t dim, tg_tensor *out);

/** One place of a dimension, which goes away: x[index] for dim 0.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param index from -size to size - 1
 *  @param out view of x, new
 *  @shape that of x without dim
 *  @gradient g at index, 0 elsewhere
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: dim
 *      or index is out of range; rank 0 has none; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_select(tg_tensor x, int64_t dim, int64_t index, tg_tensor *out);

/** A range of a dimension: x[start : start + length] for dim 0.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param start from -size to size
 *  @param length 0 or more; start + length is at most the size
 *  @param out view of x, new
 *  @shape that of x with length at dim
 *  @gradient g in the range, 0 elsewhere
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or length is negative; TG_ERROR_INVALID_HANDLE:
 *      x; TG_ERROR_INDEX: dim, start or start + length is out of range; rank 0 has none;
 *      TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_narrow(tg_tensor x, int64_t dim, int64_t start, int64_t length, tg_tensor *out);

/** Every step-th place of a range: x[start : end : step] for dim 0. start and end are brought into
 *  range as Python does; end INT64_MAX means all.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param start the first place; negative counts from the end
 *  @param end not reached; negative counts from the end
 *  @param step above 0
 *  @param out view of x, new
 *  @shape that of x with ceil((end - start) / step) at dim, or 0
 *  @gradient g at these places, 0 elsewhere
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or step is not above 0; TG_ERROR_INVALID_HANDLE:
 *      x; TG_ERROR_INDEX: dim is out of range; rank 0 has none; TG_ERROR_MODE: R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_slice(tg_tensor x, int64_t dim, int64_t start, int64_t end, int64_t step,
                          tg_tensor *out);

/** Any strides over the storage of x. Elements may be reached more than once.
 *  @param x tensor, borrowed
 *  @param shape array of rank sizes; may be NULL where rank is 0
 *  @param strides array of rank strides in elements, 0 or more; may be NULL where rank is 0
 *  @param rank 0 to 16
 *  @param offset the first element, counted from the start of the storage
 *  @param out view of x, new
 *  @shape as given
 *  @gradient g, added up where elements are reached more than once; only for elements that x
 *      reaches
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, shape is NULL but rank is not 0, a size or rank
 *      is negative, or a stride is negative; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_SHAPE: the
 *      product of sizes or bytes is above 2^63 - 1; TG_ERROR_INDEX: an element would lie outside
 *      the storage; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4; TG_ERROR_LIMIT: rank is above 16
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_as_strided(tg_tensor x, const int64_t *shape, const int64_t *strides,
                               int32_t rank, int64_t offset, tg_tensor *out);

/** Cuts a dimension into pieces of a size; the last may be smaller. The pieces cannot be written
 *  where the call would record (R4).
 *  @param x tensor, borrowed
 *  @param size of a piece, above 0; 0 is allowed where dim has size 0
 *  @param dim from -rank to rank - 1
 *  @param outs array of capacity views of x, new; NULL with capacity 0 asks
 *  @param capacity places in outs
 *  @param count the number of pieces, at least 1
 *  @shape that of x with size at dim
 *  @gradient each g in its place
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: count is NULL, outs is NULL but capacity is not 0, or size is
 *      negative, or 0 where dim has a size; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_INDEX: dim is out
 *      of range; rank 0 has none; TG_ERROR_MODE: R4; TG_ERROR_AUTOGRAD: R4; TG_ERROR_LIMIT:
 *      capacity is too small, or there are more than 65,535 pieces
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_split(tg_tensor x, int64_t size, int64_t dim, tg_tensor *outs, size_t capacity,
                          size_t *count);

/** Puts tensors together along a dimension they have.
 *  @param tensors array of count tensors, borrowed
 *  @param count 1 to 65,535
 *  @param dim from -rank to rank - 1
 *  @param out tensor, new
 *  @shape equal but at dim, where sizes add up; a tensor of shape [0] beside others is passed over
 *  @dtypes all, promoted
 *  @gradient each its part of g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: tensors or out is NULL, or count is 0;
 *      TG_ERROR_INVALID_HANDLE: one of tensors; TG_ERROR_SHAPE: ranks or other sizes differ, or a
 *      rank is 0; TG_ERROR_INDEX: dim is out of range; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD:
 *      R4; TG_ERROR_LIMIT: count is above 65,535
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_cat(const tg_tensor *tensors, size_t count, int64_t dim, tg_tensor *out);

/** Puts tensors together along a dimension they have, into a given tensor.
 *  @param tensors array of count tensors, borrowed
 *  @param count 1 to 65,535
 *  @param dim from -rank to rank - 1
 *  @param out tensor, borrowed, written
 *  @shape that of tg_cat; out has it already
 *  @dtypes those of tg_cat
 *  @errors TG_ERROR_INVALID_ARGUMENT: tensors is NULL, or count is 0; TG_ERROR_INVALID_HANDLE: one
 *      of tensors, out; TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7;
 *      TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_cat_out(const tg_tensor *tensors, size_t count, int64_t dim, tg_tensor out);

/** Puts tensors of one shape together along a new dimension.
 *  @param tensors array of count tensors, borrowed
 *  @param count 1 to 65,535
 *  @param dim where the new dimension stands: from -rank - 1 to rank
 *  @param out tensor, new
 *  @shape that of a tensor with count at dim
 *  @dtypes all, promoted
 *  @gradient each its part of g
 *  @saved nothing
 *  @errors TG_ERROR_INVALID_ARGUMENT: tensors or out is NULL, or count is 0;
 *      TG_ERROR_INVALID_HANDLE: one of tensors; TG_ERROR_SHAPE: shapes differ; TG_ERROR_INDEX: dim
 *      is out of range; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4; TG_ERROR_LIMIT: count is
 *      above 65,535, or the tensors have rank 16
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_stack(const tg_tensor *tensors, size_t count, int64_t dim, tg_tensor *out);

/** Puts tensors of one shape together along a new dimension, into a given tensor.
 *  @param tensors array of count tensors, borrowed
 *  @param count 1 to 65,535
 *  @param dim where the new dimension stands: from -rank - 1 to rank
 *  @param out tensor, borrowed, written
 *  @shape that of tg_stack; out has it already
 *  @dtypes those of tg_stack
 *  @errors TG_ERROR_INVALID_ARGUMENT: tensors is NULL, or count is 0; TG_ERROR_INVALID_HANDLE: one
 *      of tensors, out; TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7;
 *      TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7;
 *      TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_stack_out(const tg_tensor *tensors, size_t count, int64_t dim, tg_tensor out);

/** The places of a dimension that index names, in its order.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param index tensor of rank 0 or 1, int64 or int32, borrowed; each from 0 to size - 1
 *  @param out tensor, new
 *  @shape that of x with the length of index at dim
 *  @dtypes x all; index int64, int32
 *  @gradient g, added at the places; index has none
 *  @saved index
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x, index;
 *      TG_ERROR_SHAPE: the rank of index is above 1; TG_ERROR_DTYPE: index is not int64 or int32;
 *      TG_ERROR_INDEX: dim or an index is out of range; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD:
 *      R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_index_select(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor *out);

/** The places of a dimension that index names, into a given tensor.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param index tensor of rank 0 or 1, int64 or int32, borrowed; each from 0 to size - 1
 *  @param out tensor, borrowed, written
 *  @shape that of tg_index_select; out has it already
 *  @dtypes those of tg_index_select
 *  @errors TG_ERROR_INVALID_HANDLE: x, index, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_INDEX: as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_index_select_out(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor out);

/** Picks along a dimension: out[i, j] = x[index[i, j], j] for dim 0.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param index tensor of the rank of x, int64, borrowed; each from 0 to size - 1
 *  @param out tensor, new
 *  @shape that of index, which is at most x but at dim
 *  @dtypes x all; index int64
 *  @gradient g, added at the places; index has none
 *  @saved index
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: x, index;
 *      TG_ERROR_SHAPE: ranks differ, or index is larger than x beside dim; TG_ERROR_DTYPE: index is
 *      not int64; TG_ERROR_INDEX: dim or an index is out of range; TG_ERROR_MODE: R1, R4;
 *      TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_gather(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor *out);

/** Picks along a dimension into a given tensor.
 *  @param x tensor, borrowed
 *  @param dim from -rank to rank - 1
 *  @param index tensor of the rank of x, int64, borrowed; each from 0 to size - 1
 *  @param out tensor, borrowed, written
 *  @shape that of tg_gather; out has it already
 *  @dtypes those of tg_gather
 *  @errors TG_ERROR_INVALID_HANDLE: x, index, out; TG_ERROR_SHAPE: R7, or as the form without out;
 *      TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_INDEX: as the form without out;
 *      TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_gather_out(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor out);

/* ==== Losses ====
 * reduction is TG_REDUCTION_NONE (one loss each), TG_REDUCTION_MEAN or TG_REDUCTION_SUM; another
 * number is TG_ERROR_INVALID_ARGUMENT. */

/** The squared error (x - target)^2 and its mean or sum.
 *  @param x tensor, borrowed
 *  @param target tensor, borrowed
 *  @param reduction TG_REDUCTION_*
 *  @param out tensor, new
 *  @shape the two broadcast; [] for mean and sum
 *  @dtypes float32, float64, promoted
 *  @gradient x: 2 g (x - target), divided by n for the mean; target: the negative
 *  @saved x and target
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or reduction is an unknown number;
 *      TG_ERROR_INVALID_HANDLE: x, target; TG_ERROR_SHAPE: the shapes do not broadcast;
 *      TG_ERROR_DTYPE: an operand is not floating point; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD:
 *      R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mse_loss(tg_tensor x, tg_tensor target, int32_t reduction, tg_tensor *out);

/** The squared error (x - target)^2 and its mean or sum, into a given tensor.
 *  @param x tensor, borrowed
 *  @param target tensor, borrowed
 *  @param reduction TG_REDUCTION_*
 *  @param out tensor, borrowed, written
 *  @shape that of tg_mse_loss; out has it already
 *  @dtypes those of tg_mse_loss
 *  @errors TG_ERROR_INVALID_ARGUMENT: reduction is an unknown number; TG_ERROR_INVALID_HANDLE: x,
 *      target, out; TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7, or as the
 *      form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_mse_loss_out(tg_tensor x, tg_tensor target, int32_t reduction, tg_tensor out);

/** The negative log-likelihood -weight[target] x[target], with x log-probabilities such as those of
 *  tg_log_softmax. The mean is divided by the sum of the weights met.
 *  @param x tensor, shape [classes] or [n, classes, ...], borrowed
 *  @param target tensor, int64, shape [] or [n, ...], borrowed; class indices
 *  @param weight tensor, shape [classes], of the dtype of x, borrowed; 0: ones. It gets no gradient
 *  @param ignore_index a target that counts nothing; PyTorch's is -100
 *  @param reduction TG_REDUCTION_*
 *  @param out tensor, new
 *  @shape that of target for none; [] for mean and sum
 *  @dtypes x float32, float64; target int64
 *  @gradient -g weight[target] at the target, divided by the sum of the weights for the mean; 0
 *      elsewhere
 *  @saved target and weight
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or reduction is an unknown number;
 *      TG_ERROR_INVALID_HANDLE: x, target, weight; TG_ERROR_SHAPE: the shapes do not fit;
 *      TG_ERROR_DTYPE: x is not float32 or float64, target not int64, or weight has another dtype;
 *      TG_ERROR_INDEX: a target is neither ignore_index nor from 0 to classes - 1; TG_ERROR_MODE:
 *      R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_nll_loss(tg_tensor x, tg_tensor target, tg_tensor weight, int64_t ignore_index,
                             int32_t reduction, tg_tensor *out);

/** The negative log-likelihood of tg_nll_loss, into a given tensor.
 *  @param x tensor, shape [classes] or [n, classes, ...], borrowed
 *  @param target tensor, int64, shape [] or [n, ...], borrowed; class indices
 *  @param weight tensor, shape [classes], of the dtype of x, borrowed; 0: ones
 *  @param ignore_index a target that counts nothing; PyTorch's is -100
 *  @param reduction TG_REDUCTION_*
 *  @param out tensor, borrowed, written
 *  @shape that of tg_nll_loss; out has it already
 *  @dtypes those of tg_nll_loss
 *  @errors TG_ERROR_INVALID_ARGUMENT: reduction is an unknown number; TG_ERROR_INVALID_HANDLE: x,
 *      target, weight, out; TG_ERROR_SHAPE: R7, or as the form without out; TG_ERROR_DTYPE: R7, or
 *      as the form without out; TG_ERROR_INDEX: as the form without out; TG_ERROR_MODE: R2;
 *      TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_nll_loss_out(tg_tensor x, tg_tensor target, tg_tensor weight,
                                 int64_t ignore_index, int32_t reduction, tg_tensor out);

/** tg_nll_loss of tg_log_softmax over the classes, with label smoothing e (Szegedy, Vanhoucke,
 *  Ioffe, Shlens, Wojna: Rethinking the Inception architecture, 2016): (1 - e) times that loss plus
 *  e / classes times the sum of -weight[c] log p[c] over the classes.
 *  @param x tensor of scores, shape [classes] or [n, classes, ...], borrowed
 *  @param target tensor, int64, shape [] or [n, ...], borrowed; class indices
 *  @param weight tensor, shape [classes], of the dtype of x, borrowed; 0: ones. It gets no gradient
 *  @param ignore_index a target that counts nothing; PyTorch's is -100
 *  @param reduction TG_REDUCTION_*
 *  @param label_smoothing from 0 to 1; PyTorch's is 0
 *  @param out tensor, new
 *  @shape that of target for none; [] for mean and sum
 *  @dtypes x float32, float64; target int64
 *  @gradient for weight 1: g (softmax(x) - (1 - e) onehot(target) - e / classes), divided by n for
 *      the mean
 *  @saved the logarithms of the softmax, target and weight; not x
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or reduction is an unknown number, or
 *      label_smoothing is not from 0 to 1; TG_ERROR_INVALID_HANDLE: x, target, weight;
 *      TG_ERROR_SHAPE: the shapes do not fit; TG_ERROR_DTYPE: x is not float32 or float64, target
 *      not int64, or weight has another dtype; TG_ERROR_INDEX: a target is neither ignore_index nor
 *      from 0 to classes - 1; TG_ERROR_MODE: R1, R4; TG_ERROR_AUTOGRAD: R4
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_cross_entropy(tg_tensor x, tg_tensor target, tg_tensor weight,
                                  int64_t ignore_index, int32_t reduction, double label_smoothing,
                                  tg_tensor *out);

/** The cross entropy of tg_cross_entropy, into a given tensor.
 *  @param x tensor of scores, shape [classes] or [n, classes, ...], borrowed
 *  @param target tensor, int64, shape [] or [n, ...], borrowed; class indices
 *  @param weight tensor, shape [classes], of the dtype of x, borrowed; 0: ones
 *  @param ignore_index a target that counts nothing; PyTorch's is -100
 *  @param reduction TG_REDUCTION_*
 *  @param label_smoothing from 0 to 1; PyTorch's is 0
 *  @param out tensor, borrowed, written
 *  @shape that of tg_cross_entropy; out has it already
 *  @dtypes those of tg_cross_entropy
 *  @errors TG_ERROR_INVALID_ARGUMENT: reduction is an unknown number, or label_smoothing is not
 *      from 0 to 1; TG_ERROR_INVALID_HANDLE: x, target, weight, out; TG_ERROR_SHAPE: R7, or as the
 *      form without out; TG_ERROR_DTYPE: R7, or as the form without out; TG_ERROR_INDEX: as the
 *      form without out; TG_ERROR_MODE: R2; TG_ERROR_AUTOGRAD: R7; TG_ERROR_UNSUPPORTED: R6
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_cross_entropy_out(tg_tensor x, tg_tensor target, tg_tensor weight,
                                      int64_t ignore_index, int32_t reduction,
                                      double label_smoothing, tg_tensor out);

/* ==== Autograd ====
 * Backward walks the graph from its roots to the leaves, on the calling thread, in an order that
 * depends on the graph alone, without recursion. Leaves that require grad collect into `.grad`: the
 * first gradient is kept as it came where nobody else holds it, else copied; later ones are added
 * in place (with TG_CREATE_GRAPH a new tensor takes their place). Saved tensors are freed as soon
 * as they are used, so a second pass over a node that saved some needs TG_RETAIN_GRAPH. A released
 * handle never breaks a graph. If a pass fails, every `.grad` is as before it, but of leaves with a
 * hook after accumulation (tg_post_accumulate_grad_hook); what had run of the graph is freed,
 * unless it was to be retained. Concurrent passes into one leaf give the exact sum.
 * With TG_CREATE_GRAPH the pass itself is recorded, for second derivatives; it keeps the graph too.
 * Gradients so made may hold a tensor that holds them: take such a ring apart by
 * tg_tensor_set_grad(x, 0). */

/** Adds the gradients of a single number to `.grad` of the leaves it depends on: tg_backward_from
 *  with one output and no flags.
 *  @param output tensor of one element that requires grad, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: output; TG_ERROR_SHAPE: a hook gave a gradient of another
 *      shape; TG_ERROR_DTYPE: a hook gave a gradient of another dtype; TG_ERROR_MODE: inference
 *      mode is 1, or an inference tensor is among the arguments; TG_ERROR_AUTOGRAD: output has not
 *      one element, requires no grad, or its graph was freed or is walked by another thread;
 *      TG_ERROR_VERSION: a tensor that was saved has been changed in place; the message names it,
 *      its operator and both versions; TG_ERROR_CALLBACK: a hook returned a number of its own;
 *      TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_backward(tg_tensor output);

/** Adds the gradients of sums of outputs times grad_outputs to `.grad` of the leaves, in one pass.
 *  An output given twice counts twice.
 *  @param outputs array of count tensors that require grad, borrowed
 *  @param grad_outputs array of count tensors, borrowed, each of the shape of its output, converted
 *      to its dtype; NULL: all 0; 0 among them: 1, for an output of one element
 *  @param count 1 or more
 *  @param flags TG_RETAIN_GRAPH, TG_CREATE_GRAPH or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: outputs is NULL, flags has an unknown bit, or count is 0;
 *      TG_ERROR_INVALID_HANDLE: one of outputs, one of grad_outputs; TG_ERROR_SHAPE: a given
 *      gradient has another shape than its output, or a hook gave one of another shape;
 *      TG_ERROR_DTYPE: a hook gave a gradient of another dtype; TG_ERROR_MODE: inference mode is 1,
 *      or an inference tensor is among the arguments; TG_ERROR_AUTOGRAD: an output requires no
 *      grad, has not one element and no gradient, or its graph was freed or is walked by another
 *      thread; TG_ERROR_VERSION: a tensor that was saved has been changed in place; the message
 *      names it, its operator and both versions; TG_ERROR_CALLBACK: a hook returned a number of its
 *      own; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_backward_from(const tg_tensor *outputs, const tg_tensor *grad_outputs,
                                  size_t count, uint32_t flags);

/** Gives the gradients of sums of outputs times grad_outputs by the inputs, and touches no `.grad`.
 *  An input may be a leaf or not.
 *  @param outputs array of count tensors that require grad, borrowed
 *  @param grad_outputs array of count tensors, borrowed, as for tg_backward_from; NULL: all 0; 0
 *      among them: 1, for an output of one element
 *  @param count 1 or more
 *  @param inputs array of input_count tensors that require grad, borrowed
 *  @param input_count 1 or more
 *  @param flags TG_RETAIN_GRAPH, TG_CREATE_GRAPH, TG_ALLOW_UNUSED or 0
 *  @param outs array of input_count tensors, new; 0 for an input that no output depends on, with
 *      TG_ALLOW_UNUSED
 *  @errors TG_ERROR_INVALID_ARGUMENT: outputs, inputs or outs is NULL, flags has an unknown bit, or
 *      a count is 0; TG_ERROR_INVALID_HANDLE: one of outputs, one of grad_outputs, one of inputs;
 *      TG_ERROR_SHAPE: a given gradient has another shape than its output, or a hook gave one of
 *      another shape; TG_ERROR_DTYPE: a hook gave a gradient of another dtype; TG_ERROR_MODE:
 *      inference mode is 1, or an inference tensor is among the arguments; TG_ERROR_AUTOGRAD: as
 *      tg_backward_from, an input requires no grad, or no output depends on an input and
 *      TG_ALLOW_UNUSED is not given; TG_ERROR_VERSION: a tensor that was saved has been changed in
 *      place; the message names it, its operator and both versions; TG_ERROR_CALLBACK: a hook
 *      returned a number of its own; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_grad(const tg_tensor *outputs, const tg_tensor *grad_outputs, size_t count,
                         const tg_tensor *inputs, size_t input_count, uint32_t flags,
                         tg_tensor *outs);

/** The operator that a node recorded: "MulBackward"; "AccumulateGrad" for a leaf.
 *  @param node node, borrowed
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: node
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_node_name(tg_node node, char *buffer, size_t capacity, size_t *length);

/** The nodes that a node's gradients go to, one for each operand.
 *  @param node node, borrowed
 *  @param inputs array of capacity nodes, new; 0 where no gradient goes; NULL with capacity 0 asks
 *  @param capacity places in inputs
 *  @param count the number of inputs; 0 for AccumulateGrad
 *  @errors TG_ERROR_INVALID_ARGUMENT: count is NULL, or inputs is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: node; TG_ERROR_LIMIT: capacity is too small
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_node_inputs(tg_node node, tg_node *inputs, size_t capacity, size_t *count);

/** Which output of the input node the operand was, for nodes with several outputs.
 *  @param node node, borrowed
 *  @param index which input, from 0
 *  @param out the number of the output, from 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: node; TG_ERROR_INDEX:
 *      index is not below the number of inputs
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_node_input_number(tg_node node, size_t index, uint32_t *out);

/** A number that rises with each node that a thread records. That of AccumulateGrad is above all
 *  others.
 *  @param node node, borrowed
 *  @param out the number
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: node
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_node_sequence(tg_node node, uint64_t *out);

/** Bytes of the tensors that a node keeps for backward; 0 after they were freed.
 *  @param node node, borrowed
 *  @param out the bytes
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: node;
 *      TG_ERROR_AUTOGRAD: a backward runs over the node now
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_node_saved_bytes(tg_node node, uint64_t *out);

/* ==== Modules ====
 * A module is a layer or a chain of layers. Parameters are tensors that require grad, named as in
 * PyTorch ("0.weight"). First values come from the default generator, in the order of construction.
 * A module made in inference mode has inference tensors as parameters and cannot be trained. */

/** A layer x weight^T + bias (tg_linear) with weight [out_features, in_features] and bias
 *  [out_features], both uniform in +-1 / sqrt(in_features) at first, as PyTorch does.
 *  @param in_features 0 or more
 *  @param out_features 0 or more
 *  @param bias 1: with a bias; 0: without
 *  @param dtype TG_FLOAT32 or TG_FLOAT64
 *  @param out module, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, dtype is an unknown number, or a size is
 *      negative, or bias is neither 0 nor 1; TG_ERROR_DTYPE: dtype is not TG_FLOAT32 or TG_FLOAT64
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_nn_linear(int64_t in_features, int64_t out_features, int32_t bias,
                              int32_t dtype, tg_module *out);

/** The layer tg_relu, without parameters.
 *  @param out module, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_nn_relu(tg_module *out);

/** A function of one tensor that gives one tensor, as a module without parameters.
 *  @param fn called at each forward with one input (borrowed) and one out (consumed), kept
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @param out module, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn or out is NULL
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_nn_function(tg_function fn, void *user_data, tg_destructor destructor,
                                tg_module *out);

/** A chain: each module gets the result of the one before. It holds its modules; their parameters
 *  are named by place: "0.weight", "2.bias".
 *  @param modules array of count modules, borrowed and held; may be NULL where count is 0
 *  @param count how many; a chain of none gives its input
 *  @param out module, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL, or modules is NULL but count is not 0;
 *      TG_ERROR_INVALID_HANDLE: one of modules
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_nn_sequential(const tg_module *modules, size_t count, tg_module *out);

/** Runs a module on a tensor.
 *  @param module module, borrowed
 *  @param x tensor, borrowed
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: module, x;
 *      TG_ERROR_SHAPE: x does not fit the first layer; TG_ERROR_DTYPE: x has another dtype than the
 *      parameters; TG_ERROR_MODE: R1, R4 of its operators; TG_ERROR_AUTOGRAD: R4 of its operators;
 *      TG_ERROR_CALLBACK: a function of tg_nn_function failed for a reason of its own, or gave no
 *      tensor; other statuses stand as they are; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_module_forward(tg_module module, tg_tensor x, tg_tensor *out);

/** Puts a module and all inside it into training (1) or evaluation (0).
 *  @param module module, borrowed
 *  @param training 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: training is neither 0 nor 1; TG_ERROR_INVALID_HANDLE: module
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_train(tg_module module, int32_t training);

/** The same as tg_module_train(module, 0).
 *  @param module module, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: module
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_eval(tg_module module);

/** Whether a module is in training; new modules are.
 *  @param module module, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: module
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_is_training(tg_module module, int32_t *out);

/** Lets all parameters require grad, or none: freezes a part of a network.
 *  @param module module, borrowed
 *  @param requires_grad 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: requires_grad is neither 0 nor 1; TG_ERROR_INVALID_HANDLE:
 *      module; TG_ERROR_MODE: 1 where the parameters are inference tensors and inference mode is 0
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_set_requires_grad(tg_module module, int32_t requires_grad);

/** Takes the `.grad` of every parameter away; one that tg_tensor_set_grad gave is set to 0 in
 *  place.
 *  @param module module, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: module
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_module_zero_grad(tg_module module);

/** The number of parameters. One that stands in several places counts once.
 *  @param module module, borrowed
 *  @param out the number
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: module
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_parameter_count(tg_module module, size_t *out);

/** A parameter by its place in the order of layers, weight before bias.
 *  @param module module, borrowed
 *  @param index from 0
 *  @param out the parameter itself, not a copy, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: module; TG_ERROR_INDEX:
 *      index is not below the number of parameters
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_parameter_at(tg_module module, size_t index, tg_tensor *out);

/** The name of a parameter, such as "0.weight".
 *  @param module module, borrowed
 *  @param index from 0
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: module; TG_ERROR_INDEX: index is not below the number of parameters
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_parameter_name(tg_module module, size_t index, char *buffer,
                                          size_t capacity, size_t *length);

/** The parameters by name, detached, sharing storage with the module.
 *  @param module module, borrowed
 *  @param out dictionary, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: module
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_state_dict(tg_module module, tg_dict *out);

/** Copies the tensors of a dictionary into the parameters of the same names, converted to their
 *  dtype: all or nothing. The report has a line for each trouble: `missing: 0.bias`, `unexpected:
 *  x`, `shape: 0.weight: [2, 3] in the file, [3, 2] here`; it is written also on failure.
 *  @param module module, borrowed, written
 *  @param dict dictionary, borrowed
 *  @param strict 1: a missing or unexpected name is an error; 0: it is passed over
 *  @param report memory of capacity bytes; NULL with capacity 0: no report
 *  @param capacity bytes in report
 *  @param length the report's full length without NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: report is NULL but capacity is not 0, or strict is neither 0
 *      nor 1; TG_ERROR_INVALID_HANDLE: module, dict; TG_ERROR_SHAPE: a tensor has another shape
 *      than its parameter; TG_ERROR_MODE: the parameters are inference tensors and inference mode
 *      is 0; TG_ERROR_NOT_FOUND: strict is 1 and a name is missing or unexpected;
 *      TG_ERROR_UNSUPPORTED: a parameter is read-only; TG_ERROR_CANCELLED: the token in use was
 *      cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_module_load_state_dict(tg_module module, tg_dict dict, int32_t strict,
                                           char *report, size_t capacity, size_t *length);

/* ==== Optimizers ====
 * An optimizer holds its parameters and changes them by their `.grad`, outside the tape, in any
 * mode; its state is never an inference tensor. Settings have names and are doubles. */

/** Gradient descent with momentum, in PyTorch's form (Sutskever, Martens, Dahl, Hinton: On the
 *  importance of initialization and momentum in deep learning, 2013): g += weight_decay p; b =
 *  momentum b + (1 - dampening) g, at first b = g; p -= lr b, with nesterov p -= lr (g + momentum
 *  b). Settings: lr, momentum 0, dampening 0, weight_decay 0, nesterov 0.
 *  @param parameters array of count tensors, borrowed and held
 *  @param count 1 or more
 *  @param lr the learning rate, 0 or more
 *  @param out optimizer, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: parameters or out is NULL, or count is 0, a parameter is
 *      given twice, or lr is negative or NaN; TG_ERROR_INVALID_HANDLE: one of parameters;
 *      TG_ERROR_DTYPE: a parameter is not float32 or float64; TG_ERROR_MODE: a parameter is an
 *      inference tensor; TG_ERROR_AUTOGRAD: a parameter is not a leaf
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optim_sgd(const tg_tensor *parameters, size_t count, double lr,
                              tg_optimizer *out);

/** Adam (Kingma and Ba, 2015): m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= lr
 *  m' / (sqrt(v') + eps), with m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t). weight_decay
 *  joins g, or with decoupled 1 shrinks p by lr weight_decay (AdamW: Loshchilov and Hutter, 2019).
 *  Settings: lr, beta1 0.9, beta2 0.999, eps 1e-8, weight_decay 0, decoupled 0.
 *  @param parameters array of count tensors, borrowed and held
 *  @param count 1 or more
 *  @param lr the learning rate, 0 or more; PyTorch's is 0.001
 *  @param out optimizer, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: parameters or out is NULL, or count is 0, a parameter is
 *      given twice, or lr is negative or NaN; TG_ERROR_INVALID_HANDLE: one of parameters;
 *      TG_ERROR_DTYPE: a parameter is not float32 or float64; TG_ERROR_MODE: a parameter is an
 *      inference tensor; TG_ERROR_AUTOGRAD: a parameter is not a leaf
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optim_adam(const tg_tensor *parameters, size_t count, double lr,
                               tg_optimizer *out);

/** Changes a setting by name, from the next step on.
 *  @param optimizer optimizer, borrowed
 *  @param name such as "momentum"
 *  @param value its value; for nesterov and decoupled 0 or 1
 *  @errors TG_ERROR_INVALID_ARGUMENT: name is NULL, name is not UTF-8, or value is out of the
 *      setting's range, or nesterov is to be 1 while momentum is 0 or dampening is not 0: set
 *      momentum first; TG_ERROR_INVALID_HANDLE: optimizer; TG_ERROR_NOT_FOUND: there is no such
 *      setting; the message lists those there are
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optimizer_set(tg_optimizer optimizer, const char *name, double value);

/** Reads a setting by name.
 *  @param optimizer optimizer, borrowed
 *  @param name such as "lr"
 *  @param out its value
 *  @errors TG_ERROR_INVALID_ARGUMENT: name or out is NULL, or name is not UTF-8;
 *      TG_ERROR_INVALID_HANDLE: optimizer; TG_ERROR_NOT_FOUND: there is no such setting; the
 *      message lists those there are
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optimizer_get(tg_optimizer optimizer, const char *name, double *out);

/** Changes each parameter that has a `.grad`; its version rises by 1.
 *  @param optimizer optimizer, borrowed; its parameters are written
 *  @errors TG_ERROR_INVALID_HANDLE: optimizer; TG_ERROR_UNSUPPORTED: a parameter with a `.grad` is
 *      read-only; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optimizer_step(tg_optimizer optimizer);

/** Takes the `.grad` of every parameter away; one that tg_tensor_set_grad gave is set to 0 in
 *  place.
 *  @param optimizer optimizer, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: optimizer
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_optimizer_zero_grad(tg_optimizer optimizer);

/** State and settings by name: `state.0.momentum_buffer`; `state.0.exp_avg`, `state.0.exp_avg_sq`,
 *  `state.0.step`; `param_groups.0.lr` and the other settings as float64 of rank 0. The state
 *  shares storage with the optimizer.
 *  @param optimizer optimizer, borrowed
 *  @param out dictionary, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: optimizer
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optimizer_state_dict(tg_optimizer optimizer, tg_dict *out);

/** Copies what tg_optimizer_state_dict gave into an optimizer over parameters of the same shapes:
 *  all or nothing.
 *  @param optimizer optimizer, borrowed, written
 *  @param dict dictionary, borrowed
 *  @errors TG_ERROR_INVALID_ARGUMENT: a setting has a value out of its range;
 *      TG_ERROR_INVALID_HANDLE: optimizer, dict; TG_ERROR_SHAPE: a state has another shape than its
 *      parameter, or a setting is not one number; TG_ERROR_NOT_FOUND: a setting is missing, or a
 *      name is none of this optimizer's; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_optimizer_load_state_dict(tg_optimizer optimizer, tg_dict dict);

/** Scales the gradients so that their common norm is at most max_norm: each times max_norm / (norm
 *  + 1e-6) where that is below 1 (Pascanu, Mikolov, Bengio: On the difficulty of training recurrent
 *  neural networks, 2013).
 *  @param parameters array of count tensors, borrowed; their `.grad` is written. Those without one
 *      are passed over
 *  @param count how many
 *  @param max_norm 0 or more
 *  @param norm_type the p of the p-norm, above 0; INFINITY: the greatest magnitude
 *  @param total_norm the norm before clipping; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: parameters is NULL, or max_norm is negative or NaN, or
 *      norm_type is not above 0; TG_ERROR_INVALID_HANDLE: one of parameters; TG_ERROR_DTYPE: a
 *      gradient is not float32 or float64
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_clip_grad_norm_(const tg_tensor *parameters, size_t count, double max_norm,
                                    double norm_type, double *total_norm);

/* ==== Dictionaries and files ====
 * A dictionary is an ordered map from text to tensor, with metadata from text to text. A file is
 * written beside its place, brought to the disk and renamed, so that a reader sees the old file or
 * the new one. A reader checks the whole header of a file before it makes the first tensor. */

/** An empty dictionary.
 *  @param out dictionary, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dict_create(tg_dict *out);

/** Puts a tensor under a name: the tensor itself, not a copy. A name that exists keeps its place.
 *  @param dict dictionary, borrowed
 *  @param name text, copied
 *  @param x tensor, borrowed and held; 0: takes the name away where it is there
 *  @errors TG_ERROR_INVALID_ARGUMENT: name is NULL, or name is not UTF-8; TG_ERROR_INVALID_HANDLE:
 *      dict, x
 *  @threads any thread, one at a time for one dictionary
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_dict_set(tg_dict dict, const char *name, tg_tensor x);

/** The tensor under a name.
 *  @param dict dictionary, borrowed
 *  @param name text
 *  @param out the tensor itself, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: name or out is NULL, or name is not UTF-8;
 *      TG_ERROR_INVALID_HANDLE: dict; TG_ERROR_NOT_FOUND: there is no such name
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dict_get(tg_dict dict, const char *name, tg_tensor *out);

/** The number of names.
 *  @param dict dictionary, borrowed
 *  @param out the number
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: dict
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dict_size(tg_dict dict, size_t *out);

/** A name by its place in the order of insertion.
 *  @param dict dictionary, borrowed
 *  @param index from 0
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: dict; TG_ERROR_INDEX: index is not below the number of names
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dict_name_at(tg_dict dict, size_t index, char *buffer, size_t capacity,
                                 size_t *length);

/** Puts a text under a key: the `__metadata__` of a safetensors file, kept by load and save.
 *  @param dict dictionary, borrowed
 *  @param key text, copied
 *  @param value text, copied; NULL: takes the key away where it is there
 *  @errors TG_ERROR_INVALID_ARGUMENT: key is NULL, key is not UTF-8, or value is not UTF-8;
 *      TG_ERROR_INVALID_HANDLE: dict
 *  @threads any thread, one at a time for one dictionary
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dict_metadata_set(tg_dict dict, const char *key, const char *value);

/** The text under a key.
 *  @param dict dictionary, borrowed
 *  @param key text
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: key is NULL, buffer is NULL but capacity is not 0, or key is
 *      not UTF-8; TG_ERROR_INVALID_HANDLE: dict; TG_ERROR_NOT_FOUND: there is no such key
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_dict_metadata_get(tg_dict dict, const char *key, char *buffer, size_t capacity,
                                      size_t *length);

/** Writes a dictionary as a safetensors file (format of huggingface/safetensors). Strided tensors
 *  are written row-major. If saving fails, the file that was there stays.
 *  @param path where; a regular file or nothing
 *  @param dict dictionary, borrowed; a tensor may not be named `__metadata__`
 *  @errors TG_ERROR_INVALID_ARGUMENT: path is NULL, path is not UTF-8, or a tensor is named
 *      `__metadata__`; TG_ERROR_INVALID_HANDLE: dict; TG_ERROR_LIMIT: the header would be above
 *      100,000,000 bytes; TG_ERROR_IO: the system refused; tg_last_error_detail has errno;
 *      TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_safetensors_save(const char *path, tg_dict dict);

/** Reads a safetensors file into a dictionary, strictly: header of at most 100,000,000 bytes,
 *  nesting of 3, rank of at most 16, sizes and bytes whose product fits; names once; every byte of
 *  data owned by one tensor. Whatever the bytes, it neither crashes nor allocates by a number that
 *  it has not checked. Sound dtypes that this library lacks are TG_ERROR_UNSUPPORTED.
 *  @param path the file; a regular one
 *  @param flags 0, or TG_FILE_MAP: maps the file instead of reading it; tensors are then read-only,
 *      those not aligned to their dtype are copied. The caller trusts the file: if somebody cuts
 *      it, reading the tensors ends the process
 *  @param out dictionary, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: path or out is NULL, flags has an unknown bit, or path is not
 *      UTF-8; TG_ERROR_LIMIT: the header is above 100,000,000 bytes, or a rank above 16;
 *      TG_ERROR_FORMAT: the file breaks the format; message and tg_last_error_detail have the byte
 *      offset; TG_ERROR_IO: the system refused, or path is no regular file; tg_last_error_detail
 *      has errno; TG_ERROR_UNSUPPORTED: a tensor has a dtype of the format that this library lacks;
 *      TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_safetensors_load(const char *path, uint32_t flags, tg_dict *out);

/** Reads a safetensors file that stands in memory. Tensors are copies.
 *  @param bytes memory of size bytes, those of the file
 *  @param size how many
 *  @param out dictionary, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: bytes or out is NULL; TG_ERROR_LIMIT: the header is above
 *      100,000,000 bytes, or a rank above 16; TG_ERROR_FORMAT: the bytes break the format; message
 *      and tg_last_error_detail have the byte offset; TG_ERROR_UNSUPPORTED: a tensor has a dtype of
 *      the format that this library lacks; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_safetensors_load_memory(const void *bytes, size_t size, tg_dict *out);

/** Writes a tensor as NumPy's .npy file, version 1.0. Strided tensors are written row-major. If
 *  saving fails, the file that was there stays.
 *  @param path where; a regular file or nothing. No ending is added
 *  @param x tensor, borrowed
 *  @errors TG_ERROR_INVALID_ARGUMENT: path is NULL, or path is not UTF-8; TG_ERROR_INVALID_HANDLE:
 *      x; TG_ERROR_IO: the system refused; tg_last_error_detail has errno; TG_ERROR_UNSUPPORTED: x
 *      is bfloat16, which NumPy lacks; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_npy_save(const char *path, tg_tensor x);

/** Reads NumPy's .npy file, versions 1.0, 2.0 and 3.0, strictly: header of at most 65,536 bytes,
 *  each key once, sizes in decimal digits, rank of at most 16, and exactly the bytes that the shape
 *  needs (NumPy passes over those that follow). Big-endian elements and Fortran order are read; the
 *  tensor is row-major. Whatever the bytes, it neither crashes nor allocates by a number that it
 *  has not checked, and never unpickles.
 *  @param path the file; a regular one
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: path or out is NULL, or path is not UTF-8; TG_ERROR_LIMIT:
 *      the header is above 65,536 bytes, or the rank above 16; TG_ERROR_FORMAT: the file breaks the
 *      format; message and tg_last_error_detail have the byte offset; TG_ERROR_IO: the system
 *      refused, or path is no regular file; tg_last_error_detail has errno; TG_ERROR_UNSUPPORTED:
 *      the elements have a type that this library lacks; TG_ERROR_CANCELLED: the token in use was
 *      cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_npy_load(const char *path, tg_tensor *out);

/** Writes a dictionary as NumPy's .npz archive, as numpy.savez: a member `name.npy` for each
 *  tensor, not compressed, the same bytes for the same dictionary each time. Its metadata have no
 *  place there. If saving fails, the file that was there stays.
 *  @param path where; a regular file or nothing. No ending is added
 *  @param dict dictionary, borrowed
 *  @errors TG_ERROR_INVALID_ARGUMENT: path is NULL, or path is not UTF-8; TG_ERROR_INVALID_HANDLE:
 *      dict; TG_ERROR_LIMIT: a name is above 65,531 bytes; TG_ERROR_IO: the system refused;
 *      tg_last_error_detail has errno; TG_ERROR_UNSUPPORTED: a tensor is bfloat16, which NumPy
 *      lacks; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_npz_save(const char *path, tg_dict dict);

/** Reads NumPy's .npz archive into a dictionary, stored or deflated (numpy.savez_compressed), in
 *  the order of its directory; names are those of the members without `.npy`. Directory and members
 *  must agree, members may not overlap nor have one name, and each must give its CRC-32. Members
 *  are read as by tg_npy_load; of a deflated one no more is unpacked than it is said to have.
 *  @param path the file; a regular one
 *  @param out dictionary, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: path or out is NULL, or path is not UTF-8; TG_ERROR_LIMIT:
 *      the archive's directory is above 100,000,000 bytes, a header above 65,536, or a rank above
 *      16; TG_ERROR_FORMAT: archive or member breaks its format; message and tg_last_error_detail
 *      have the byte offset, in a member's header that in the member; TG_ERROR_IO: the system
 *      refused, or path is no regular file; tg_last_error_detail has errno; TG_ERROR_UNSUPPORTED: a
 *      member is no .npy file, encrypted, compressed otherwise, or has a type that this library
 *      lacks; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_npz_load(const char *path, tg_dict *out);

/* ==== Memory, threads, BLAS ==== */

/** Bytes of tensor data that are alive, as asked for: exact for one thread, within 64 KiB a thread
 *  for several.
 *  @return the bytes
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API uint64_t tg_memory_current(void);

/** The greatest value of tg_memory_current since the start or tg_memory_peak_reset.
 *  @return the bytes
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API uint64_t tg_memory_peak(void);

/** Bytes kept for reuse, packed weights of layers among them; they do not count as current.
 *  @return the bytes
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API uint64_t tg_memory_cached(void);

/** Sets the peak to the present value.
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API void tg_memory_peak_reset(void);

/** Bounds tg_memory_current: a request that would pass it is TG_ERROR_OUT_OF_MEMORY, exactly so
 *  with one thread. Cached blocks do not count and are given back first.
 *  @param bytes the bound; 0: none
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_memory_limit_set(uint64_t bytes);

/** Gives cached memory back to the system; other threads do so at their next call.
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_memory_trim(void);

/** How many threads, the caller included, a large operation may use. Results do not depend on it.
 *  It wins over the variable TG_NUM_THREADS.
 *  @param count 1 to 256; 0: all cores
 *  @errors TG_ERROR_INVALID_ARGUMENT: count is negative or above 256
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_num_threads_set(int32_t count);

/** How many threads a large operation may use.
 *  @return the number, at least 1
 *  @errors none
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API int32_t tg_num_threads(void);

/** Which BLAS library is used, or why none, as JSON: its file, build, processor type, how many
 *  calls it takes at once, the result of the test at its first use. Asking loads nothing.
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_blas_info(char *buffer, size_t capacity, size_t *length);

/* ==== Autograd: hooks ====
 * Hooks see gradients on their way and may put others in their place. Backward and tg_grad run them
 * on the calling thread, in an order that depends on the graph alone. At a node: the hooks of the
 * tensors that it gave, in the order of their registration; then a gradient is retained
 * (tg_tensor_retain_grad); then the node's hooks TG_BEFORE; the node; its hooks TG_AFTER. The hooks
 * of a leaf run once a pass, when its whole gradient is known, before it goes to `.grad`. Nothing
 * runs where no gradient comes.
 *   In a hook grad mode is 1 with TG_CREATE_GRAPH, else 0, and inference mode is 0, on a fresh
 * stack of modes; with TG_CREATE_GRAPH what it computes is part of the graph. It may call the
 * library, backward over other graphs included. The gradients that it is handed are not to be
 * changed in place (TG_ERROR_AUTOGRAD); it may keep them by tg_alias. A hook that fails ends the
 * pass with its status. A hook's handle owns it: tg_release takes the hook away, and its
 * destructor runs then, or after the run that is going on. Hooks keep no tensor and no graph
 * alive; where these are gone, so that the hook can never run again, its destructor runs at once,
 * and the handle stays until it is released. One that is added or taken away by a hook runs, or
 * does not, from the next pass on; one that is taken away by a hook of another tensor or node,
 * before its turn came, does not run any more. */

/** Lets fn see the gradient of a tensor, and give another one in its place. After an in-place
 *  change the hook stays with the value that it was registered on; one that is registered then sees
 *  the gradient of the new value. After tg_detach_ of a tensor that is no leaf `tensor` is 0; a
 *  leaf that stops to require grad takes its hooks up again when it requires it anew.
 *  @param x tensor that requires grad, borrowed
 *  @param fn called with x (0 if it is gone) and the gradient (both borrowed); what it puts into
 *      *out (consumed), of the same shape and dtype, takes the gradient's place
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @param out hook, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn or out is NULL; TG_ERROR_INVALID_HANDLE: x; TG_ERROR_MODE:
 *      x is an inference tensor, or a stale view made in no_grad or inference mode (R4);
 *      TG_ERROR_AUTOGRAD: x does not require grad, or is a stale output of tg_split (R4)
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_tensor_hook(tg_tensor x, tg_tensor_hook_fn fn, void *user_data,
                                tg_destructor destructor, tg_hook *out);

/** Lets fn run after backward has written the `.grad` of a leaf. A leaf with such a hook is
 *  written, and the hook runs, as soon as its gradient is whole, before any node of another tensor
 *  runs; so it stays written if the pass fails later. tg_grad writes no `.grad` and runs none of
 *  them.
 *  @param leaf leaf that requires grad, borrowed
 *  @param fn called with leaf and its `.grad` (both borrowed), which it may change or take away;
 *      *out stays 0
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @param out hook, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn or out is NULL; TG_ERROR_INVALID_HANDLE: leaf;
 *      TG_ERROR_MODE: leaf is an inference tensor; TG_ERROR_AUTOGRAD: leaf does not require grad,
 *      or is no leaf
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_post_accumulate_grad_hook(tg_tensor leaf, tg_tensor_hook_fn fn, void *user_data,
                                              tg_destructor destructor, tg_hook *out);

/** Lets fn run before or after a node of the graph runs. TG_BEFORE: it is handed the gradients of
 *  the node's outputs (grad_inputs is NULL) and may replace them, before the node reads them.
 *  TG_AFTER: it is handed those and the gradients that the node gave, and may replace the latter.
 *  A 0 among them: no gradient is there, and none may be put there. On the node of a leaf,
 *  AccumulateGrad, which gives no gradients, TG_AFTER runs after `.grad` was written, as
 *  tg_post_accumulate_grad_hook does; tg_grad runs no hooks of these nodes.
 *  @param node node, borrowed
 *  @param when TG_BEFORE or TG_AFTER
 *  @param fn called with node and gradients (borrowed); what it puts into replaced (consumed), of
 *      the same shape and dtype, takes a gradient's place
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @param out hook, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn or out is NULL, or when is neither TG_BEFORE nor TG_AFTER;
 *      TG_ERROR_INVALID_HANDLE: node
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_node_hook(tg_node node, int32_t when, tg_node_hook_fn fn, void *user_data,
                              tg_destructor destructor, tg_hook *out);

/* ==== Autograd: hooks on saved tensors ====
 * While such hooks are entered on a thread, each tensor that an operator of it saves for backward
 * goes to `pack`, and the graph keeps what that gives instead; where backward reads the tensor it
 * comes from `unpack`. The innermost hooks alone are asked. Nothing is packed where nothing
 * records. A tensor that was packed has no version any more: a later change of it in place is no
 * error. Both functions run with grad mode 0 on a fresh stack of modes, and what they call is not
 * packed. docs/saved-tensors.md keeps tensors in a file. */

/** Lets pack and unpack keep what this thread's operators save from now on, until
 *  tg_saved_tensor_hooks_exit.
 *  @param pack called with a tensor (borrowed), without a past and with the elements that are to be
 *      saved, which it may not change; puts anything of its own into *packed, which is kept where
 *      it returns 0 and stays its own where it fails
 *  @param unpack called with that, each time that a pass needs the tensor; puts one of the same
 *      dtype and shape into *out (consumed)
 *  @param free_packed ends the life of what pack gave, once, when the node or what it saved is
 *      freed; may be NULL
 *  @param user_data handed to all of them, kept
 *  @param destructor ends the life of user_data, after the exit and the last free_packed; may be
 *      NULL
 *  @param out hook, new, which tg_saved_tensor_hooks_exit ends and tg_release refuses
 *  @errors TG_ERROR_INVALID_ARGUMENT: pack, unpack or out is NULL
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_saved_tensor_hooks_enter(tg_pack_fn pack, tg_unpack_fn unpack,
                                             tg_packed_free_fn free_packed, void *user_data,
                                             tg_destructor destructor, tg_hook *out);

/** Leaves the hooks that were entered last; what they packed stays in their care. Hooks of a thread
 *  that has ended may be left on any.
 *  @param hooks hook of tg_saved_tensor_hooks_enter, consumed
 *  @errors TG_ERROR_INVALID_HANDLE: hooks; TG_ERROR_MODE: they are not the innermost of this
 *      thread, or were entered outside the callback that runs
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_saved_tensor_hooks_exit(tg_hook hooks);

/* ==== Autograd: operators of the caller ====
 * An operator whose forward and backward are functions of the caller, made by tg_operator_create
 * and called by tg_operator_apply. docs/operators.md has examples.
 *
 *   forward   computes the results from the inputs, with grad mode 0 (in inference mode in that
 *             mode), so what it does with the library's operators is not recorded. Its context
 *             takes what backward will need. It sets each of outs to a tensor: a new one, or an
 *             input by tg_alias. An input that was marked dirty is given back as itself, with its
 *             new value and past; one that is given back as it is becomes a view of it (where it
 *             would require grad without being recorded: a tg_detach), and so does another result
 *             in an input's memory: both refuse changes in place that record. A result that
 *             somebody else holds or that has a past becomes a second tensor on the same memory.
 *   backward  gets a gradient for each result, 0 where none came, and sets grad_inputs: for each
 *             input a tensor of its shape and dtype, 0 for none. It runs with grad mode 0, with
 *             TG_CREATE_GRAPH with 1: then what it computes is recorded for higher derivatives, and
 *             saved tensors come with their past. It may not change what it gets in place. Those
 *             of operators with TG_OPERATOR_ORDERED run against the order of their forward calls,
 *             as far as one thread made these.
 *
 * Both run at the bottom of a fresh stack of modes, on the thread that called. A call records where
 * grad mode is 1, inference mode is 0 and an input requires grad; then its floating results require
 * grad, but those marked by tg_context_mark_non_differentiable. Its node is called by the
 * operator's name and Backward, and keeps the operator, what was saved, and the context's data.
 * Calls of one operator take turns among threads unless it has TG_OPERATOR_THREAD_SAFE; on one
 * thread it may call itself. The context is live until its callback returns, on that thread. */

/** Makes an operator of the caller's functions.
 *  @param definition what it is, borrowed: struct_size; name, 1 to 100 bytes, for messages and
 *      nodes; out_count, 1 to 65,535; flags of TG_OPERATOR_*; forward; backward, without which a
 *      call that would record is TG_ERROR_UNSUPPORTED; jvp, for forward mode, or none; user_data,
 *      handed to each of them, and destructor, which runs when the operator and all graphs
 *      recorded with it are gone
 *  @param out operator, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: definition or out is NULL, in the definition struct_size is
 *      not the size of the struct, reserved is not 0, flags has an unknown bit, name is NULL, no
 *      UTF-8, empty or longer than 100 bytes, forward is NULL, or out_count is 0; TG_ERROR_LIMIT:
 *      out_count is above 65,535
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_operator_create(const tg_operator_definition *definition, tg_operator *out);

/** Saves tensors for backward, in forward: inputs, results, or others. What was saved before by the
 *  same call is forgotten. They are held with the version that they have when forward returns; a
 *  later change in place makes backward fail. Where the call does not record nothing happens.
 *  @param context context of a forward, borrowed
 *  @param tensors array of count tensors, borrowed and held; may be NULL where count is 0
 *  @param count at most 255
 *  @errors TG_ERROR_INVALID_ARGUMENT: tensors is NULL but count is not 0; TG_ERROR_INVALID_HANDLE:
 *      context, one of tensors; TG_ERROR_MODE: context is no forward's or of another thread, the
 *      call records and one of tensors is an inference tensor, or R4; TG_ERROR_AUTOGRAD: R4;
 *      TG_ERROR_LIMIT: count is above 255 where the call records
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_context_save_for_backward(tg_context context, const tg_tensor *tensors,
                                              size_t count);

/** A tensor that forward saved, in backward. With TG_CREATE_GRAPH it comes with its past: an input
 *  with that of the operand, a result with that of the call.
 *  @param context context of a backward, borrowed
 *  @param index which of the saved tensors, from 0
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: context;
 *      TG_ERROR_INDEX: index is not below the number that were saved; TG_ERROR_MODE: context is no
 *      backward's or of another thread; TG_ERROR_VERSION: the tensor was changed in place since
 *      forward returned
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_context_saved_tensor(tg_context context, size_t index, tg_tensor *out);

/** Hangs data of the caller's on a call: set in forward, asked in backward, gone with the node, or
 *  at the end of a call that records nothing. Data that was there ends.
 *  @param context context of a forward or a backward, borrowed
 *  @param data any pointer, kept; may be NULL
 *  @param destructor ends the life of data; may be NULL
 *  @errors TG_ERROR_INVALID_HANDLE: context; TG_ERROR_MODE: context is of another thread
 *  @threads this thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_context_set_data(tg_context context, void *data, tg_destructor destructor);

/** What tg_context_set_data gave to this call last.
 *  @param context context of a forward or a backward, borrowed
 *  @param out the data, valid until its destructor runs; NULL where none was set
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: context; TG_ERROR_MODE:
 *      context is of another thread
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_context_data(tg_context context, void **out);

/** Whether the gradient of an input is asked for: in forward where the call records and the input
 *  requires grad, in backward where the pass needs it. Where it is not, backward may leave 0.
 *  @param context context of a forward or a backward, borrowed
 *  @param input which input, from 0
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: context;
 *      TG_ERROR_INDEX: input is not below the number of inputs; TG_ERROR_MODE: context is of
 *      another thread
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_context_needs_input_grad(tg_context context, size_t input, int32_t *out);

/** Says in forward, before it writes, that forward changes an input in place. The input's version
 *  is raised here, and stays raised if the call fails; the message then says that the input may be
 *  half-written. forward gives the input back by tg_alias as one of its results. Twice is once. Of
 *  several views of one tensor a call that records can mark one.
 *  @param context context of a forward, borrowed
 *  @param input which input, from 0
 *  @errors TG_ERROR_INVALID_HANDLE: context; TG_ERROR_INDEX: input is not below the number of
 *      inputs; TG_ERROR_MODE: R2, R4, or context is no forward's or of another thread;
 *      TG_ERROR_AUTOGRAD: R3, R4, or the call records and another view of the same tensor is
 *      marked; TG_ERROR_UNSUPPORTED: R6, or an operator made with TG_OPERATOR_ORDERED runs in a
 *      checkpoint
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_context_mark_dirty(tg_context context, size_t input);

/** Says in forward that a result has no gradient: it does not require grad. Results of integers and
 *  bool have none anyway. Twice is once.
 *  @param context context of a forward, borrowed
 *  @param out_index which result, from 0
 *  @errors TG_ERROR_INVALID_HANDLE: context; TG_ERROR_INDEX: out_index is not below the number of
 *      results; TG_ERROR_MODE: context is no forward's or of another thread
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_context_mark_non_differentiable(tg_context context, size_t out_index);
/* ==== Autograd: derivatives of functions ====
 * Derivatives of functions. tg_vjp, tg_jvp, tg_hvp and tg_gradcheck call a function of the caller's
 * on detached inputs that require grad, and differentiate what it records. It runs in grad mode, at
 * the bottom of a fresh stack of modes, whatever the caller's modes are; in inference mode they are
 * TG_ERROR_MODE. It may take further tensors from elsewhere: these count as constants, and no
 * `.grad` is touched. An input is never given back as it is, but by tg_alias. What comes out is
 * detached. If the function fails its status is that of the call, by the rules of callbacks. */

/** The product of given cotangents with the Jacobian of a function: its gradients by each input,
 *  weighted. An input that no out depends on gets zeros.
 *  @param fn called once with count inputs (borrowed) and out_count outs (consumed)
 *  @param user_data handed to fn
 *  @param inputs array of count tensors of floating dtypes, borrowed
 *  @param count 1 or more
 *  @param cotangents array of out_count tensors, borrowed, each of the shape of its out; NULL: all
 *      0; 0 among them: 1, for an out of one element
 *  @param outs array of out_count tensors, new; NULL: not wanted
 *  @param out_count 1 or more
 *  @param grads array of count tensors, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn, inputs or grads is NULL, or a count is 0;
 *      TG_ERROR_INVALID_HANDLE: one of inputs, one of cotangents, an out that fn gave;
 *      TG_ERROR_SHAPE: a cotangent has another shape than its out; TG_ERROR_DTYPE: an input is not
 *      floating; TG_ERROR_MODE: inference mode is 1, an inference tensor is among the arguments or
 *      the outs of fn, or fn left the modes other than it found them; TG_ERROR_AUTOGRAD: an out has
 *      not one element and no cotangent, or is not differentiable; TG_ERROR_VERSION: fn changed a
 *      tensor in place that was saved; TG_ERROR_CALLBACK: fn failed for a reason of its own, threw,
 *      or left an out unset; other statuses stand as they are; TG_ERROR_CANCELLED: the token in use
 *      was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_vjp(tg_function fn, void *user_data, const tg_tensor *inputs, size_t count,
                        const tg_tensor *cotangents, tg_tensor *outs, size_t out_count,
                        tg_tensor *grads);

/** The product of the Jacobian of a function with given tangents: how its outs change when the
 *  inputs move along them. Made of two passes backward, so fn must be differentiable twice. An out
 *  that depends on no input gets zeros.
 *  @param fn called once with count inputs (borrowed) and out_count outs (consumed)
 *  @param user_data handed to fn
 *  @param inputs array of count tensors of floating dtypes, borrowed
 *  @param tangents array of count tensors, borrowed, each of the shape of its input; 0 among them:
 *      zeros
 *  @param count 1 or more
 *  @param outs array of out_count tensors, new; NULL: not wanted
 *  @param out_tangents array of out_count tensors, new
 *  @param out_count 1 or more
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn, inputs, tangents or out_tangents is NULL, or a count is
 *      0; TG_ERROR_INVALID_HANDLE: one of inputs, one of tangents, an out that fn gave;
 *      TG_ERROR_SHAPE: a tangent has another shape than its input; TG_ERROR_DTYPE: an input is not
 *      floating; TG_ERROR_MODE: inference mode is 1, an inference tensor is among the arguments or
 *      the outs of fn, or fn left the modes other than it found them; TG_ERROR_AUTOGRAD: an
 *      operator of fn is not differentiable twice; TG_ERROR_VERSION: fn changed a tensor in place
 *      that was saved; TG_ERROR_CALLBACK: fn failed for a reason of its own, threw, or left an out
 *      unset; other statuses stand as they are; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_jvp(tg_function fn, void *user_data, const tg_tensor *inputs,
                        const tg_tensor *tangents, size_t count, tg_tensor *outs,
                        tg_tensor *out_tangents, size_t out_count);

/** The product of the Hessian of a function of one number with given vectors: how its gradient
 *  changes when the inputs move along them. The Hessian itself is never made.
 *  @param fn called once with count inputs (borrowed) and one out (consumed) of one element
 *  @param user_data handed to fn
 *  @param inputs array of count tensors of floating dtypes, borrowed
 *  @param vectors array of count tensors, borrowed, each of the shape of its input; 0 among them:
 *      zeros
 *  @param count 1 or more
 *  @param outs array of count tensors, new; zeros for an input that the gradient does not depend on
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn, inputs, vectors or outs is NULL, or count is 0;
 *      TG_ERROR_INVALID_HANDLE: one of inputs, one of vectors, the out that fn gave;
 *      TG_ERROR_SHAPE: a vector has another shape than its input; TG_ERROR_DTYPE: an input is not
 *      floating; TG_ERROR_MODE: inference mode is 1, an inference tensor is among the arguments or
 *      the out of fn, or fn left the modes other than it found them; TG_ERROR_AUTOGRAD: the out has
 *      not one element, or an operator of fn is not differentiable twice; TG_ERROR_VERSION: fn
 *      changed a tensor in place that was saved; TG_ERROR_CALLBACK: fn failed for a reason of its
 *      own, threw, or left the out unset; other statuses stand as they are; TG_ERROR_CANCELLED: the
 *      token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_hvp(tg_function fn, void *user_data, const tg_tensor *inputs,
                        const tg_tensor *vectors, size_t count, tg_tensor *outs);

/** Compares the gradients of a function with central differences, element by element: of every out
 *  by every input. An element differs where |analytic - numeric| > atol + rtol |numeric|. That is
 *  no error of the call: passed tells, and the report names the worst element with both values. So
 *  it is where fn gives other outs when it is called again with the same inputs. fn is called with
 *  copies of the inputs, twice for each of their elements and twice more; outs that are not
 *  floating are passed over.
 *  @param fn called often with count inputs (borrowed) and out_count outs (consumed)
 *  @param user_data handed to fn
 *  @param inputs array of count float64 tensors, borrowed
 *  @param count 1 or more
 *  @param out_count counts no array: how many outs fn sets, 1 or more
 *  @param order 1, or 2: then the gradients, as functions of the inputs and of the incoming
 *      gradients, are checked in the same way
 *  @param eps the step; 0: 1e-6
 *  @param atol what may differ at any size; 0: 1e-5
 *  @param rtol what may differ of the numeric value; 0: 1e-3
 *  @param passed 1: all elements agree; 0: some differ
 *  @param report memory of capacity bytes; NULL with capacity 0: no report
 *  @param capacity bytes in report
 *  @param length the report's full length without NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn, inputs or passed is NULL, a count is 0, order is neither
 *      1 nor 2, eps, atol or rtol is negative, infinite or NaN, an input does not change by eps, or
 *      report is NULL but capacity is not 0; TG_ERROR_INVALID_HANDLE: one of inputs, an out that fn
 *      gave; TG_ERROR_DTYPE: an input is not float64; TG_ERROR_MODE: inference mode is 1, an
 *      inference tensor is among the inputs or the outs of fn, or fn left the modes other than it
 *      found them; TG_ERROR_AUTOGRAD: an operator of fn is not differentiable, or for order 2 not
 *      twice; TG_ERROR_VERSION: fn changed a tensor in place that was saved; TG_ERROR_CALLBACK: fn
 *      failed for a reason of its own, threw, or left an out unset; other statuses stand as they
 *      are; TG_ERROR_CANCELLED: the token in use was cancelled
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_gradcheck(tg_function fn, void *user_data, const tg_tensor *inputs,
                              size_t count, size_t out_count, int32_t order, double eps,
                              double atol, double rtol, int32_t *passed, char *report,
                              size_t capacity, size_t *length);

/* ==== Autograd: checkpoints ==== */

/** Runs a function and records it without keeping what its operators save: where backward reads
 *  some of that, fn runs again and gives it all. So a model of n equal layers in groups of m keeps
 *  n / m + m results instead of n, for one more forward. Gradients flow also to tensors that fn
 *  takes from elsewhere, and outs require grad as if fn had been called without a checkpoint.
 *    When it is run again, fn gets its inputs without their past, generator 0 and the nesting rule
 *  are as they were, and grad mode is 1; generator 0 is put back afterwards. It must call the same
 *  operators each time, may not change its inputs in place, and reads what it takes from elsewhere
 *  a second time: a change of that in the meantime is TG_ERROR_VERSION in backward where an
 *  operator of fn saved a leaf or a recorded tensor, and is not seen where none did. Operators made
 *  with TG_OPERATOR_ORDERED are not run again: what they gave is kept. Checkpoints may be nested,
 *  and fn may differentiate what it computes, each time that it runs. Where nothing records
 *  (no_grad, inference mode) fn runs once and nothing is kept.
 *  @param fn called with count inputs (borrowed) and out_count outs (consumed), at the bottom of a
 *      fresh stack of the caller's mode
 *  @param user_data handed to fn, kept
 *  @param destructor ends the life of user_data when the graph is gone or freed; may be NULL
 *  @param inputs array of count tensors, borrowed and held; may be NULL where count is 0
 *  @param count how many inputs
 *  @param outs array of out_count tensors, new
 *  @param out_count 1 or more
 *  @errors TG_ERROR_INVALID_ARGUMENT: fn or outs is NULL, inputs is NULL but count is not 0, or
 *      out_count is 0; TG_ERROR_INVALID_HANDLE: one of inputs, an out that fn gave; TG_ERROR_MODE:
 *      an inference tensor is among the inputs of a call that records, or fn left the modes other
 *      than it found them; TG_ERROR_UNSUPPORTED: fn changed an input in place; TG_ERROR_CALLBACK:
 *      fn failed for a reason of its own, threw, or left an out unset; other statuses of fn stand
 *      as they are
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_checkpoint(tg_function fn, void *user_data, tg_destructor destructor,
                               const tg_tensor *inputs, size_t count, tg_tensor *outs,
                               size_t out_count);

/* ==== Autograd: looking for errors ====
 * In anomaly mode an operator whose result has a NaN or an infinity that no operand has fails with
 * TG_ERROR_AUTOGRAD, and nothing has changed; a backward that runs in it fails at the first node
 * which makes one in a gradient. Where the host says where its code is, by TG_SITE() or
 * tg_site_set, messages about a node tell where it was recorded. Both cost time while they are on,
 * and nothing else. */

/** Turns anomaly mode on for this thread. It goes along in the words of tg_state_get.
 *  @errors TG_ERROR_MODE: it is on
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_anomaly_mode_enter(void);

/** Turns anomaly mode off for this thread.
 *  @errors TG_ERROR_MODE: it is off
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_anomaly_mode_exit(void);

/** Says where in the host's code the calls of this thread stand from now on: errors about what is
 *  recorded, or changed in place, name the place. TG_SITE() says the line that it stands on, and is
 *  empty unless TAPEGRAD_SITES is defined before this header is included. In a callback it holds
 *  until that returns.
 *  @param file UTF-8, copied, once for each distinct text; NULL: no place
 *  @param line from 1; 0 where there is none
 *  @errors TG_ERROR_INVALID_ARGUMENT: file is no UTF-8, or line is negative
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_site_set(const char *file, int32_t line);

#ifdef TAPEGRAD_SITES
#define TG_SITE() ((void)tg_site_set(__FILE__, __LINE__))
#else
#define TG_SITE() ((void)0)
#endif

/* ==== Autograd: the tape in words and pictures ==== */

/** Says in words what a tensor is to autograd: why it requires grad or does not, the operator and
 *  the mode of its birth as far as they can be known, its version, a view's base and origin, who
 *  saved it (by name the nodes behind it, and those with a site of all graphs: tg_site_set), what
 *  it keeps alive in bytes and nodes, and what may be done with it in each of the three modes. For
 *  people to read: the text may change between versions. It has at most 8,000 bytes.
 *  @param x tensor, borrowed
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: x
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_explain(tg_tensor x, char *buffer, size_t capacity, size_t *length);

/** The graph behind a tensor in Graphviz's language: a box for each node with its name, the shape
 *  of its result where the tape knows it, the bytes that it saved and the names of what it saved; a
 *  round one for each leaf with its name and shape; an arrow where a gradient goes. Above 1,000
 *  nodes, those of the same name and shape are one box with their number. A tensor without grad_fn
 *  gives an empty graph. While a backward runs over a node its bytes are not told.
 *  @param output tensor, borrowed
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: output
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_graph_dot(tg_tensor output, char *buffer, size_t capacity, size_t *length);

/** The same graph as JSON: an object with `node_count` and `saved_bytes` of the whole graph,
 *  `folded` (true above 1,000 nodes), and the arrays `nodes` and `edges`. A node has `id`, `name`,
 *  `count` (1, or how many are folded into it), `dtype` and `shape` of its result (null where the
 *  tape does not know them), `saved_bytes` (null while a backward runs over it) and, where it is
 *  not folded, `sequence` (null for a leaf), `tensor` (a leaf's or output's name, or null), `site`
 *  (where it was recorded, or null), `freed`, `packed` (how many saved tensors hooks have), and
 *  `saved`: a list of `which` ("input 0", "output 0" or "extra"), `dtype`, `shape`, `bytes` and
 *  `tensor`. An edge has `from` and `to` (ids; the gradient goes that way), `count`
 *  and, where it is not folded, `input` and `output`: which input of `from`, which output of `to`.
 *  @param output tensor, borrowed
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: buffer is NULL but capacity is not 0;
 *      TG_ERROR_INVALID_HANDLE: output
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_graph_json(tg_tensor output, char *buffer, size_t capacity, size_t *length);

/* ==== Hosts: cancel tokens ====
 * A token asks calls that run to stop. It is put in use on a thread; from then on the long calls of
 * that thread ask it between their steps, and end with TG_ERROR_CANCELLED once any thread has
 * cancelled it. As after every failure nothing was changed by the call. These ask: a backward
 * before each node (what had run of its graph is freed, as after any failure); a product large
 * enough to be computed in parts, before each part; a chain of modules before each module; an
 * optimizer's step, and loading a state, before each parameter as long as none is written; saving
 * and loading a file before each tensor; a gradient by TG_FFI_FINITE_DIFFERENCES before each
 * element of an array. Short calls do not ask, so that a task that was cancelled can still tidy up.
 * While a token is in use tg_mm_out computes beside `out` and copies, so that `out` keeps its
 * elements where it is cancelled. */

/** A token that is not cancelled.
 *  @param out token, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_token_create(tg_token *out);

/** Cancels a token for ever. What the caller wrote before is seen by whoever then finds the token
 *  cancelled.
 *  @param token token, borrowed
 *  @errors TG_ERROR_INVALID_HANDLE: token
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_token_cancel(tg_token token);

/** Whether a token was cancelled: for the caller's own long work.
 *  @param token token, borrowed
 *  @param out 1 or 0
 *  @errors TG_ERROR_INVALID_ARGUMENT: out is NULL; TG_ERROR_INVALID_HANDLE: token
 *  @threads any thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_token_is_cancelled(tg_token token, int32_t *out);

/** Puts a token in use on this thread in place of the one that is. One token may be in use on many
 *  threads. The use holds the token: releasing its handles neither ends the use nor the token; the
 *  use ends by the next call of this function, or with the thread.
 *  @param token token, borrowed and held; 0: none
 *  @param previous the token that was in use, not a new handle, and stale if it was released
 *      meanwhile; 0: none. May be NULL
 *  @errors TG_ERROR_INVALID_HANDLE: token
 *  @threads this thread
 *  @blocks no, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_token_use(tg_token token, tg_token *previous);

/* ==== Hosts: exchange of tensors ====
 * DLPack is the struct by which libraries of one process hand tensors to each other without a copy:
 * NumPy, PyTorch, JAX, CuPy and others speak it. It has two forms: the legacy one (DLManagedTensor,
 * versions 0.x) and the versioned one (DLManagedTensorVersioned, 1.x), which alone can say that
 * elements may not be written. The structs are those of dlpack/dlpack.h; this page names them by
 * void *, so that it needs no other header. Both sides see each other's writes; one by the other
 * side does not raise the tensor's version, as with tg_tensor_data (tg_tensor_mark_written). */

/** Hands a tensor out. The struct holds the elements until its deleter is called, once, on any
 *  thread; the tensor's handle may be released before. Strides are always given, the byte offset is
 *  0, the device the CPU; bool has code 6 and 8 bits.
 *  @param x tensor, borrowed; its elements are held. Inference tensors too
 *  @param flags TG_DLPACK_VERSIONED, TG_DLPACK_COPY or 0: the versioned form, of version 1.0; a
 *      row-major copy that nobody else sees
 *  @param managed_tensor the struct, valid until its deleter is called, once, by whoever takes it
 *  @errors TG_ERROR_INVALID_ARGUMENT: managed_tensor is NULL, or flags has an unknown bit;
 *      TG_ERROR_INVALID_HANDLE: x; TG_ERROR_AUTOGRAD: x requires grad: give its tg_detach;
 *      TG_ERROR_UNSUPPORTED: x is read-only, and flags asks for neither a copy nor the versioned
 *      form
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_to_dlpack(tg_tensor x, uint32_t flags, void **managed_tensor);

/** Takes a tensor in. After success the struct is the library's: its deleter is called once, when
 *  the last use of the elements ends, where other deleters run (tg_drain_set). After a failure it
 *  is still the caller's. The result is a leaf that does not require grad, or an inference tensor
 *  where inference mode is 1; a struct that says so gives a read-only tensor.
 *  @param managed_tensor a DLManagedTensor, or with TG_DLPACK_VERSIONED a
 *      DLManagedTensorVersioned, consumed
 *  @param flags TG_DLPACK_VERSIONED, TG_DLPACK_COPY or 0: the versioned form; the result is a copy,
 *      and the deleter is called at once
 *  @param out tensor, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: managed_tensor or out is NULL, or flags has an unknown bit,
 *      or the struct's data or shape is NULL, its rank or a size is negative, or its first element
 *      is not aligned to the dtype; TG_ERROR_SHAPE: shape and strides cover more than an address
 *      space holds; TG_ERROR_LIMIT: its rank is above 16; TG_ERROR_UNSUPPORTED: its version is not
 *      1.x, its device not the CPU, or its type no dtype of one lane
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_from_dlpack(void *managed_tensor, uint32_t flags, tg_tensor *out);

/* ==== Hosts: log, memory pressure, threads ====
 * What a host lends the library. Each is kept until it is set again or taken away by NULL; then its
 * destructor runs once, as soon as no call of it runs on any thread. They may be set at any time,
 * also while another thread is inside a call. */

/** Sets the process's log. Each failing call logs its message with TG_LOG_ERROR on its thread; a
 *  BLAS that was opened but is not used, or that is not there, is told with TG_LOG_WARNING, one
 *  that was loaded with TG_LOG_INFO, by the call that needed it. Success logs nothing and costs
 *  nothing. The function may call the library; what it does to the last error is undone, and calls
 *  that fail inside it are not logged in their turn. An exception that it throws is caught and
 *  forgotten.
 *  @param fn takes a line, its level and its text, kept; NULL: none, as at first
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_log_set(tg_log_fn fn, void *user_data, tg_destructor destructor);

/** Sets the function that frees memory when it gets scarce: a garbage collector's. It runs where a
 *  request for the memory of a tensor would bring tg_memory_current above soft_limit, or was
 *  refused by tg_memory_limit_set or the system: once for such a request, on the thread that makes
 *  it, which is in the middle of another call. So it may release handles, drain, ask questions that
 *  make no handle, and call the functions of memory; everything else is TG_ERROR_MODE on this
 *  thread until it returns. Above the soft limit the request succeeds whatever it frees; a refused
 *  one is tried again where it returns 0.
 *  @param fn gets tg_memory_current and the bytes wanted, and returns 0 to have it tried again,
 *      kept; NULL: none, as at first
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @param soft_limit bytes; 0: only where memory was refused
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_memory_pressure_set(tg_pressure_fn fn, void *user_data,
                                        tg_destructor destructor, uint64_t soft_limit);

/** Lends the library the host's own pool of threads in place of its workers. Results have the same
 *  bits, since work is cut by its shape alone.
 *  @param fn calls run(job, i) for each i below count, once, on any threads, and returns when all
 *      have returned. A return other than 0 says that it gave up: the library runs the rest itself.
 *      Several threads may call it at once, one also from inside a run, and it calls no function of
 *      the library, kept; NULL: the library's own workers, as at first
 *  @param user_data handed to fn and destructor, kept
 *  @param destructor ends the life of user_data; may be NULL
 *  @errors none
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_parallel_for_set(tg_parallel_for_fn fn, void *user_data,
                                     tg_destructor destructor);

/* ==== Foreign functions ====
 * A function of any shared library as an operator: docs/ffi.md has the language of signatures, its
 * grammar, and examples. The shortest: library "libm.so.6", symbol "sin", signature "f64 -> f64",
 * backward_symbol "cos", backward_signature "f64 -> f64".
 *
 * The function is a callback: what it throws is caught, modes that it enters and does not leave are
 * put back, tg_shutdown is refused inside it; it may call the library. It runs with grad mode 0, in
 * inference mode in that mode. It must not write to an operand: an inout array is a copy. */

/** Makes an operator of a foreign function. The library that it was found in stays mapped. No
 *  memory is made that can be written and executed.
 *  @param definition what the function is, borrowed: struct_size; name, 1 to 100 bytes, for
 *      messages and nodes; library and symbol, or an address, which must stay mapped while the
 *      operator or a graph recorded with it lives; signature; the same for its backward, or none of
 *      the four; flags of TG_FFI_*. With a backward TG_FFI_FINITE_DIFFERENCES is for the gradient
 *      of that
 *  @param out operator, new
 *  @errors TG_ERROR_INVALID_ARGUMENT: definition or out is NULL, in the definition name or a
 *      signature is NULL, a text is no UTF-8, name is empty or longer than 100 bytes, struct_size
 *      is not the size of the struct, reserved is not 0, symbol and address are both given or both
 *      NULL, an address comes with a library, TG_FFI_CHECK is given and no backward, or flags has
 *      an unknown bit; TG_ERROR_FORMAT: a signature breaks the grammar, or a backward_signature
 *      does not fit the signature (detail: the byte offset); TG_ERROR_NOT_FOUND: a library that
 *      cannot be opened, or a symbol that is not in it
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_ffi_operator(const tg_ffi_definition *definition, tg_operator *out);

/** Calls an operator that was made at run time, by tg_ffi_operator or tg_operator_create. Of a
 *  foreign function operands and results are those of the signature, in its order; what the
 *  function returns is the last result. Results are fresh. One requires grad if the call records
 *  and the backward reads its gradient; the node has the operator's name and Backward. Calls of one
 *  operator take turns unless it was made with TG_FFI_THREAD_SAFE; a function may call its own
 *  operator again on its thread. Of the caller's operators the section on them tells the same.
 *  @param op operator, borrowed
 *  @param inputs array of count tensors, borrowed; may be NULL where count is 0
 *  @param count how many operands the signature has; of the caller's operators at most 65,535
 *  @param arguments array of argument_count values, borrowed: the numbers that no operand tells, in
 *      the order in which their names first appear in the signature, TG_VALUE_INT64 for integers
 *      and TG_VALUE_DOUBLE for others; of the caller's operators what forward takes; may be NULL
 *      where argument_count is 0
 *  @param argument_count how many such values there are
 *  @param outs array of out_count tensors, new
 *  @param out_count how many results the signature, or the definition, has
 *  @errors TG_ERROR_INVALID_ARGUMENT: outs is NULL, inputs or arguments is NULL but its count is
 *      not 0, a count is not that of the signature or definition, an argument has another or an
 *      unknown type, is NULL or no UTF-8, or a size would be negative; TG_ERROR_INVALID_HANDLE: op,
 *      one of inputs, or what forward gave; TG_ERROR_SHAPE: operands do not fit the signature or do
 *      not broadcast, or a result would be too large; TG_ERROR_DTYPE: an operand has another dtype
 *      than the signature says; TG_ERROR_MODE: R1, R4, a function left the modes other than it
 *      found them, a result that is to be recorded is an inference tensor, or a turn would be
 *      waited for for ever; TG_ERROR_AUTOGRAD: R4, or TG_FFI_CHECK found the backward wrong;
 *      TG_ERROR_LIMIT: a number that the function takes as i32 is too large, or there are too many
 *      inputs; TG_ERROR_UNSUPPORTED: the call would record and no gradient is known;
 *      TG_ERROR_CALLBACK: the status that the function gave is not 0 (detail: the status), it
 *      threw, or forward left out a result, gave a handle that was lent, or did not give back an
 *      input that it marked as dirty. Beside these what forward returned, as told at the top
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_operator_apply(tg_operator op, const tg_tensor *inputs, size_t count,
                                   const tg_value *arguments, size_t argument_count,
                                   tg_tensor *outs, size_t out_count);

/* ==== Calls by name ====
 *
 * For interpreters and bindings: tg_call calls any function by its name, so that they need one
 * foreign function alone; tg_describe tells what each function takes. One value stands for each
 * input, in the order of the header; a pointer and its count are one input:
 *   a handle                       HANDLE; NONE for 0
 *   an integer, boolean, flags     INT64, held against the range of its type; a uint64_t as two's
 *                                  complement
 *   a double                       DOUBLE
 *   text in                        TEXT of count bytes before the NUL; NONE for NULL
 *   array in with count or rank    INT64_ARRAY, HANDLE_ARRAY, DOUBLE_ARRAY; NONE for NULL and 0.
 *                                  Arrays that share a count have equally many elements, or are
 *                                  NONE
 *   bytes with their number, text out with its capacity    BUFFER of count bytes; NONE for NULL, 0
 *   array out with its capacity or its number of places, array of tg_value in    BUFFER of count
 *                                  elements; NONE for NULL and 0
 *   data of tg_tensor_create       BUFFER of exactly the tensor's bytes; NONE for NULL
 *   callback, user_data, destructor, struct, another address    POINTER; NONE for NULL
 * Each pointer that gets a result becomes a result, in the order of the header, also where it may
 * be NULL: a handle HANDLE, an integer INT64, a double DOUBLE, an address POINTER. So do the length
 * of a text out and the count of an array out, while buffers of the caller are filled in place.
 * What a function returns, if it is no status of its own, is the first result; a text is TEXT,
 * valid as its function says. */

/** Calls a function by its name. With a frame it runs in the task's modes and scope, asked by its
 *  token, and the thread's own modes, scope, token and last error are afterwards as before, so that
 *  a task needs no thread of its own: nothing of it stays on the thread. frame->state goes on from
 *  call to call; frame->scope does not change: after tg_scope_enter and tg_scope_exit the caller
 *  sets it. tg_last_error and its kin see no error there: frame->error has the text of this call,
 *  "" after success, with the full length in frame->error_length.
 *  @param frame what the task carries; NULL: what this thread has
 *  @param name a function's name, such as "tg_add"; all but "tg_call"
 *  @param arguments array of count values; may be NULL where count is 0
 *  @param count how many values: as many as the function has inputs
 *  @param results array of capacity values; may be NULL where capacity is 0
 *  @param capacity values in results
 *  @param result_count how many results there are; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: name is NULL, name is not UTF-8, arguments is NULL but count
 *      is not 0, results is NULL but capacity is not 0, count is not the function's, or a value has
 *      the wrong kind, an unknown one or TG_VALUE_RESULT, or is out of its range (its number is the
 *      operand of tg_last_error_detail); frame->struct_size is not sizeof(tg_frame), frame->error
 *      is NULL but error_capacity is not 0, or frame->state is no word of tg_state_get;
 *      TG_ERROR_INVALID_HANDLE: frame->scope, frame->token; TG_ERROR_MODE: frame->scope is in use
 *      on a thread, or is not the innermost one of its chain; TG_ERROR_LIMIT: capacity is too small
 *      (nothing was called, *result_count is the number needed), or with a frame the modes would be
 *      more than 16 deep; TG_ERROR_NOT_FOUND: name; TG_ERROR_UNSUPPORTED: name is "tg_call", or
 *      with a frame a function that sets what a frame does not hold, such as tg_scope_use. Beside
 *      these every error of the function called: of its results only counts and lengths are then
 *      written, where the function writes them
 *  @threads any thread
 *  @blocks yes, calls back yes
 *  @since 0.1.0 */
TG_API tg_status tg_call(tg_frame *frame, const char *name, const tg_value *arguments, size_t count,
                         tg_value *results, size_t capacity, size_t *result_count);

/** Tells what this page says of a function, constant, type or callback, as JSON: its entry in
 *  api.json, which is installed beside the library. A function's entry has its parameters with
 *  kind, direction, ownership and what counts what, its errors and its documentation.
 *  @param name what to tell of, such as "tg_add" or "TG_FLOAT32"; NULL: the whole api.json
 *  @param buffer memory of capacity bytes; may be NULL where capacity is 0
 *  @param capacity bytes in buffer; 0 asks for the length
 *  @param length the full length without the NUL; may be NULL
 *  @errors TG_ERROR_INVALID_ARGUMENT: name is not UTF-8, or buffer is NULL but capacity is not 0;
 *      TG_ERROR_NOT_FOUND: name
 *  @threads any thread
 *  @blocks yes, calls back no
 *  @since 0.1.0 */
TG_API tg_status tg_describe(const char *name, char *buffer, size_t capacity, size_t *length);

#ifdef __cplusplus
}
#endif

#endif /* TAPEGRAD_TAPEGRAD_H */
