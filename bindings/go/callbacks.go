// SPDX-License-Identifier: MIT

package tapegrad

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"
)

// Functions of Go that the library calls, on whatever thread makes the call that fails or needs
// memory. One function of C stands for each of them, made once: they are never freed, and the
// library may be inside one while another is set.
var (
	logger   atomic.Pointer[func(level int32, text string)]
	relieve  atomic.Pointer[func(current, wanted uint64) bool]
	logDoor  = sync.OnceValue(func() uintptr { return purego.NewCallback(logLine) })
	fullDoor = sync.OnceValue(func() uintptr { return purego.NewCallback(relieveMemory) })
)

// SetLog has log called with the message of each call that fails, with LogError, and with what is
// to know of the BLAS; nil takes it away. It runs in the goroutine of the call, so several may be
// in it at once, and it may call the library.
func SetLog(log func(level int32, text string)) error {
	return setFunction("tg_log_set", log, &logger, logDoor, func(door uintptr) uintptr {
		status, _, _ := purego.SyscallN(library.logSet, door, 0, 0)
		return status
	})
}

// SetMemoryPressure has ask called where a request would bring the library's bytes above softLimit
// (0: none) or was refused: it gives true if it gave memory back and the request is worth another
// try; nil takes it away. It runs in the midst of a call, so it may release and ask, no more.
func SetMemoryPressure(ask func(current, wanted uint64) bool, softLimit uint64) error {
	return setFunction("tg_memory_pressure_set", ask, &relieve, fullDoor, func(door uintptr) uintptr {
		status, _, _ := purego.SyscallN(library.pressureSet, door, 0, 0, uintptr(softLimit))
		return status
	})
}

func setFunction[F func(int32, string) | func(uint64, uint64) bool](name string, function F,
	place *atomic.Pointer[F], door func() uintptr, set func(door uintptr) uintptr) error {
	if err := Load(""); err != nil {
		return err
	}
	address := uintptr(0)
	if function != nil {
		place.Store(&function)
		address = door()
	}
	if status := Status(int32(set(address))); status != OK {
		return &Error{Code: status, Message: name + ": " + status.String()}
	}
	if function == nil {
		place.Store(nil)
	}
	return nil
}

// A panic must not pass through the library.
func reportPanic(function string) {
	if reason := recover(); reason != nil {
		fmt.Fprintf(os.Stderr, "tapegrad: %s: panic: %v\n", function, reason)
	}
}

func logLine(_ uintptr, level int32, text *byte) {
	defer reportPanic("SetLog")
	if log := logger.Load(); log != nil {
		length := 0
		for *(*byte)(unsafe.Add(unsafe.Pointer(text), length)) != 0 {
			length++
		}
		(*log)(level, string(unsafe.Slice(text, length)))
	}
}

func relieveMemory(_ uintptr, current, wanted uint64) (again int32) {
	again = 1
	defer reportPanic("SetMemoryPressure")
	if ask := relieve.Load(); ask != nil && (*ask)(current, wanted) {
		again = 0
	}
	return again
}
