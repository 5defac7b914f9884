/* SPDX-License-Identifier: MIT */
/* Between Python's objects and the parameters of the C interface, for the generated functions. Each
   take_ gives 0, or -1 with an exception. */
#ifndef TAPEGRAD_PYTHON_CONVERT_H
#define TAPEGRAD_PYTHON_CONVERT_H

#include "binding.h"

/* The kinds of handles, one type of Python each; a tensor's is Tensor. */
typedef enum {
  kAny,
  kTensor,
  kModule,
  kOptimizer,
  kGenerator,
  kOperator,
  kDict,
  kNode,
  kHook,
  kScope,
  kToken,
  kContext,
  kObject,
  kHandleKinds
} HandleKind;

/* Elements of a sequence; the first few need no memory of their own. */
typedef struct {
  size_t count;
  void* items; /* NULL where the argument was None */
  bool owned;
  int64_t few[kMaxRank];
} Array;

/* Tagged values, and what holds the memory that they point to. */
typedef struct {
  size_t count;
  tg_value* items;
  PyObject* kept;
} Values;

/* A box, a number (checked by the library) or None (0). */
int take_handle(PyObject* object, const char* parameter, tg_handle* out);
int take_int32(PyObject* object, const char* parameter, int32_t* out);
int take_uint32(PyObject* object, const char* parameter, uint32_t* out);
int take_uint64(PyObject* object, const char* parameter, uint64_t* out);
int take_size(PyObject* object, const char* parameter, size_t* out);
int take_double(PyObject* object, const char* parameter, double* out);
int take_text(PyObject* object, const char* parameter, const char** out);
int take_bytes(PyObject* object, const char* parameter, const void** out, size_t* count);
int take_int64_array(PyObject* object, const char* parameter, Array* out);
int take_handle_array(PyObject* object, const char* parameter, Array* out);
int take_double_array(PyObject* object, const char* parameter, Array* out);
/* A rank or count that is an int32_t. */
int take_rank(const Array* array, const char* parameter, int32_t* out);
/* Room for `count` results of 8 bytes. */
int make_room(Array* out, size_t count);
void free_array(Array* array);
/* `count` arguments came; from least to most are wanted. */
int check_count(const char* function, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most);
/* Is the argument there, and not None? */
static inline bool is_given(PyObject* const* arguments, Py_ssize_t count, Py_ssize_t index) {
  return index < count && arguments[index] != Py_None;
}

/* ---- values.c ---- */
int take_value_array(PyObject* object, const char* parameter, Values* out);
int make_value_room(Values* out, size_t count);
void free_values(Values* values);
PyObject* list_of_values(const tg_value* values, size_t count);
/* Values that a callback is lent: copies of arrays and buffers, aliases of handles. */
PyObject* list_of_lent_values(const tg_value* values, size_t count);
int take_ffi_definition(PyObject* fields, const char* parameter, tg_ffi_definition* out);

PyObject* wrap_handle(HandleKind kind, tg_handle handle);
/* A box of the type of another one. */
PyObject* wrap_like(PyObject* like, tg_handle handle);
PyObject* list_of_handles(HandleKind kind, const tg_handle* handles, size_t count);
PyObject* list_of_int64(const int64_t* items, size_t count);
/* The box of a handle that the library took over holds none from now on. */
void forget_handle(PyObject* object);
int add_handles(PyObject* module);

/* ---- callbacks.c: functions of Python as callbacks; user_data is the function, a reference ----
 */
int32_t call_callback(void* user_data);
int32_t call_wake(void* user_data);
int32_t call_function(void* user_data, const tg_tensor* inputs, size_t count, tg_tensor* outs,
                      size_t out_count);
void call_log(void* user_data, int32_t level, const char* text);
int32_t call_pressure(void* user_data, uint64_t current, uint64_t wanted);
int32_t call_parallel_for(void* user_data, size_t count, tg_job_fn run, void* job);
void drop_reference(void* user_data);
/* The status for the exception that is set, which is kept for the caller. */
int32_t status_of_exception(void);
/* What a callback is lent, as a tuple of tensors that may outlive it; None for 0. */
PyObject* take_lent(const tg_tensor* tensors, size_t count);
/* The results of a function of tensors: one, or a sequence of out_count of them; None is 0. */
int give_tensors(PyObject* made, tg_tensor* outs, size_t out_count);
int32_t call_tensor_hook(void* user_data, tg_tensor tensor, tg_tensor grad,
                         tg_tensor* out); /* hooks.c */
extern PyMethodDef memory_methods[];
extern PyMethodDef hook_methods[];     /* hooks.c */
extern PyMethodDef operator_methods[]; /* operators.c */
extern PyMethodDef exchange_methods[]; /* exchange.c */

/* ---- generated from api.json ---- */
extern PyMethodDef generated_methods[];
int add_constants(PyObject* module);

#endif
