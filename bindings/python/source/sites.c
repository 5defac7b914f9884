/* SPDX-License-Identifier: MIT */
/* Sites: while a thread asks for them, each of its calls first tells the library where in the
   caller's code it stands, so that errors can name the line. That is the innermost frame whose file
   is none of the package's. */
#include "binding.h"

unsigned preparations;

static _Thread_local int asked; /* how often by this thread: tasks may ask and end in turns */
static int threads;             /* how many ask */
static PyObject* folder;        /* where the package's files are, with a separator at its end */

/* The file of a frame's code; NULL: it is the package's own, or cannot be told. */
static PyObject* file_of(PyFrameObject* frame) {
  PyObject* code = (PyObject*)PyFrame_GetCode(frame);
  PyObject* file = PyObject_GetAttrString(code, "co_filename");

  Py_DECREF(code);
  if (file != NULL && PyUnicode_Tailmatch(file, folder, 0, PY_SSIZE_T_MAX, -1) != 0) {
    Py_CLEAR(file);
  }
  return file;
}

void say_site(void) {
  PyObject* frame;
  PyObject* file = NULL;
  const char* text = NULL;
  int line = 0;

  if (asked == 0) return;
  frame = Py_XNewRef((PyObject*)PyEval_GetFrame());
  while (frame != NULL && frame != Py_None && file == NULL) {
    PyObject* caller;
    file = file_of((PyFrameObject*)frame);
    line = PyFrame_GetLineNumber((PyFrameObject*)frame);
    caller = PyObject_GetAttrString(frame, "f_back");
    Py_DECREF(frame);
    frame = caller;
  }
  Py_XDECREF(frame);
  if (file != NULL) text = PyUnicode_AsUTF8AndSize(file, NULL);
  PyErr_Clear();
  if (tg_site_set(text, line > 0 ? line : 0) != TG_OK) tg_site_set(NULL, 0);
  Py_XDECREF(file);
}

/* change_sites(by, folder): how often they are asked for, never below 0. Gives the difference. */
static PyObject* change_sites(PyObject* module, PyObject* arguments) {
  PyObject* its_folder;
  int before = asked, by;

  (void)module;
  if (!PyArg_ParseTuple(arguments, "iU:change_sites", &by, &its_folder)) return NULL;
  if (folder == NULL) folder = Py_NewRef(its_folder);
  asked = by < -before ? 0 : before + by;
  threads += (asked > 0) - (before > 0);
  if (threads > 0) {
    preparations |= kSaySites;
  } else {
    preparations &= ~(unsigned)kSaySites;
  }
  if (asked == 0) tg_site_set(NULL, 0);
  return PyLong_FromLong(asked - before);
}

PyMethodDef site_methods[] = {
    {"change_sites", change_sites, METH_VARARGS,
     "change_sites(by, folder, /)\n--\n\nCalls of this thread say where they stand, outside of the "
     "files in folder, while this is\nasked for once or more; gives how much it changed."},
    {NULL, NULL, 0, NULL}};
