/* SPDX-License-Identifier: MIT */
/* DLPack's capsules: how libraries of one process hand tensors to each other in Python (the Python
   array API standard, "Data interchange mechanisms"). A capsule that nobody took ends its tensor.
 */
#include <string.h>

#include "convert.h"

/* As dlpack/dlpack.h has them; only the deleters are needed here. */
typedef struct {
  void* data;
  int32_t device_type, device_id, rank;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} Elements;

typedef struct Legacy {
  Elements elements;
  void* context;
  void (*deleter)(struct Legacy*);
} Legacy;

typedef struct Versioned {
  uint32_t major, minor;
  void* context;
  void (*deleter)(struct Versioned*);
  uint64_t flags;
  Elements elements;
} Versioned;

static const char* const names[2] = {"dltensor", "dltensor_versioned"};
static const char* const used_names[2] = {"used_dltensor", "used_dltensor_versioned"};

static void end_capsule(PyObject* capsule) {
  PyObject *type, *value, *traceback;

  PyErr_Fetch(&type, &value, &traceback);
  if (PyCapsule_IsValid(capsule, names[0])) {
    Legacy* tensor = (Legacy*)PyCapsule_GetPointer(capsule, names[0]);
    if (tensor->deleter != NULL) tensor->deleter(tensor);
  } else if (PyCapsule_IsValid(capsule, names[1])) {
    Versioned* tensor = (Versioned*)PyCapsule_GetPointer(capsule, names[1]);
    if (tensor->deleter != NULL) tensor->deleter(tensor);
  }
  PyErr_Restore(type, value, traceback);
}

/* capsule(address, versioned) */
static PyObject* capsule(PyObject* module, PyObject* arguments) {
  unsigned long long address;
  int versioned;

  (void)module;
  if (!PyArg_ParseTuple(arguments, "Kp:capsule", &address, &versioned)) return NULL;
  return PyCapsule_New((void*)(uintptr_t)address, names[versioned], end_capsule);
}

/* Which of the two names a capsule has; -1 raised. */
static int form_of(PyObject* object) {
  for (int form = 0; form < 2; form++) {
    if (PyCapsule_IsValid(object, names[form])) return form;
  }
  raise_error(TG_ERROR_INVALID_ARGUMENT,
              PyCapsule_IsValid(object, used_names[0]) || PyCapsule_IsValid(object, used_names[1])
                  ? "from_dlpack: the capsule was used already; each gives one tensor"
                  : "from_dlpack: what came is no capsule of DLPack");
  return -1;
}

/* open_capsule(capsule): the address and whether the form is the versioned one. */
static PyObject* open_capsule(PyObject* module, PyObject* object) {
  int form = form_of(object);

  (void)module;
  if (form < 0) return NULL;
  return Py_BuildValue("(KN)",
                       (unsigned long long)(uintptr_t)PyCapsule_GetPointer(object, names[form]),
                       PyBool_FromLong(form));
}

/* use_capsule(capsule): the tensor was taken out. */
static PyObject* use_capsule(PyObject* module, PyObject* object) {
  int form = form_of(object);

  (void)module;
  if (form < 0 || PyCapsule_SetName(object, used_names[form]) != 0) return NULL;
  Py_RETURN_NONE;
}

PyMethodDef exchange_methods[] = {{"capsule", capsule, METH_VARARGS, NULL},
                                  {"open_capsule", open_capsule, METH_O, NULL},
                                  {"use_capsule", use_capsule, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};
