/* SPDX-License-Identifier: MIT */
/* Arguments and results of the generated functions, and the types of the handles that are no
   tensors. */
#include "convert.h"

#include <stddef.h>
#include <string.h>

#include "structmember.h"

static PyTypeObject* handle_type; /* tapegrad.Handle, of which the others are subtypes */
static PyTypeObject* handle_types[kHandleKinds];

/* ---- arguments ---- */

static int wrong(PyObject* object, const char* parameter, const char* wanted) {
  PyErr_Format(PyExc_TypeError, "%s must be %s, not %R", parameter, wanted,
               (PyObject*)Py_TYPE(object));
  return -1;
}

static bool is_handle(PyObject* object) { return PyObject_TypeCheck(object, handle_type); }

int take_handle(PyObject* object, const char* parameter, tg_handle* out) {
  if (is_tensor(object) || is_handle(object)) {
    *out = handle_of(object);
    return 0;
  }
  if (object == Py_None) {
    *out = 0;
    return 0;
  }
  if (!PyLong_Check(object)) return wrong(object, parameter, "a handle");
  *out = PyLong_AsUnsignedLongLong(object);
  return PyErr_Occurred() ? -1 : 0;
}

void forget_handle(PyObject* object) {
  if (is_tensor(object) || is_handle(object)) ((Box*)object)->handle = 0;
}

int take_int64(PyObject* object, const char* parameter, int64_t* out) {
  if (PyLong_Check(object)) {
    *out = PyLong_AsLongLong(object);
  } else {
    PyObject* integer;
    if (!PyIndex_Check(object)) return wrong(object, parameter, "an integer");
    integer = PyNumber_Index(object);
    if (integer == NULL) return -1;
    *out = PyLong_AsLongLong(integer);
    Py_DECREF(integer);
  }
  return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static int in_range(PyObject* object, const char* parameter, int64_t low, int64_t high,
                    int64_t* out) {
  if (take_int64(object, parameter, out) != 0) return -1;
  if (*out >= low && *out <= high) return 0;
  PyErr_Format(PyExc_OverflowError, "%s is out of its range: %lld", parameter, (long long)*out);
  return -1;
}

int take_int32(PyObject* object, const char* parameter, int32_t* out) {
  int64_t wide;

  if (in_range(object, parameter, INT32_MIN, INT32_MAX, &wide) != 0) return -1;
  *out = (int32_t)wide;
  return 0;
}

int take_uint32(PyObject* object, const char* parameter, uint32_t* out) {
  int64_t wide;

  if (in_range(object, parameter, 0, UINT32_MAX, &wide) != 0) return -1;
  *out = (uint32_t)wide;
  return 0;
}

int take_uint64(PyObject* object, const char* parameter, uint64_t* out) {
  PyObject* integer = PyIndex_Check(object) ? PyNumber_Index(object) : NULL;

  if (integer == NULL) return PyErr_Occurred() ? -1 : wrong(object, parameter, "an integer");
  *out = PyLong_AsUnsignedLongLong(integer);
  Py_DECREF(integer);
  return PyErr_Occurred() ? -1 : 0;
}

int take_size(PyObject* object, const char* parameter, size_t* out) {
  uint64_t wide;

  if (take_uint64(object, parameter, &wide) != 0) return -1;
  *out = (size_t)wide;
  return 0;
}

int take_double(PyObject* object, const char* parameter, double* out) {
  *out = PyFloat_AsDouble(object);
  if (*out != -1 || !PyErr_Occurred()) return 0;
  if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
  PyErr_Clear();
  return wrong(object, parameter, "a number");
}

int take_text(PyObject* object, const char* parameter, const char** out) {
  Py_ssize_t length;

  *out = NULL;
  if (object == Py_None) return 0;
  if (!PyUnicode_Check(object)) return wrong(object, parameter, "a str");
  *out = PyUnicode_AsUTF8AndSize(object, &length);
  if (*out == NULL) return -1;
  if (strlen(*out) == (size_t)length) return 0;
  PyErr_Format(PyExc_ValueError, "%s has a NUL inside", parameter);
  return -1;
}

/* The limited API of 3.10 has no Py_buffer; this part of it is older, and kept for good. */
PyAPI_FUNC(int) PyObject_AsReadBuffer(PyObject*, const void**, Py_ssize_t*);

int take_bytes(PyObject* object, const char* parameter, const void** out, size_t* count) {
  Py_ssize_t size;

  *out = NULL;
  *count = 0;
  if (object == Py_None) return 0;
  if (PyObject_AsReadBuffer(object, out, &size) != 0) {
    PyErr_Clear();
    return wrong(object, parameter, "bytes or another contiguous buffer");
  }
  *count = (size_t)size;
  return 0;
}

int take_dtype(PyObject* object, int32_t* out) {
  if (PyObject_TypeCheck(object, dtype_type)) {
    *out = ((DType*)object)->code;
    return 0;
  }
  if (PyLong_Check(object)) return take_int32(object, "dtype", out);
  return wrong(object, "dtype", "a dtype such as torch.float32");
}

void free_array(Array* array) {
  if (array->owned) PyMem_Free(array->items);
}

int make_room(Array* out, size_t count) {
  free_array(out); /* where there was room before, but not enough */
  out->count = count;
  out->owned = count > kMaxRank;
  memset(out->few, 0, sizeof out->few);
  out->items = out->owned ? PyMem_Calloc(count, sizeof(int64_t)) : out->few;
  if (out->items != NULL) return 0;
  out->owned = false;
  PyErr_NoMemory();
  return -1;
}

typedef int (*TakeElement)(PyObject*, const char*, void*);

static int take_array(PyObject* object, const char* parameter, Array* out, TakeElement take) {
  Py_ssize_t count, i;
  PyObject* items;

  if (object == Py_None) return 0;
  if (!PySequence_Check(object)) return wrong(object, parameter, "a sequence");
  items = PySequence_Tuple(object);
  if (items == NULL) return -1;
  count = PyTuple_Size(items);
  if (make_room(out, (size_t)count) != 0) {
    Py_DECREF(items);
    return -1;
  }
  for (i = 0; i < count; i++) {
    if (take(PyTuple_GetItem(items, i), parameter, (int64_t*)out->items + i) != 0) {
      Py_DECREF(items);
      return -1;
    }
  }
  Py_DECREF(items);
  return 0;
}

static int element_int64(PyObject* object, const char* parameter, void* out) {
  return take_int64(object, parameter, (int64_t*)out);
}
static int element_handle(PyObject* object, const char* parameter, void* out) {
  return take_handle(object, parameter, (tg_handle*)out);
}
static int element_double(PyObject* object, const char* parameter, void* out) {
  return take_double(object, parameter, (double*)out);
}

int take_int64_array(PyObject* object, const char* parameter, Array* out) {
  if (PyLong_Check(object)) {
    return make_room(out, 1) != 0 ? -1 : take_int64(object, parameter, (int64_t*)out->items);
  }
  return take_array(object, parameter, out, element_int64);
}
int take_handle_array(PyObject* object, const char* parameter, Array* out) {
  return take_array(object, parameter, out, element_handle);
}
int take_double_array(PyObject* object, const char* parameter, Array* out) {
  return take_array(object, parameter, out, element_double);
}

int take_rank(const Array* array, const char* parameter, int32_t* out) {
  if (array->count > INT32_MAX) {
    PyErr_Format(PyExc_OverflowError, "%s has too many elements", parameter);
    return -1;
  }
  *out = (int32_t)array->count;
  return 0;
}

int take_sizes(PyObject* object, const char* parameter, int64_t* items, int32_t* count) {
  Py_ssize_t size, i;

  if (PyLong_Check(object) || (!PySequence_Check(object) && PyIndex_Check(object))) {
    *count = 1;
    return take_int64(object, parameter, items);
  }
  if (!PySequence_Check(object)) return wrong(object, parameter, "integers");
  size = PySequence_Size(object);
  if (size < 0) return -1;
  if (size > kMaxRank) {
    raise_error(TG_ERROR_LIMIT, "%s: %d dimensions are more than 16", parameter, (int)size);
    return -1;
  }
  for (i = 0; i < size; i++) {
    PyObject* item = PySequence_GetItem(object, i);
    int failed = item == NULL || take_int64(item, parameter, &items[i]) != 0;
    Py_XDECREF(item);
    if (failed) return -1;
  }
  *count = (int32_t)size;
  return 0;
}

int check_count(const char* function, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most) {
  if (count >= least && count <= most) return 0;
  PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd arguments, %zd were given", function, least,
               most, count);
  return -1;
}

/* ---- results ---- */

PyObject* wrap_handle(HandleKind kind, tg_handle handle) {
  Box* box;

  if (kind == kTensor) return wrap_tensor(handle);
  if (handle == 0) Py_RETURN_NONE;
  box = PyObject_New(Box, handle_types[kind]);
  if (box == NULL) {
    tg_release(handle);
    return NULL;
  }
  box->handle = handle;
  box->weak_references = NULL;
  return (PyObject*)box;
}

PyObject* wrap_like(PyObject* like, tg_handle handle) {
  if (is_tensor(like)) return wrap_tensor(handle);
  for (int kind = kAny; kind < kHandleKinds; kind++) {
    if (kind != kTensor && Py_IS_TYPE(like, handle_types[kind])) {
      return wrap_handle((HandleKind)kind, handle);
    }
  }
  return wrap_handle(kAny, handle);
}

PyObject* list_of_handles(HandleKind kind, const tg_handle* handles, size_t count) {
  PyObject* list = PyList_New((Py_ssize_t)count);

  for (size_t i = 0; i < count; i++) {
    PyObject* box = list == NULL ? NULL : wrap_handle(kind, handles[i]);
    if (box == NULL) {
      if (list == NULL) tg_release(handles[i]);
      Py_CLEAR(list);
    } else {
      PyList_SetItem(list, (Py_ssize_t)i, box);
    }
  }
  return list;
}

PyObject* list_of_int64(const int64_t* items, size_t count) {
  PyObject* list = PyList_New((Py_ssize_t)count);

  for (size_t i = 0; list != NULL && i < count; i++) {
    PyObject* item = PyLong_FromLongLong(items[i]);
    if (item == NULL)
      Py_CLEAR(list);
    else
      PyList_SetItem(list, (Py_ssize_t)i, item);
  }
  return list;
}

/* ---- handles ---- */

static void handle_dealloc(PyObject* self) {
  Box* box = (Box*)self;
  PyTypeObject* type = Py_TYPE(self);

  if (box->weak_references != NULL) PyObject_ClearWeakRefs(self);
  tg_release(
      box->handle); /* a scope is ended by scope_exit alone; it says so, and nothing happens */
  PyObject_Free(self);
  Py_DECREF(type);
}

static PyObject* handle_repr(PyObject* self) {
  PyObject* name = PyObject_GetAttrString((PyObject*)Py_TYPE(self), "__name__");
  PyObject* text;

  if (name == NULL) return NULL;
  text = PyUnicode_FromFormat("<tapegrad.%U %llu>", name, (unsigned long long)handle_of(self));
  Py_DECREF(name);
  return text;
}

static PyObject* get_handle(PyObject* self, void* unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(handle_of(self));
}

static PyGetSetDef properties[] = {
    {"handle", get_handle, NULL, "The number by which the C interface knows the object.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Box, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};
static PyType_Slot slots[] = {{Py_tp_dealloc, (void*)handle_dealloc},
                              {Py_tp_repr, (void*)handle_repr},
                              {Py_tp_getset, properties},
                              {Py_tp_members, members},
                              {Py_tp_doc, (void*)"An object of the library; released with this "
                                                 "object, on whatever thread."},
                              {0, NULL}};
static PyType_Slot no_slots[] = {{0, NULL}};

int add_handles(PyObject* module) {
  static const char* const names[kHandleKinds] = {
      "tapegrad.Handle",       "",
      "tapegrad.ModuleHandle", "tapegrad.OptimizerHandle",
      "tapegrad.Generator",    "tapegrad.Operator",
      "tapegrad.Dict",         "tapegrad.Node",
      "tapegrad.Hook",         "tapegrad.Scope",
      "tapegrad.Token",        "tapegrad.Context",
      "tapegrad.Object"};
  PyType_Spec spec = {NULL, sizeof(Box), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

  for (int kind = 0; kind < kHandleKinds; kind++) {
    PyObject* type;
    if (kind == kTensor) continue;
    spec.name = names[kind];
    if (kind == kAny) {
      spec.flags |= Py_TPFLAGS_DISALLOW_INSTANTIATION;
      type = PyType_FromSpec(&spec);
      spec.slots = no_slots;
      handle_type = (PyTypeObject*)type;
    } else {
      type = PyType_FromSpecWithBases(&spec, (PyObject*)handle_type);
    }
    if (type == NULL || PyModule_AddObjectRef(module, strchr(names[kind], '.') + 1, type) != 0) {
      return -1;
    }
    handle_types[kind] = (PyTypeObject*)type;
  }
  return 0;
}
