/* SPDX-License-Identifier: MIT */
/* What the files of the extension share. CPython's limited API of 3.10 alone is used, so that one
   build serves 3.10 and everything later; include/tapegrad/tapegrad.h is the only other interface.

   An object of Python that stands for one of the library is a box with one field, the handle. The
   garbage collector ends the box on whatever thread it likes: tg_release may be called anywhere. */
#ifndef TAPEGRAD_PYTHON_BINDING_H
#define TAPEGRAD_PYTHON_BINDING_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030A0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <tapegrad/tapegrad.h>

typedef struct {
  PyObject_HEAD tg_handle handle;
  PyObject* weak_references;
} Box;

typedef struct {
  PyObject_HEAD int32_t code; /* TG_FLOAT32 ... */
  const char* name;           /* "torch.float32" */
} DType;

enum { kMaxRank = 16, kDTypes = TG_BOOL + 1 };

/* ---- error.c ---- */
extern PyObject* error_type; /* tapegrad.Error */

/* Raises the error of the call that gave `status`; the text is the library's. Gives NULL. */
PyObject* raise_status(tg_status status);
/* Raises the error `status` with a text of the binding's own. Gives NULL. */
PyObject* raise_error(tg_status status, const char* format, ...);
/* Keeps the exception that is set, for the call in which a callback raised it. */
void keep_exception_for_caller(void);
int add_errors(PyObject* module);

/* ---- before each call ---- */
enum { kCarryModes = 1, kSaySites = 2 };
extern unsigned preparations; /* what there is to do: mostly nothing */
int take_up_modes_of_task(void);
void say_site(void);
static inline int ready(void) { /* 0, or -1 raised */
  if (preparations == 0) return 0;
  if ((preparations & kSaySites) != 0) say_site();
  return (preparations & kCarryModes) != 0 ? take_up_modes_of_task() : 0;
}

/* ---- sites.c ---- */
extern PyMethodDef site_methods[];

/* ---- modes.c ---- */
/* Each task (contextvars.Context) has its own modes, but the library's belong to the thread. So
   before each call the modes of the task that runs now are put in place, if it is another one than
   at the call before. Until some task has entered a mode there is nothing to do. */
/* Around a call that changes the modes: the task remembers them. 0, or -1 raised. */
int begin_mode_change(void);
int end_mode_change(tg_status status);
/* Around a callback: modes that it left behind are the library's to undo, not the task's to keep.
 */
PyObject* modes_before_callback(void);
void modes_after_callback(PyObject* before);
int add_modes(PyObject* module);

/* ---- tensor.c ---- */
extern PyTypeObject* tensor_type;
extern PyTypeObject* dtype_type;
extern PyObject* size_type; /* torch.Size */
extern DType* dtypes[kDTypes];

static inline bool is_tensor(PyObject* object) {
  return Py_IS_TYPE(object, tensor_type) || PyObject_TypeCheck(object, tensor_type);
}
static inline tg_handle handle_of(PyObject* box) { return ((Box*)box)->handle; }
/* A new Tensor that owns `handle`; releases it where there is no memory. handle 0: None. */
PyObject* wrap_tensor(tg_tensor handle);
/* The result of a call that gave `status` and, on success, `handle`. */
static inline PyObject* result(tg_status status, tg_tensor handle) {
  return status == TG_OK ? wrap_tensor(handle) : raise_status(status);
}
/* The handle of a tensor argument; 0 with TypeError where it is none. */
tg_tensor tensor_argument(PyObject* object, const char* function, const char* parameter);
PyObject* shape_of(tg_tensor x);
int add_tensor(PyObject* module);
extern PyMethodDef tensor_methods[];
extern PyMethodDef data_methods[];

/* The GIL is let go during calls on tensors of many elements: others may run meanwhile. For small
   ones letting go costs as much as the call. */
bool is_large(tg_tensor x);
#define WITHOUT_GIL_IF(condition, statement)        \
  do {                                              \
    if (condition) {                                \
      PyThreadState* thread_ = PyEval_SaveThread(); \
      statement;                                    \
      PyEval_RestoreThread(thread_);                \
    } else {                                        \
      statement;                                    \
    }                                               \
  } while (0)

/* ---- number.c ---- */
/* A number of Python as operand of a tensor: 0 none, 1 an integer, 2 a float, 3 a bool; -1 raised.
 */
int number_kind(PyObject* object, double* value);
PyObject* number_add(PyObject* a, PyObject* b);
PyObject* number_subtract(PyObject* a, PyObject* b);
PyObject* number_multiply(PyObject* a, PyObject* b);
PyObject* number_divide(PyObject* a, PyObject* b);
PyObject* number_power(PyObject* a, PyObject* b, PyObject* modulus);
PyObject* number_matmul(PyObject* a, PyObject* b);
PyObject* number_negative(PyObject* x);
PyObject* number_positive(PyObject* x);
PyObject* number_absolute(PyObject* x);
PyObject* number_invert(PyObject* x);
PyObject* number_and(PyObject* a, PyObject* b);
PyObject* number_or(PyObject* a, PyObject* b);
PyObject* number_add_in_place(PyObject* a, PyObject* b);
PyObject* number_subtract_in_place(PyObject* a, PyObject* b);
PyObject* number_multiply_in_place(PyObject* a, PyObject* b);
PyObject* number_divide_in_place(PyObject* a, PyObject* b);
int number_bool(PyObject* x);
PyObject* number_int(PyObject* x);
PyObject* number_float(PyObject* x);
PyObject* number_index(PyObject* x);
PyObject* compare(PyObject* a, PyObject* b, int operation);
PyObject* number_item(PyObject* x, PyObject* unused);
extern PyMethodDef number_methods[];

/* ---- subscript.c ---- */
PyObject* subscript(PyObject* x, PyObject* key);
int assign_subscript(PyObject* x, PyObject* key, PyObject* value);
Py_ssize_t length(PyObject* x);
PyObject* item_at(PyObject* x, Py_ssize_t index);

/* ---- data.c ---- */
/* A tensor of the elements of nested sequences, of a number, or of another tensor (a copy). */
PyObject* tensor_from_data(PyObject* data, int32_t dtype, bool requires_grad);
extern int32_t default_dtype;
PyObject* tensor_to_list(PyObject* self, PyObject* unused);
PyObject* tensor_to_bytes(PyObject* self, PyObject* unused);

/* ---- convert.c: arguments and results of the generated functions ---- */
int take_dtype(PyObject* object, int32_t* out);
int take_int64(PyObject* object, const char* parameter, int64_t* out);
/* A sequence of integers, or one integer; at most kMaxRank of them. */
int take_sizes(PyObject* object, const char* parameter, int64_t* items, int32_t* count);

#endif
