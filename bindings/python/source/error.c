/* SPDX-License-Identifier: MIT */
/* Failures: tapegrad.Error, a RuntimeError with the status as `code` and its name as `name`. An
   error of an index is an IndexError too, one of memory a MemoryError. A number that this binding
   does not know is an Error with that number. */
#include <stdarg.h>
#include <stdio.h>

#include "binding.h"

PyObject* error_type;
static PyObject* index_error_type;
static PyObject* memory_error_type;

/* What a callback of this thread raised, until the call that ran it has failed. */
static _Thread_local PyObject* kept_type;
static _Thread_local PyObject* kept_value;
static _Thread_local PyObject* kept_traceback;

static PyObject* type_for(tg_status status) {
  switch (status) {
    case TG_ERROR_INDEX: return index_error_type;
    case TG_ERROR_OUT_OF_MEMORY: return memory_error_type;
    default: return error_type;
  }
}

static int set_number(PyObject* error, const char* name, long long number) {
  PyObject* object = PyLong_FromLongLong(number);
  int failed = object == NULL || PyObject_SetAttrString(error, name, object) != 0;

  Py_XDECREF(object);
  return failed ? -1 : 0;
}

static PyObject* make_error(tg_status status, const char* text, int64_t number, int32_t operand) {
  PyObject* error = PyObject_CallFunction(type_for(status), "s", text);
  PyObject* name = PyUnicode_FromString(tg_status_name(status));

  if (error != NULL &&
      (name == NULL || set_number(error, "code", status) != 0 ||
       set_number(error, "number", number) != 0 || set_number(error, "operand", operand) != 0 ||
       PyObject_SetAttrString(error, "name", name) != 0)) {
    Py_CLEAR(error);
  }
  Py_XDECREF(name);
  return error;
}

/* `cause` is a reference of its own, or NULL. */
static void set_error(tg_status status, const char* text, int64_t number, int32_t operand,
                      PyObject* cause) {
  PyObject* error = make_error(status, text, number, operand);

  if (error == NULL) {
    Py_XDECREF(cause);
    return;
  }
  if (cause != NULL) PyException_SetCause(error, cause);
  PyErr_SetObject(type_for(status), error);
  Py_DECREF(error);
}

void keep_exception_for_caller(void) {
  Py_CLEAR(kept_type);
  Py_CLEAR(kept_value);
  Py_CLEAR(kept_traceback);
  PyErr_Fetch(&kept_type, &kept_value, &kept_traceback);
  PyErr_NormalizeException(&kept_type, &kept_value, &kept_traceback);
  if (kept_traceback != NULL) PyException_SetTraceback(kept_value, kept_traceback);
}

PyObject* raise_status(tg_status status) {
  char text[4200];
  const char* message = NULL;
  int64_t number = 0;
  int32_t operand = -1;
  PyObject* type = kept_type;
  PyObject* cause = kept_value;
  PyObject* traceback = kept_traceback;

  kept_type = kept_value = kept_traceback = NULL;
  if (cause != NULL && !PyErr_GivenExceptionMatches(cause, PyExc_Exception)) {
    PyErr_Restore(type, cause, traceback); /* KeyboardInterrupt and its like pass as they are */
    return NULL;
  }
  if (tg_last_error() == status) {
    message = tg_last_error_message();
    tg_last_error_detail(&number, &operand);
  }
  if (message == NULL || message[0] == 0) message = tg_status_explain(status);
  if (status < TG_OK || status > TG_ERROR_PEER) { /* of a library of a later day */
    snprintf(text, sizeof text, "status %ld: %.4100s", (long)status, message);
  } else {
    snprintf(text, sizeof text, "%.4100s", message);
  }
  set_error(status, text, number, operand, cause);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return NULL;
}

PyObject* raise_error(tg_status status, const char* format, ...) {
  char text[1000];
  va_list arguments;

  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  set_error(status, text, 0, -1, NULL);
  return NULL;
}

static PyObject* two_bases(const char* name, const char* documentation, PyObject* second) {
  PyObject* bases = PyTuple_Pack(2, error_type, second);
  PyObject* type =
      bases == NULL ? NULL : PyErr_NewExceptionWithDoc(name, documentation, bases, NULL);

  Py_XDECREF(bases);
  return type;
}

static PyObject* failure(PyObject* module, PyObject* arguments) {
  const char* text;
  int status;

  (void)module;
  if (!PyArg_ParseTuple(arguments, "is:failure", &status, &text)) return NULL;
  return make_error(status, text, 0, -1);
}

static PyMethodDef functions[] = {{"failure", failure, METH_VARARGS,
                                   "failure(code, text, /)\n--\n\nAn Error with this status, to be "
                                   "raised by the package itself."},
                                  {NULL, NULL, 0, NULL}};

int add_errors(PyObject* module) {
  PyObject* defaults = Py_BuildValue("{s:i,s:s,s:i,s:i}", "code", TG_ERROR_INTERNAL, "name",
                                     "TG_ERROR_INTERNAL", "number", 0, "operand", -1);

  if (defaults == NULL) return -1;
  error_type = PyErr_NewExceptionWithDoc(
      "tapegrad.Error",
      "A call of the library failed. `code` is its status, `name` that status's name, `number` the "
      "number that\ngoes with it (errno, a byte offset, what a callback returned), `operand` the "
      "position of the operand at\nfault, or -1.",
      PyExc_RuntimeError, defaults);
  Py_DECREF(defaults);
  if (error_type == NULL) return -1;
  index_error_type = two_bases("tapegrad.OutOfRangeError",
                               "An Error that is an IndexError: a dimension or an index is out of "
                               "range.",
                               PyExc_IndexError);
  memory_error_type = two_bases("tapegrad.OutOfMemoryError",
                                "An Error that is a MemoryError: the system or the limit said no.",
                                PyExc_MemoryError);
  if (index_error_type == NULL || memory_error_type == NULL) return -1;
  if (PyModule_AddFunctions(module, functions) != 0 ||
      PyModule_AddObjectRef(module, "Error", error_type) != 0 ||
      PyModule_AddObjectRef(module, "OutOfRangeError", index_error_type) != 0) {
    return -1;
  }
  return PyModule_AddObjectRef(module, "OutOfMemoryError", memory_error_type);
}
