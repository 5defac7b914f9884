// SPDX-License-Identifier: MIT

// Package tapegrad is the Go face of libtapegrad: tensors, a tape of gradients, inference mode. It
// needs no C compiler: the library is loaded when it is first used, and every call goes through
// tg_call with a frame, which holds the modes of the task and the text of its error. So nothing
// stays on a thread, and goroutines may move between threads as they like.
package tapegrad

import (
	"fmt"
	"os"
	"sync"

	"github.com/ebitengine/purego"
)

//go:generate python3 ../generate/go.py ../../api/api.json functions.go

// The functions of the library that are called by their addresses. Only tg_call needs more than
// integers, and it takes them behind pointers.
type entries struct {
	call, release, memoryCurrent, liveHandles, logSet, pressureSet uintptr
}

var (
	library    entries
	loadOnce   sync.Once
	loadFailed error
)

// Load opens the library; an empty path means the one that TG_LIBRARY names, else
// libtapegrad.so.0. Calling it is only needed to learn early that the library is missing, or to
// name another file; the first call counts.
func Load(path string) error {
	loadOnce.Do(func() { loadFailed = load(path) })
	return loadFailed
}

func load(path string) error {
	if path == "" {
		path = os.Getenv("TG_LIBRARY")
	}
	if path == "" {
		path = "libtapegrad.so.0"
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return fmt.Errorf("tapegrad: %w; set TG_LIBRARY to the path of libtapegrad.so.0", err)
	}
	for name, address := range map[string]*uintptr{
		"tg_call": &library.call, "tg_release": &library.release,
		"tg_memory_current": &library.memoryCurrent, "tg_live_handles": &library.liveHandles,
		"tg_log_set": &library.logSet, "tg_memory_pressure_set": &library.pressureSet,
	} {
		if *address, err = purego.Dlsym(handle, name); err != nil {
			return fmt.Errorf("tapegrad: %s is no libtapegrad: %w", path, err)
		}
	}
	return nil
}

// LiveHandles counts the handles of this process that are not released, those that wait for the
// garbage collector among them.
func LiveHandles() uint64 {
	if Load("") != nil {
		return 0
	}
	count, _, _ := purego.SyscallN(library.liveHandles)
	return uint64(count)
}
