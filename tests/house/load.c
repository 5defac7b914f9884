/* SPDX-License-Identifier: MIT */
/* A host that loads the library a thousand times and lets it go: nothing stays behind, no mapping,
   no thread, no file, and loading alone does nothing at all. Argument: the shared library. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* library;

static void fail(const char* what) {
  fprintf(stderr, "load: %s\n", what);
  exit(1);
}

static int entries(const char* folder) {
  DIR* directory = opendir(folder);
  int count = 0;

  if (directory == NULL) fail(folder);
  while (readdir(directory) != NULL) ++count;
  closedir(directory);
  return count;
}

static int is_mapped(const char* name) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[4096];
  int found = 0;

  if (maps == NULL) fail("/proc/self/maps");
  while (fgets(line, sizeof line, maps) != NULL) {
    if (strstr(line, name) != NULL) found = 1;
  }
  fclose(maps);
  return found;
}

static long resident_pages(void) {
  FILE* file = fopen("/proc/self/statm", "r");
  long total = 0, resident = 0;

  if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2) fail("/proc/self/statm");
  fclose(file);
  return resident;
}

static void* load(void) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

  if (handle == NULL) fail(dlerror());
  return handle;
}

static void* function(void* handle, const char* name) {
  void* address = dlsym(handle, name);

  if (address == NULL) fail(dlerror());
  return address;
}

/* A little of everything that leaves traces: tensors, a graph and its way back, a mode, an error.
 */
static void use(void* handle) {
  typedef int32_t (*ones_fn)(int32_t, const int64_t*, int32_t, uint64_t*);
  typedef int32_t (*unary_fn)(uint64_t, uint64_t*);
  typedef int32_t (*flag_fn)(uint64_t, int32_t);
  typedef int32_t (*handle_fn)(uint64_t);
  typedef int32_t (*mode_fn)(int32_t);
  typedef int32_t (*plain_fn)(void);
  const int64_t shape[2] = {3, 4};
  uint64_t x, y, z;
  int failed = 0;

  failed |= ((ones_fn)function(handle, "tg_ones"))(1, shape, 2, &x);
  failed |= ((flag_fn)function(handle, "tg_tensor_set_requires_grad"))(x, 1);
  failed |= ((unary_fn)function(handle, "tg_exp"))(x, &y);
  failed |= ((unary_fn)function(handle, "tg_sum"))(y, &z);
  failed |= ((handle_fn)function(handle, "tg_backward"))(z);
  failed |= ((mode_fn)function(handle, "tg_inference_mode_enter"))(1);
  failed |= ((plain_fn)function(handle, "tg_inference_mode_exit"))();
  failed |= ((handle_fn)function(handle, "tg_release"))(x);
  failed |= ((handle_fn)function(handle, "tg_release"))(y);
  failed |= ((handle_fn)function(handle, "tg_release"))(z);
  if (failed) fail("a call failed");
  if (((handle_fn)function(handle, "tg_release"))(x) == 0) fail("a stale handle was released");
}

static void* use_in_thread(void* handle) {
  use(handle);
  return NULL;
}

/* A process that ends while a thread of its own is inside calls ends well: destructors of the
   library leave alone what that thread uses. */
static int thread_is_busy;

static void* use_for_ever(void* handle) {
  for (;;) {
    use(handle);
    __atomic_fetch_add(&thread_is_busy, 1, __ATOMIC_RELAXED);
  }
  return NULL;
}

static void end_in_the_middle(void) {
  pthread_t thread;
  void* handle = load();

  if (pthread_create(&thread, NULL, use_for_ever, handle) != 0) fail("pthread_create");
  while (__atomic_load_n(&thread_is_busy, __ATOMIC_RELAXED) < 20) sched_yield();
  use(handle);
  exit(0);
}

int main(int argc, char** argv) {
  int i, tasks, files;
  long pages;
  void* handle;
  pthread_t thread;

  if (argc != 2) fail("usage: load libtapegrad.so");
  library = argv[1];
  tasks = entries("/proc/self/task");
  files = entries("/proc/self/fd");

  handle = load();
  if (!is_mapped("libtapegrad")) fail("the library is not where it should be");
  if (is_mapped("blas")) fail("loading brought a BLAS along");
  if (entries("/proc/self/task") != tasks) fail("loading started a thread");
  if (entries("/proc/self/fd") != files) fail("loading opened a file");
  dlclose(handle);
  if (is_mapped("libtapegrad")) fail("dlclose left the library mapped");

  for (i = 0; i < 1000; ++i) dlclose(load());
  if (is_mapped("libtapegrad")) fail("dlclose left the library mapped");

  /* Used on this thread and on one that ends before, or after, the library goes. */
  pages = 0;
  for (i = 0; i < 200; ++i) {
    handle = load();
    use(handle);
    if (pthread_create(&thread, NULL, use_in_thread, handle) != 0) fail("pthread_create");
    pthread_join(thread, NULL);
    if (((int32_t(*)(void))function(handle, "tg_shutdown"))() != 0) fail("tg_shutdown failed");
    dlclose(handle);
    if (is_mapped("libtapegrad")) fail("dlclose left the library mapped after use");
    if (i == 20) pages = resident_pages();
  }
  if (resident_pages() > pages + 256) fail("each load leaves memory behind");
  /* A joined thread may be listed for a moment longer. */
  for (i = 0; i < 200 && entries("/proc/self/task") != tasks; ++i) usleep(10000);
  if (entries("/proc/self/task") != tasks) fail("a thread is left");
  if (entries("/proc/self/fd") != files) fail("a file is left open");

  for (i = 0; i < 50; ++i) {
    int status = 0;
    const pid_t child = fork();

    if (child == 0) end_in_the_middle();
    if (child < 0 || waitpid(child, &status, 0) != child) fail("fork");
    if (status != 0) fail("a process did not end well while a thread was inside a call");
  }
  printf("load: 1,201 times, and 50 processes that ended in the middle\n");
  return 0;
}
