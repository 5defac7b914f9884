/* SPDX-License-Identifier: MIT */
/* Functions of Python that the library calls, and memory of Python that it reads. The library may
   call on any thread, and while the GIL is let go: each entry takes it. What a function raises
   becomes the cause of the error of the call that ran it. */
#include <string.h>

#include "convert.h"

int32_t status_of_exception(void) {
  PyObject *type, *value, *traceback, *code = NULL, *text = NULL;
  const char* message = NULL;
  long status = TG_ERROR_CALLBACK;

  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (PyErr_GivenExceptionMatches(value, error_type)) {
    code = PyObject_GetAttrString(value, "code");
    if (code != NULL) status = PyLong_AsLong(code);
    if (PyErr_Occurred() || status == 0) status = TG_ERROR_CALLBACK;
  }
  PyErr_Clear();
  text = PyObject_Str(value);
  if (text != NULL) message = PyUnicode_AsUTF8AndSize(text, NULL);
  PyErr_Clear();
  tg_error_set((tg_status)status, 0, message != NULL && message[0] != 0 ? message : NULL);
  Py_XDECREF(code);
  Py_XDECREF(text);
  PyErr_Restore(type, value, traceback);
  keep_exception_for_caller();
  return (int32_t)status;
}

int32_t call_callback(void* user_data) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  PyObject* made = PyObject_CallNoArgs((PyObject*)user_data);
  int32_t status = 0;

  modes_after_callback(modes);
  if (made == NULL) {
    status = status_of_exception();
  } else if (PyLong_Check(made)) {
    status = (int32_t)PyLong_AsLong(made);
    if (PyErr_Occurred()) status = status_of_exception();
  }
  Py_XDECREF(made);
  PyGILState_Release(state);
  return status;
}

/* Where no call waits for an answer, what a function raises is reported where Python reports such
   things. Gives the function's answer, NULL where there is none. */
static PyObject* call_unheard(void* user_data, PyObject* arguments) {
  PyObject* modes = modes_before_callback();
  PyObject* made = arguments == NULL ? NULL : PyObject_Call((PyObject*)user_data, arguments, NULL);

  modes_after_callback(modes);
  if (made == NULL) PyErr_WriteUnraisable((PyObject*)user_data);
  Py_XDECREF(arguments);
  return made;
}

int32_t call_wake(void* user_data) {
  PyGILState_STATE state;

  if (!Py_IsInitialized()) return 0;
  state = PyGILState_Ensure();
  Py_XDECREF(call_unheard(user_data, PyTuple_New(0)));
  PyGILState_Release(state);
  return 0;
}

void call_log(void* user_data, int32_t level, const char* text) {
  PyGILState_STATE state;

  if (!Py_IsInitialized()) return;
  state = PyGILState_Ensure();
  Py_XDECREF(call_unheard(user_data, Py_BuildValue("(is)", (int)level, text)));
  PyGILState_Release(state);
}

/* A true answer, or an exception: the library should not try again. */
int32_t call_pressure(void* user_data, uint64_t current, uint64_t wanted) {
  PyGILState_STATE state;
  PyObject* made;
  int32_t answer;

  if (!Py_IsInitialized()) return 1;
  state = PyGILState_Ensure();
  made = call_unheard(
      user_data, Py_BuildValue("(KK)", (unsigned long long)current, (unsigned long long)wanted));
  answer = made == NULL || PyObject_IsTrue(made) != 0;
  PyErr_Clear();
  Py_XDECREF(made);
  PyGILState_Release(state);
  return answer;
}

/* ---- parts of a calculation on threads of Python ---- */

typedef struct {
  tg_job_fn run; /* NULL once the call is over */
  void* job;
} Job;

static void end_job(PyObject* capsule) { PyMem_Free(PyCapsule_GetPointer(capsule, "job")); }

/* run(index): one part, on this thread, without the GIL. */
static PyObject* run_part(PyObject* capsule, PyObject* index) {
  Job* job = (Job*)PyCapsule_GetPointer(capsule, "job");
  size_t number;

  if (job == NULL || take_size(index, "index", &number) != 0) return NULL;
  if (job->run == NULL) {
    return raise_error(TG_ERROR_INVALID_ARGUMENT, "run: the call that these parts belong to ended");
  }
  Py_BEGIN_ALLOW_THREADS;
  job->run(job->job, number);
  Py_END_ALLOW_THREADS;
  Py_RETURN_NONE;
}

static PyMethodDef run_method = {"run", run_part, METH_O,
                                 "run(index, /)\n--\n\nRuns one part of the calculation."};

/* The function gets the number of parts and run; an exception: the library runs what was not run.
 */
int32_t call_parallel_for(void* user_data, size_t count, tg_job_fn run, void* job) {
  PyGILState_STATE state;
  Job* held;
  PyObject *capsule = NULL, *function = NULL, *made = NULL;

  if (!Py_IsInitialized()) return 1;
  state = PyGILState_Ensure();
  held = (Job*)PyMem_Malloc(sizeof *held);
  if (held != NULL) {
    held->run = run;
    held->job = job;
    capsule = PyCapsule_New(held, "job", end_job);
    if (capsule == NULL) PyMem_Free(held);
  }
  if (capsule != NULL) function = PyCFunction_NewEx(&run_method, capsule, NULL);
  if (function != NULL) {
    made = call_unheard(user_data, Py_BuildValue("(nO)", (Py_ssize_t)count, function));
  }
  PyErr_Clear();
  if (capsule != NULL) held->run = NULL;
  Py_XDECREF(capsule);
  Py_XDECREF(function);
  Py_XDECREF(made);
  PyGILState_Release(state);
  return made == NULL;
}

int give_tensors(PyObject* made, tg_tensor* outs, size_t out_count) {
  Array results = {0, NULL, false, {0}};
  int status = 0;

  if (out_count == 1 && !PyTuple_Check(made) && !PyList_Check(made)) {
    status = make_room(&results, 1) != 0 ||
             take_handle(made, "the result", (tg_handle*)results.items) != 0;
  } else {
    status = take_handle_array(made, "the results", &results) != 0;
    if (status == 0 && results.count != out_count) {
      PyErr_Format(PyExc_ValueError, "the function gave %zd results, %zd are wanted",
                   (Py_ssize_t)results.count, (Py_ssize_t)out_count);
      status = -1;
    }
  }
  for (size_t i = 0; status == 0 && i < out_count; i++) {
    tg_handle handle = ((tg_handle*)results.items)[i];
    outs[i] = 0;
    if (handle != 0 && tg_alias(handle, &outs[i]) != TG_OK) {
      raise_status(tg_last_error());
      status = -1;
    }
  }
  free_array(&results);
  return status;
}

PyObject* take_lent(const tg_tensor* tensors, size_t count) {
  PyObject* made = PyTuple_New((Py_ssize_t)count);

  for (size_t i = 0; made != NULL && i < count; i++) {
    tg_handle alias = 0;
    tg_status failed = tensors[i] == 0 ? TG_OK : tg_alias(tensors[i], &alias);
    PyObject* tensor = failed == TG_OK ? wrap_tensor(alias) : raise_status(failed);
    if (tensor == NULL)
      Py_CLEAR(made);
    else
      PyTuple_SetItem(made, (Py_ssize_t)i, tensor);
  }
  return made;
}

int32_t call_function(void* user_data, const tg_tensor* inputs, size_t count, tg_tensor* outs,
                      size_t out_count) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject* modes = modes_before_callback();
  PyObject* arguments = take_lent(inputs, count);
  PyObject* made = NULL;
  int32_t status = 0;

  if (arguments != NULL) made = PyObject_Call((PyObject*)user_data, arguments, NULL);
  modes_after_callback(modes);
  if (made == NULL || give_tensors(made, outs, out_count) != 0) status = status_of_exception();
  Py_XDECREF(arguments);
  Py_XDECREF(made);
  PyGILState_Release(state);
  return status;
}

void drop_reference(void* user_data) {
  PyGILState_STATE state;

  if (!Py_IsInitialized()) return; /* Python has ended; its memory went with it */
  state = PyGILState_Ensure();
  Py_DECREF((PyObject*)user_data);
  PyGILState_Release(state);
}

static void drop_owner(void* user_data, void* data) {
  (void)data;
  drop_reference(user_data);
}

/* tensor_from_memory(data, dtype, shape, strides, flags, owner) */
static PyObject* tensor_from_memory(PyObject* module, PyObject* const* arguments,
                                    Py_ssize_t count) {
  Array shape = {0, NULL, false, {0}}, strides = {0, NULL, false, {0}};
  uint64_t address = 0;
  uint32_t flags = 0;
  int32_t dtype = 0, rank = 0;
  tg_tensor out = 0;
  PyObject* made = NULL;
  tg_status status;

  (void)module;
  if (check_count("tensor_from_memory", count, 3, 6) != 0) return NULL;
  if (take_uint64(arguments[0], "data", &address) == 0 && take_dtype(arguments[1], &dtype) == 0 &&
      take_int64_array(arguments[2], "shape", &shape) == 0 &&
      take_rank(&shape, "shape", &rank) == 0 &&
      (!is_given(arguments, count, 3) ||
       take_int64_array(arguments[3], "strides", &strides) == 0) &&
      (!is_given(arguments, count, 4) || take_uint32(arguments[4], "flags", &flags) == 0) &&
      ready() == 0) {
    if (strides.items != NULL && strides.count != shape.count) {
      PyErr_SetString(PyExc_ValueError, "strides must be as many as sizes");
    } else {
      PyObject* owner = is_given(arguments, count, 5) ? Py_NewRef(arguments[5]) : NULL;
      status = tg_tensor_from_memory((void*)(uintptr_t)address, dtype, (int64_t*)shape.items,
                                     (int64_t*)strides.items, rank, flags,
                                     owner == NULL ? NULL : drop_owner, owner, &out);
      if (status != TG_OK) Py_XDECREF(owner);
      made = result(status, out);
    }
  }
  free_array(&shape);
  free_array(&strides);
  return made;
}

/* object_create(type, payload): a handle for any object of Python */
static PyObject* object_create(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
  const char* type;
  tg_object out;
  tg_status status;

  (void)module;
  if (check_count("object_create", count, 2, 2) != 0 ||
      take_text(arguments[0], "type", &type) != 0) {
    return NULL;
  }
  status = tg_object_create(type, Py_NewRef(arguments[1]), drop_reference, &out);
  if (status == TG_OK) return wrap_handle(kObject, out);
  Py_DECREF(arguments[1]);
  return raise_status(status);
}

static PyObject* object_payload(PyObject* module, PyObject* const* arguments, Py_ssize_t count) {
  tg_handle object;
  const char* type;
  void* payload;
  tg_status status;

  (void)module;
  if (check_count("object_payload", count, 2, 2) != 0 ||
      take_handle(arguments[0], "object", &object) != 0 ||
      take_text(arguments[1], "type", &type) != 0) {
    return NULL;
  }
  status = tg_object_payload(object, type, &payload);
  return status == TG_OK ? Py_NewRef((PyObject*)payload) : raise_status(status);
}

#define FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL
PyMethodDef memory_methods[] = {
    {"tensor_from_memory", FAST(tensor_from_memory),
     "tensor_from_memory(data, dtype, shape, strides=None, flags=0, owner=None, /)\n--\n\n"
     "A tensor over memory at the address data, without a copy. owner is held as long as a tensor, "
     "view or graph\nuses the memory."},
    {"object_create", FAST(object_create),
     "object_create(type, payload, /)\n--\n\nA handle for an object of Python."},
    {"object_payload", FAST(object_payload),
     "object_payload(object, type, /)\n--\n\nThe object behind a handle of object_create."},
    {NULL, NULL, 0, NULL}};
