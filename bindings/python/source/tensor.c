/* SPDX-License-Identifier: MIT */
/* The types: Tensor, a box around a handle; dtype; and torch.Size, which Python gives us. */
#include <stddef.h>

#include "binding.h"
#include "structmember.h"

PyTypeObject* tensor_type;
PyTypeObject* dtype_type;
PyObject* size_type;
DType* dtypes[kDTypes];

bool is_large(tg_tensor x) {
  int64_t count;

  return tg_tensor_numel(x, &count) == TG_OK && count > 16384;
}

PyObject* wrap_tensor(tg_tensor handle) {
  Box* box;

  if (handle == 0) Py_RETURN_NONE;
  box = PyObject_New(Box, tensor_type);
  if (box == NULL) {
    tg_release(handle);
    return NULL;
  }
  box->handle = handle;
  box->weak_references = NULL;
  return (PyObject*)box;
}

tg_tensor tensor_argument(PyObject* object, const char* function, const char* parameter) {
  if (is_tensor(object)) return handle_of(object);
  PyErr_Format(PyExc_TypeError, "%s(): %s must be a Tensor, not %R", function, parameter,
               (PyObject*)Py_TYPE(object));
  return 0;
}

static void tensor_dealloc(PyObject* self) {
  Box* box = (Box*)self;
  PyTypeObject* type = Py_TYPE(self);

  if (box->weak_references != NULL) PyObject_ClearWeakRefs(self);
  tg_release(box->handle);
  if (type == tensor_type) {
    PyObject_Free(self);
  } else {
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
  }
  Py_DECREF(type);
}

/* Tensor(data): as tensor(data) with the default dtype. A subclass made from a tensor is another
   handle of the same one. */
static PyObject* tensor_new(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  PyObject* data = NULL;
  PyObject* made;
  tg_tensor handle;
  tg_status status;
  allocfunc allocate;
  Box* box;

  if (keywords != NULL && PyDict_Size(keywords) > 0) {
    PyErr_SetString(PyExc_TypeError, "Tensor() takes no keyword arguments; use tensor()");
    return NULL;
  }
  if (!PyArg_ParseTuple(arguments, "|O:Tensor", &data)) return NULL;
  if (data == NULL) {
    int64_t none = 0;
    made = result(tg_empty(default_dtype, &none, 1, &handle), handle);
  } else if (is_tensor(data)) {
    made = Py_NewRef(data);
  } else {
    made = tensor_from_data(data, default_dtype, false);
  }
  if (made == NULL || type == tensor_type) return made;
  status = tg_alias(handle_of(made), &handle);
  Py_DECREF(made);
  if (status != TG_OK) return raise_status(status);
  allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  box = (Box*)allocate(type, 0);
  if (box == NULL) {
    tg_release(handle);
    return NULL;
  }
  box->handle = handle;
  return (PyObject*)box;
}

static PyObject* tensor_repr(PyObject* self) {
  char small[512];
  char* text = small;
  size_t length;
  PyObject *plain, *made;
  tg_status status;

  if (ready() != 0) return NULL;
  status = tg_tensor_format(handle_of(self), small, sizeof small, &length);
  if (status != TG_OK) return raise_status(status);
  if (length >= sizeof small) {
    text = (char*)PyMem_Malloc(length + 1);
    if (text == NULL) return PyErr_NoMemory();
    status = tg_tensor_format(handle_of(self), text, length + 1, &length);
  }
  plain = status == TG_OK ? PyUnicode_FromString(text) : raise_status(status);
  if (text != small) PyMem_Free(text);
  if (plain == NULL) return NULL;
  made = PyObject_CallMethod(plain, "replace", "ss", "dtype=", "dtype=torch.");
  Py_DECREF(plain);
  return made;
}

static PyObject* tensor_iter(PyObject* self) {
  int32_t rank;
  tg_status status = tg_tensor_rank(handle_of(self), &rank);

  if (status != TG_OK) return raise_status(status);
  if (rank == 0) {
    PyErr_SetString(PyExc_TypeError, "iteration over a tensor of rank 0");
    return NULL;
  }
  return PySeqIter_New(self);
}

static Py_hash_t tensor_hash(PyObject* self) { return (Py_hash_t)((uintptr_t)self >> 4); }

PyObject* shape_of(tg_tensor x) {
  int64_t shape[kMaxRank];
  int32_t rank, i;
  PyObject *sizes, *made;
  tg_status status = tg_tensor_shape(x, shape, kMaxRank, &rank);

  if (status != TG_OK) return raise_status(status);
  sizes = PyTuple_New(rank);
  if (sizes == NULL) return NULL;
  for (i = 0; i < rank; i++) PyTuple_SetItem(sizes, i, PyLong_FromLongLong(shape[i]));
  made = PyObject_CallFunctionObjArgs(size_type, sizes, NULL);
  Py_DECREF(sizes);
  return made;
}

/* ---- properties ---- */

static PyObject* get_shape(PyObject* self, void* unused) {
  (void)unused;
  return shape_of(handle_of(self));
}

static PyObject* get_dtype(PyObject* self, void* unused) {
  int32_t dtype;
  tg_status status = tg_tensor_dtype(handle_of(self), &dtype);

  (void)unused;
  if (status != TG_OK) return raise_status(status);
  return Py_NewRef((PyObject*)dtypes[dtype]);
}

static PyObject* ask(PyObject* self, tg_status (*question)(tg_tensor, int32_t*)) {
  int32_t answer;
  tg_status status = question(handle_of(self), &answer);

  return status == TG_OK ? PyBool_FromLong(answer) : raise_status(status);
}

static PyObject* get_requires_grad(PyObject* self, void* unused) {
  (void)unused;
  return ask(self, tg_tensor_requires_grad);
}

static int set_requires_grad(PyObject* self, PyObject* value, void* unused) {
  int truth = value == NULL ? -1 : PyObject_IsTrue(value);
  tg_status status;

  (void)unused;
  if (truth < 0) {
    if (value == NULL) PyErr_SetString(PyExc_AttributeError, "requires_grad cannot be deleted");
    return -1;
  }
  if (ready() != 0) return -1;
  status = tg_tensor_set_requires_grad(handle_of(self), truth);
  if (status != TG_OK) raise_status(status);
  return status == TG_OK ? 0 : -1;
}

static PyObject* get_is_leaf(PyObject* self, void* unused) {
  (void)unused;
  return ask(self, tg_tensor_is_leaf);
}

static PyObject* get_grad(PyObject* self, void* unused) {
  tg_tensor grad;
  tg_status status = tg_tensor_grad(handle_of(self), &grad);

  (void)unused;
  return result(status, grad);
}

static int set_grad(PyObject* self, PyObject* value, void* unused) {
  tg_tensor grad = 0;
  tg_status status;

  (void)unused;
  if (value != NULL && value != Py_None) {
    grad = tensor_argument(value, "grad", "the gradient");
    if (grad == 0) return -1;
  }
  if (ready() != 0) return -1;
  status = tg_tensor_set_grad(handle_of(self), grad);
  if (status != TG_OK) raise_status(status);
  return status == TG_OK ? 0 : -1;
}

static PyObject* get_version(PyObject* self, void* unused) {
  int64_t version;
  tg_status status = tg_tensor_version(handle_of(self), &version);

  (void)unused;
  return status == TG_OK ? PyLong_FromLongLong(version) : raise_status(status);
}

static PyObject* get_ndim(PyObject* self, void* unused) {
  int32_t rank;
  tg_status status = tg_tensor_rank(handle_of(self), &rank);

  (void)unused;
  return status == TG_OK ? PyLong_FromLong(rank) : raise_status(status);
}

static PyObject* get_nbytes(PyObject* self, void* unused) {
  uint64_t bytes;
  tg_status status = tg_tensor_nbytes(handle_of(self), &bytes);

  (void)unused;
  return status == TG_OK ? PyLong_FromUnsignedLongLong(bytes) : raise_status(status);
}

static PyObject* get_transposed(PyObject* self, void* unused) {
  tg_tensor out;

  (void)unused;
  if (ready() != 0) return NULL;
  tg_status status = tg_t(handle_of(self), &out);
  return result(status, out);
}

static PyObject* get_handle(PyObject* self, void* unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(handle_of(self));
}

static PyGetSetDef properties[] = {
    {"shape", get_shape, NULL, "The sizes of the dimensions, a torch.Size.", NULL},
    {"dtype", get_dtype, NULL, "The dtype of the elements.", NULL},
    {"requires_grad", get_requires_grad, set_requires_grad,
     "Whether operators on the tensor record themselves.", NULL},
    {"is_leaf", get_is_leaf, NULL,
     "Whether no recorded operator made the tensor. Inference tensors are never leaves.", NULL},
    {"grad", get_grad, set_grad, "The gradient that backward collected, or None.", NULL},
    {"_version", get_version, NULL, "How often the storage was changed in place.", NULL},
    {"ndim", get_ndim, NULL, "The number of dimensions.", NULL},
    {"nbytes", get_nbytes, NULL, "Bytes of the elements.", NULL},
    {"T", get_transposed, NULL, "The transposed matrix, a view.", NULL},
    {"handle", get_handle, NULL, "The number by which the C interface knows the tensor.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Box, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

/* ---- dtype ---- */

static PyObject* dtype_repr(PyObject* self) { return PyUnicode_FromString(((DType*)self)->name); }

static PyObject* dtype_reduce(PyObject* self, PyObject* unused) {
  (void)unused;
  return PyUnicode_FromString(((DType*)self)->name + 6); /* the name of the global in tapegrad */
}

static PyObject* dtype_code(PyObject* self, void* unused) {
  (void)unused;
  return PyLong_FromLong(((DType*)self)->code);
}

static PyObject* dtype_is_floating_point(PyObject* self, void* unused) {
  (void)unused;
  return PyBool_FromLong(((DType*)self)->code <= TG_BFLOAT16);
}

static PyObject* dtype_itemsize(PyObject* self, void* unused) {
  static const int sizes[kDTypes] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 1};

  (void)unused;
  return PyLong_FromLong(sizes[((DType*)self)->code]);
}

static void dtype_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);

  PyObject_Free(self);
  Py_DECREF(type);
}

static PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, "Pickled by name."},
                                      {NULL, NULL, 0, NULL}};
static PyGetSetDef dtype_properties[] = {
    {"code", dtype_code, NULL, "The number that the C interface gives it.", NULL},
    {"is_floating_point", dtype_is_floating_point, NULL, "Whether it can require grad.", NULL},
    {"itemsize", dtype_itemsize, NULL, "Bytes of one element.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot dtype_slots[] = {{Py_tp_repr, (void*)dtype_repr},
                                    {Py_tp_dealloc, (void*)dtype_dealloc},
                                    {Py_tp_methods, dtype_methods},
                                    {Py_tp_getset, dtype_properties},
                                    {Py_tp_doc, (void*)"The type of a tensor's elements."},
                                    {0, NULL}};
static PyType_Spec dtype_spec = {"tapegrad.dtype", sizeof(DType), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 dtype_slots};

static int add_dtypes(PyObject* module) {
  static const char* const names[kDTypes] = {
      NULL,         "torch.float32", "torch.float64", "torch.float16", "torch.bfloat16",
      "torch.int8", "torch.int16",   "torch.int32",   "torch.int64",   "torch.uint8",
      "torch.bool"};

  dtype_type = (PyTypeObject*)PyType_FromSpec(&dtype_spec);
  if (dtype_type == NULL || PyModule_AddObjectRef(module, "dtype", (PyObject*)dtype_type) != 0) {
    return -1;
  }
  for (int code = TG_FLOAT32; code < kDTypes; code++) {
    DType* dtype = PyObject_New(DType, dtype_type);
    if (dtype == NULL) return -1;
    dtype->code = code;
    dtype->name = names[code];
    dtypes[code] = dtype;
    if (PyModule_AddObjectRef(module, names[code] + 6, (PyObject*)dtype) != 0) return -1;
  }
  return 0;
}

static PyType_Slot tensor_slots[] = {
    {Py_tp_new, (void*)tensor_new},
    {Py_tp_dealloc, (void*)tensor_dealloc},
    {Py_tp_repr, (void*)tensor_repr},
    {Py_tp_hash, (void*)tensor_hash},
    {Py_tp_richcompare, (void*)compare},
    {Py_tp_getset, properties},
    {Py_tp_members, members},
    {Py_tp_methods, tensor_methods},
    {Py_tp_doc,
     (void*)"Tensor(data)\n--\n\nElements of one dtype, and perhaps a place on the tape. "
            "tensor() makes one."},
    {Py_nb_add, (void*)number_add},
    {Py_nb_subtract, (void*)number_subtract},
    {Py_nb_multiply, (void*)number_multiply},
    {Py_nb_true_divide, (void*)number_divide},
    {Py_nb_power, (void*)number_power},
    {Py_nb_matrix_multiply, (void*)number_matmul},
    {Py_nb_negative, (void*)number_negative},
    {Py_nb_positive, (void*)number_positive},
    {Py_nb_absolute, (void*)number_absolute},
    {Py_nb_invert, (void*)number_invert},
    {Py_nb_and, (void*)number_and},
    {Py_nb_or, (void*)number_or},
    {Py_nb_inplace_add, (void*)number_add_in_place},
    {Py_nb_inplace_subtract, (void*)number_subtract_in_place},
    {Py_nb_inplace_multiply, (void*)number_multiply_in_place},
    {Py_nb_inplace_true_divide, (void*)number_divide_in_place},
    {Py_nb_bool, (void*)number_bool},
    {Py_nb_int, (void*)number_int},
    {Py_nb_float, (void*)number_float},
    {Py_nb_index, (void*)number_index},
    {Py_tp_iter, (void*)tensor_iter},
    {Py_sq_item, (void*)item_at},
    {Py_mp_length, (void*)length},
    {Py_mp_subscript, (void*)subscript},
    {Py_mp_ass_subscript, (void*)assign_subscript},
    {0, NULL}};
static PyType_Spec tensor_spec = {"tapegrad.Tensor", sizeof(Box), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, tensor_slots};

int add_tensor(PyObject* module) {
  PyObject* size = PyImport_ImportModule("tapegrad._size");

  if (size == NULL) return -1;
  size_type = PyObject_GetAttrString(size, "Size");
  Py_DECREF(size);
  tensor_type = (PyTypeObject*)PyType_FromSpec(&tensor_spec);
  if (size_type == NULL || tensor_type == NULL || add_dtypes(module) != 0) return -1;
  return PyModule_AddObjectRef(module, "Tensor", (PyObject*)tensor_type);
}
